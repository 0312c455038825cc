use std::fs;
use std::path::Path;

use super::*;

/// A machine in files: `path` below the root, and its text.
fn machine(files: &[(&str, &str)]) -> Machine {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Machine::read_below(root.path())
}

/// Two nodes of four cores, whose numbers alternate, as on machines with two sockets.
const TWO_NODES: [(&str, &str); 6] = [
    ("sys/devices/system/cpu/online", "0-7\n"),
    ("sys/devices/system/node/node0/cpulist", "0,2,4,6\n"),
    ("sys/devices/system/node/node1/cpulist", "1,3,5,7\n"),
    ("sys/devices/system/node/node2/cpulist", "\n"),
    ("sys/devices/system/node/possible", "0-2\n"),
    ("proc/self/status", "Name:\tshop\nCpus_allowed:\tff\nCpus_allowed_list:\t0-7\n"),
];

fn with(more: &[(&'static str, &'static str)]) -> Machine {
    machine(&[&TWO_NODES[..], more].concat())
}

fn set(text: &str) -> CpuSet {
    text.parse().unwrap()
}

#[test]
fn a_list_of_cores_is_read_and_written_as_the_kernel_does() {
    for text in ["", "0", "0-3", "0-3,8", "1,3,5-7,64-127"] {
        assert_eq!(set(text).to_string(), text);
    }
    assert_eq!(set(" 3,1-2,2\n").to_string(), "1-3");
    for wrong in ["3-1", "a", "-", "1-", "0-99999999999", "0-65536", "1;2", "-1"] {
        let error = wrong.parse::<CpuSet>().unwrap_err();
        assert_eq!(error.to_string(), format!("{wrong:?} is no list of processor cores such as 0-3,8"));
    }
}

#[test]
fn nodes_are_read_with_their_cores() {
    let machine = with(&[]);
    assert_eq!(machine.online, Some(set("0-7")));
    assert_eq!(machine.allowed, Some(set("0-7")));
    assert_eq!(machine.quota, None);
    let nodes: Vec<_> = machine.nodes.iter().map(|node| (node.id, node.cores.to_string())).collect();
    assert_eq!(nodes, [(0, "0,2,4,6".into()), (1, "1,3,5,7".into()), (2, String::new())]);
    assert_eq!((machine.node_of(6), machine.node_of(7), machine.node_of(8)), (Some(0), Some(1), None));
    assert_eq!(machine.to_string(), "3 nodes, 8 cores, 8 allowed (0-7)");
    assert!(machine.lacks(8) && !machine.lacks(7));
}

#[test]
fn a_machine_that_says_nothing_is_unknown_and_not_invented() {
    let machine = machine(&[]);
    assert_eq!(machine, Machine::default());
    assert_eq!(machine.to_string(), "nodes unknown");
    assert!(!machine.lacks(1_000));
    assert!(share(&machine, 4).is_empty());
}

#[test]
fn the_least_quota_on_the_way_up_to_the_root_counts() {
    let machine = with(&[
        ("proc/self/cgroup", "0::/shop.slice/api\n"),
        ("sys/fs/cgroup/shop.slice/api/cpu.max", "max 100000\n"),
        ("sys/fs/cgroup/shop.slice/cpu.max", "250000 100000\n"),
        ("sys/fs/cgroup/cpuset.cpus.effective", "0-7\n"),
        ("sys/fs/cgroup/shop.slice/cpuset.cpus.effective", "1-4\n"),
    ]);
    assert_eq!(machine.quota, Some(2.5));
    assert_eq!(machine.allowed, Some(set("1-4")));
    assert_eq!(
        machine.to_string(),
        "3 nodes, 8 cores, 4 allowed (1-4), the time of 2.5 by the control group"
    );
}

#[test]
fn groups_of_version_1_are_read_too() {
    let machine = with(&[
        ("proc/self/cgroup", "5:cpuset:/api\n4:cpu,cpuacct:/api\n1:name=systemd:/\n"),
        ("sys/fs/cgroup/cpu,cpuacct/api/cpu.cfs_quota_us", "150000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/api/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
        ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/cpuset/api/cpuset.effective_cpus", "6-7\n"),
    ]);
    assert_eq!((machine.quota, machine.allowed), (Some(1.5), Some(set("6-7"))));
}

#[test]
fn a_group_outside_the_containers_root_is_that_root() {
    let machine = with(&[
        ("proc/self/cgroup", "0::/../../host\n"),
        ("sys/fs/cgroup/cpu.max", "50000 100000\n"),
        ("host/cpu.max", "1 100000\n"),
    ]);
    assert_eq!(machine.quota, Some(0.5));
}

#[test]
fn threads_fill_a_node_before_they_begin_the_next() {
    let machine = with(&[]);
    assert_eq!(share(&machine, 3), [0, 2, 4]);
    assert_eq!(share(&machine, 6), [0, 2, 4, 6, 1, 3]);
    assert_eq!(share(&machine, 100), [0, 2, 4, 6, 1, 3, 5, 7]);
}

#[test]
fn threads_go_to_allowed_cores_where_most_are_together() {
    let cores = "Cpus_allowed_list:\t1-3,5\n";
    let machine = machine(&[&TWO_NODES[..5], &[("proc/self/status", cores)]].concat());
    assert_eq!(share(&machine, 100), [1, 3, 5, 2]);
}

#[test]
fn no_more_threads_than_the_quota_has_time_for() {
    let quota = |text| with(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", text)]);
    assert_eq!(share(&quota("250000 100000"), 100), [0, 2]);
    assert_eq!(share(&quota("10000 100000"), 100), [0], "one thread, for a tenth of its time");
}

#[test]
fn a_run_of_shards_stays_on_one_node() {
    let machine = with(&[]);
    let cores = share(&machine, 8);
    let node = |shard| machine.node_of(cores[thread_of(shard, 64, cores.len())]).unwrap();
    let nodes: Vec<_> = (0..64).map(node).collect();
    assert_eq!(nodes, [[0; 32], [1; 32]].concat());
    let threads: Vec<_> = (0..5).map(|shard| thread_of(shard, 5, 2)).collect();
    assert_eq!(threads, [0, 0, 0, 1, 1]);
    assert_eq!((0..2).map(|shard| thread_of(shard, 2, 8)).collect::<Vec<_>>(), [0, 4]);
}

#[test]
fn this_machine_can_be_read() {
    let machine = Machine::read();
    if Path::new("/proc/self/status").exists() {
        let allowed = machine.allowed.expect("the kernel says what a process may use");
        assert!(!allowed.is_empty());
        assert_eq!(read_back(), Some(allowed), "this thread was not pinned");
    }
}
