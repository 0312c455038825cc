//! Actors: those that stand out, the tree that they hang in, shards by load.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::{per_second, short};
use crate::actor::ActorId;
use crate::monitor::{ActorNumbers, FindingKind, Snapshot, Subject};

/// Actors by each of the four orders.
const TOP_LEN: usize = 15;
/// Shards that a frame has, of all types together.
const SHARDS_MAX: usize = 1_024;

/// One actor that stands out.
#[derive(Serialize)]
pub(super) struct Actor {
    id: String,
    label: String,
    state: &'static str,
    mailbox: usize,
    mailbox_high: usize,
    /// How full it is; `None` for an unbounded one.
    mailbox_part: Option<f64>,
    rate: Option<f64>,
    busy: Option<f64>,
    restarts: u64,
    failed: u64,
}

/// The numbers of actors in each order.
#[derive(Default, Serialize)]
pub(super) struct Top {
    mailbox: Vec<String>,
    rate: Vec<String>,
    time: Vec<String>,
    restarts: Vec<String>,
}

/// The actors that are first in any order.
pub(super) fn top(now: &Snapshot) -> (Top, Vec<Actor>) {
    let rate = |actor: &ActorNumbers| actor.numbers.handled_per_second.unwrap_or(0.0);
    let mut chosen = BTreeSet::<usize>::new();
    let mut first = |key: &dyn Fn(&ActorNumbers) -> f64| -> Vec<String> {
        // The busier first among equals: mostly nobody waits.
        let weigh = |at: &usize| (key(&now.actors[*at]), rate(&now.actors[*at]));
        let heavier = |one: &usize, other: &usize| {
            let (one, other) = (weigh(one), weigh(other));
            other.0.total_cmp(&one.0).then(other.1.total_cmp(&one.1))
        };
        let mut all: Vec<usize> = (0..now.actors.len()).collect();
        if all.len() > TOP_LEN {
            all.select_nth_unstable_by(TOP_LEN, heavier);
            all.truncate(TOP_LEN);
        }
        all.sort_by(heavier);
        chosen.extend(&all);
        all.into_iter().map(|at| now.actors[at].label.id().to_string()).collect()
    };
    let top = Top {
        mailbox: first(&|actor| actor.numbers.mailbox_len as f64),
        rate: first(&rate),
        time: first(&|actor| actor.numbers.busy_part.unwrap_or(0.0)),
        restarts: first(&|actor| actor.numbers.restarts as f64),
    };
    (top, chosen.into_iter().map(|at| Actor::new(&now.actors[at])).collect())
}

impl Actor {
    fn new(of: &ActorNumbers) -> Self {
        let numbers = &of.numbers;
        let part = of.mailbox_len_max.map(|max| numbers.mailbox_len as f64 / max as f64);
        Actor {
            id: of.label.id().to_string(),
            label: of.label.to_string(),
            state: of.state.name(),
            mailbox: numbers.mailbox_len,
            mailbox_high: numbers.mailbox_high_water,
            mailbox_part: part.map(short),
            rate: per_second(numbers.handled_per_second),
            busy: numbers.busy_part.map(short),
            restarts: numbers.restarts,
            failed: numbers.failed,
        }
    }
}

/// The shards of one type of actor.
#[derive(Serialize)]
pub(super) struct OfType {
    a: &'static str,
    rate: Option<f64>,
    /// The part of the load that the busiest has.
    busiest_part: Option<f64>,
    cells: Vec<Shard>,
}

#[derive(Serialize)]
struct Shard {
    n: usize,
    state: &'static str,
    rate: Option<f64>,
    busy: Option<f64>,
    /// By what the grid is coloured: time if it is measured, else the rate.
    load: f64,
    hot: bool,
    mailbox: usize,
    restarts: u64,
}

/// All shards, by type and number.
pub(super) fn shards(now: &Snapshot) -> Vec<OfType> {
    let is_hot = |id: ActorId| {
        now.findings.iter().any(|finding| {
            let Subject::Actor(label) = &finding.subject else { return false };
            finding.kind == FindingKind::HotShard && label.id() == id
        })
    };
    let mut types = BTreeMap::<&'static str, Vec<Shard>>::new();
    let shards = now.actors.iter().filter_map(|actor| Some((actor.label.shard()?, actor)));
    for (n, actor) in shards.take(SHARDS_MAX) {
        let numbers = &actor.numbers;
        let load = numbers.busy_part.or(numbers.handled_per_second).unwrap_or(0.0);
        types.entry(actor.label.type_name()).or_default().push(Shard {
            n,
            state: actor.state.name(),
            rate: per_second(numbers.handled_per_second),
            busy: numbers.busy_part.map(short),
            load: short(load),
            hot: is_hot(actor.label.id()),
            mailbox: numbers.mailbox_len,
            restarts: numbers.restarts,
        });
    }
    let finish = |(a, mut cells): (&'static str, Vec<Shard>)| {
        cells.sort_by_key(|cell| cell.n);
        let all: f64 = cells.iter().map(|cell| cell.load).sum();
        let busiest = cells.iter().map(|cell| cell.load).fold(0.0, f64::max);
        let rate: Option<f64> = cells.iter().map(|cell| cell.rate).sum();
        let busiest_part = (all > 0.0).then(|| short(busiest / all));
        OfType { a, rate: per_second(rate), busiest_part, cells }
    };
    types.into_iter().map(finish).collect()
}

/// Children of one kind under one parent beyond which they are shown as a group.
const APART_MAX: usize = 3;
/// Actors of a group that are shown, those that are worth a look.
const GROUP_LEN_MAX: usize = 64;
/// Nodes of the whole tree.
const NODES_MAX: usize = 2_000;
/// A tree is no deeper, so that a mistake in it does not end in a stack that overflows.
const DEPTH_MAX: usize = 64;

/// An actor, or a group of siblings of one type.
#[derive(Serialize)]
pub(super) struct Node {
    id: String,
    label: String,
    state: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    mailbox: usize,
    rate: Option<f64>,
    #[serde(skip_serializing_if = "is_zero_u64")]
    restarts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    panic: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<Node>,
    /// Members of a group that are left out.
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero_u64(count: &u64) -> bool {
    *count == 0
}

/// The tree of supervision, with the system as its root.
pub(super) fn tree(system: &str, now: &Snapshot) -> Node {
    let mut children = HashMap::<Option<ActorId>, Vec<&ActorNumbers>>::new();
    for actor in &now.actors {
        // One whose parent is not listed is shown at the top rather than not at all.
        let parent = actor.parent.filter(|parent| now.of_actor(*parent).is_some());
        children.entry(parent).or_default().push(actor);
    }
    let mut tree = Tree { children, nodes_left: NODES_MAX };
    let below = tree.below(None, "system", 0);
    Node {
        id: "system".to_owned(),
        label: system.to_owned(),
        state: "running",
        mailbox: now.total.mailbox_len,
        rate: per_second(now.total.handled_per_second),
        restarts: now.total.restarts,
        panic: None,
        children: below,
        more: now.actors_left_out,
    }
}

struct Tree<'a> {
    children: HashMap<Option<ActorId>, Vec<&'a ActorNumbers>>,
    nodes_left: usize,
}

impl Tree<'_> {
    fn below(&mut self, parent: Option<ActorId>, id: &str, depth: usize) -> Vec<Node> {
        if depth >= DEPTH_MAX {
            return Vec::new();
        }
        // Taken out, so that nobody is shown twice, whatever the parents say.
        let Some(children) = self.children.remove(&parent) else { return Vec::new() };
        let mut types: Vec<(&'static str, Vec<&ActorNumbers>)> = Vec::new();
        for child in children {
            let type_name = child.label.type_name();
            match types.iter_mut().find(|(name, _)| *name == type_name) {
                Some((_, members)) => members.push(child),
                None => types.push((type_name, vec![child])),
            }
        }
        let mut nodes = Vec::new();
        for (type_name, members) in types {
            if members.len() > APART_MAX {
                nodes.push(self.group(format!("{id}/{type_name}"), type_name, members, depth));
            } else {
                nodes.extend(members.into_iter().map(|actor| self.actor(actor, depth)));
            }
        }
        nodes
    }

    fn actor(&mut self, of: &ActorNumbers, depth: usize) -> Node {
        self.nodes_left = self.nodes_left.saturating_sub(1);
        let id = of.label.id().to_string();
        Node {
            children: self.below(Some(of.label.id()), &id, depth + 1),
            id,
            label: of.label.to_string(),
            state: of.state.name(),
            mailbox: of.numbers.mailbox_len,
            rate: per_second(of.numbers.handled_per_second),
            restarts: of.numbers.restarts,
            panic: of.last_failure.as_ref().map(|failure| failure.text.to_string()),
            more: 0,
        }
    }

    fn group(&mut self, id: String, type_name: &str, mut members: Vec<&ActorNumbers>, depth: usize) -> Node {
        let len = members.len();
        let mailbox = members.iter().map(|actor| actor.numbers.mailbox_len).sum();
        let rate: f64 = members.iter().filter_map(|actor| actor.numbers.handled_per_second).sum();
        let restarts = members.iter().map(|actor| actor.numbers.restarts).sum();
        let worst = members.iter().map(|actor| actor.state.name()).find(|state| !is_well(state));
        let shown = GROUP_LEN_MAX.min(self.nodes_left);
        if len > shown {
            let worth = |actor: &&ActorNumbers| {
                let numbers = &actor.numbers;
                std::cmp::Reverse((!is_well(actor.state.name()), numbers.restarts, numbers.mailbox_len))
            };
            members.sort_by_key(worth);
            members.truncate(shown);
            members.sort_by_key(|actor| (actor.label.shard(), actor.label.id()));
        }
        let children = members.into_iter().map(|actor| self.actor(actor, depth + 1)).collect();
        Node {
            id,
            label: format!("{type_name} × {len}"),
            state: worst.unwrap_or("group"),
            mailbox,
            rate: per_second(Some(rate)),
            restarts,
            panic: None,
            children,
            more: len - shown.min(len),
        }
    }
}

fn is_well(state: &str) -> bool {
    matches!(state, "running" | "suspended")
}
