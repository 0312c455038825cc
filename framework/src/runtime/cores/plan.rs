//! Which cores, and which shard on which.

use super::Machine;

/// Cores for at most `len_max` threads: those that this process may use, no more than it has time for, node after node.
/// The node with the most of them comes first, so that few threads share one.
pub(crate) fn share(machine: &Machine, len_max: usize) -> Vec<usize> {
    let Some(allowed) = &machine.allowed else { return Vec::new() };
    let time = machine.quota.map_or(usize::MAX, |quota| (quota as usize).max(1));
    let mut groups: Vec<Vec<usize>> =
        machine.nodes.iter().map(|node| node.cores.and(allowed).iter().collect()).collect();
    groups.push(allowed.iter().filter(|&core| machine.node_of(core).is_none()).collect());
    // Stable: nodes of one size stay in the order of their numbers.
    groups.sort_by_key(|cores| std::cmp::Reverse(cores.len()));
    groups.into_iter().flatten().take(len_max.min(time)).collect()
}

/// The thread of a shard: equal runs of neighbours. Threads are in the order of their nodes, so a run has one node.
pub(crate) fn thread_of(shard: usize, shards: usize, threads: usize) -> usize {
    shard * threads / shards
}
