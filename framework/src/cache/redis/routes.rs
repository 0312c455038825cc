//! Which server has which slot.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value, cmd};

use super::super::tier::TierError;
use super::layout::SLOTS;
use super::node::Node;

/// The servers, and where each slot lies. Never changed: a cluster that looks different has another one.
pub(super) struct Routes {
    /// By address.
    nodes: Vec<(String, Arc<Node>)>,
    /// The place in `nodes` of each slot's server; empty where one server has all of them.
    slots: Vec<u16>,
}

/// No server.
const NOBODY: u16 = u16::MAX;

impl Routes {
    pub(super) fn one(address: String, node: Node) -> Self {
        Routes { nodes: vec![(address, Arc::new(node))], slots: Vec::new() }
    }

    /// A cluster that was not heard of yet.
    pub(super) fn nowhere() -> Self {
        Routes { nodes: Vec::new(), slots: vec![NOBODY; SLOTS.into()] }
    }

    /// The routes for a map, with the servers that these have already.
    pub(super) fn changed(&self, map: &SlotMap, start: impl Fn(&str) -> Option<Node>) -> Self {
        let mut routes = Routes::nowhere();
        for (first, last, address) in &map.0 {
            let known = routes.nodes.iter().position(|(known, _)| known == address);
            let at = known.or_else(|| {
                let node = self.by_address(address).or_else(|| start(address).map(Arc::new))?;
                routes.nodes.push((address.clone(), node));
                Some(routes.nodes.len() - 1)
            });
            let at = at.and_then(|at| u16::try_from(at).ok()).unwrap_or(NOBODY);
            routes.slots[usize::from(*first)..=usize::from(*last)].fill(at);
        }
        routes
    }

    /// The server that has the slot.
    pub(super) fn node(&self, slot: u16) -> Result<&Arc<Node>, TierError> {
        let at = self.slots.get(usize::from(slot)).map_or(0, |at| usize::from(*at));
        let node = self.nodes.get(at).map(|(_, node)| node);
        node.ok_or_else(|| TierError::unavailable("no server of the cluster is known to have this key"))
    }

    pub(super) fn by_address(&self, address: &str) -> Option<Arc<Node>> {
        self.nodes.iter().find(|(known, _)| known == address).map(|(_, node)| node.clone())
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.iter().map(|(_, node)| node)
    }

    /// Why not every slot has a server whose connections are live.
    pub(super) fn outage(&self) -> Option<TierError> {
        if self.slots.contains(&NOBODY) {
            return Some(TierError::unavailable(
                "some keys have no server in the cluster, as far as is known",
            ));
        }
        self.nodes.iter().find_map(|(address, node)| {
            let why = node.outage()?;
            Some(TierError::unavailable(format_args!("{address}: {why}")))
        })
    }

    pub(super) fn is_of(&self, map: &SlotMap) -> bool {
        let at = |slot: u16| self.nodes.get(usize::from(self.slots[usize::from(slot)])).map(|(at, _)| at);
        let covered: usize = map.0.iter().map(|(first, last, _)| usize::from(last - first) + 1).sum();
        covered == self.slots.iter().filter(|at| **at != NOBODY).count()
            && map.0.iter().all(|(first, last, address)| {
                (*first..=*last).all(|slot| at(slot).is_some_and(|at| at == address))
            })
    }
}

/// What a server says of the cluster: first slot, last slot, the address of its primary.
pub(super) struct SlotMap(Vec<(u16, u16, String)>);

impl SlotMap {
    /// Asks over a connection. `host` is where that goes to: a server may not know its own name.
    pub(super) async fn ask(connection: &mut MultiplexedConnection, host: &str) -> RedisResult<SlotMap> {
        let ranges: Vec<Vec<Value>> = cmd("CLUSTER").arg("SLOTS").query_async(connection).await?;
        Ok(SlotMap(ranges.iter().filter_map(|range| SlotMap::range(range, host)).collect()))
    }

    fn range(range: &[Value], host: &str) -> Option<(u16, u16, String)> {
        let [Value::Int(first), Value::Int(last), Value::Array(primary), ..] = range else { return None };
        let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
        let [name, Value::Int(port), ..] = &primary[..] else { return None };
        let name = match name {
            Value::BulkString(name) if !name.is_empty() => str::from_utf8(name).ok()?,
            Value::SimpleString(name) if !name.is_empty() => name,
            _ => host,
        };
        (first <= last && last < SLOTS).then(|| (first, last, format!("{name}:{port}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_and_one_that_lies_outside_is_not() {
        let primary = |name: Value| Value::Array(vec![name, Value::Int(7_000), Value::Nil]);
        let range = |last, name| vec![Value::Int(5), Value::Int(last), primary(name)];
        let name = Value::BulkString(b"10.0.0.1".to_vec());
        assert_eq!(SlotMap::range(&range(9, name.clone()), "h"), Some((5, 9, "10.0.0.1:7000".to_owned())));
        assert_eq!(SlotMap::range(&range(9, Value::Nil), "h"), Some((5, 9, "h:7000".to_owned())));
        assert_eq!(SlotMap::range(&range(16_384, name.clone()), "h"), None);
        assert_eq!(SlotMap::range(&range(4, name), "h"), None);
    }
}
