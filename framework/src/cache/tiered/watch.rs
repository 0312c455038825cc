//! What other processes do to a tier.

use std::hash::Hash;
use std::sync::{Arc, Weak};

use super::super::entry::Stamp;
use super::super::slot::Slot;
use super::super::tier::Watcher;
use super::core::Core;

/// Drops the copies in front of one tier.
pub(super) struct Watch<K, V> {
    pub(super) core: Weak<Core<K, V>>,
    /// Which tier tells.
    pub(super) index: usize,
}

impl<K, V> Watch<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The cache, and the tiers in front of the one that tells; nothing if it is gone.
    fn in_front(&self, tell: impl FnOnce(&Core<K, V>, &[Slot])) {
        if let Some(core) = self.core.upgrade() {
            tell(&core, &core.slots[..self.index]);
        }
    }
}

impl<K, V> Watcher for Watch<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn changed(&self, bytes: &[u8]) {
        self.in_front(|core, slots| {
            let key = core.wire.as_ref().and_then(|wire| wire.key_back(bytes));
            // A key that cannot be read back is none of ours.
            let Some(key) = key else { return };
            let bytes: Arc<[u8]> = bytes.into();
            let removed = core.flights.outdate(&key, || core.memory.remove(&key));
            drop(removed);
            if !slots.is_empty() {
                let stamp = core.clock.stamp();
                slots.iter().for_each(|slot| drop(slot.remove(&bytes, stamp)));
            }
        });
    }

    fn tag_removed(&self, tag: &str, stamp: Stamp) {
        self.in_front(|core, slots| {
            // Above all that is here: what this process read before it heard of it may have a higher stamp by its clock.
            core.clock.observe(stamp);
            let stamp = core.clock.stamp();
            let tag: Arc<str> = tag.into();
            if !core.remember_tag(&tag, stamp) {
                core.raise_floor(stamp);
            }
            core.flights.outdate_all();
            core.memory.remove_tag(&tag, stamp);
            slots.iter().for_each(|slot| drop(slot.remove_tag(&tag, stamp)));
        });
    }

    fn cleared(&self, stamp: Stamp) {
        self.in_front(|core, slots| {
            core.clock.observe(stamp);
            let stamp = core.clock.stamp();
            core.raise_floor(stamp);
            slots.iter().for_each(|slot| drop(slot.remove_all(stamp)));
        });
    }

    fn lost(&self) {
        self.in_front(|core, slots| {
            core.flights.outdate_all();
            core.memory.clear();
            if !slots.is_empty() {
                let stamp = core.clock.stamp();
                slots.iter().for_each(|slot| drop(slot.remove_all(stamp)));
            }
        });
    }
}
