//! What is kept of each actor from one pull to the next.

use crate::actor::ActorId;

/// Of each actor one `T`, in the order of their numbers, as the actors of every pull are.
pub(super) struct PerActor<T>(Vec<(ActorId, T)>);

impl<T> Default for PerActor<T> {
    fn default() -> Self {
        PerActor(Vec::new())
    }
}

impl<T: Default> PerActor<T> {
    /// Keeps those of `ids`, which are in order: new ones begin, those that are gone leave nothing behind. Where they are
    /// those of the pull before, which is nearly always, nothing is moved.
    pub(super) fn follow(&mut self, ids: impl ExactSizeIterator<Item = ActorId> + Clone) {
        if self.0.iter().map(|(id, _)| *id).eq(ids.clone()) {
            return;
        }
        let mut kept = Vec::with_capacity(ids.len());
        let mut before = std::mem::take(&mut self.0).into_iter().peekable();
        for id in ids {
            while before.next_if(|(other, _)| *other < id).is_some() {}
            let known = before.next_if(|(other, _)| *other == id);
            kept.push(known.unwrap_or_else(|| (id, T::default())));
        }
        self.0 = kept;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, of_actor)| of_actor)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, of_actor)| of_actor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(kept: &mut PerActor<u32>, ids: &[u64]) -> Vec<u32> {
        kept.follow(ids.iter().map(|id| ActorId(*id)));
        kept.iter_mut().for_each(|pulls| *pulls += 1);
        kept.iter().copied().collect()
    }

    #[test]
    fn actors_come_and_go_and_the_others_keep_what_they_have() {
        let mut kept = PerActor::default();
        assert_eq!(follow(&mut kept, &[3, 5, 9]), [1, 1, 1]);
        assert_eq!(follow(&mut kept, &[3, 5, 9]), [2, 2, 2]);
        assert_eq!(follow(&mut kept, &[5, 7, 9, 12]), [3, 1, 3, 1]);
        assert_eq!(follow(&mut kept, &[1, 12]), [1, 2]);
        assert_eq!(follow(&mut kept, &[]), [0u32; 0]);
        assert_eq!(follow(&mut kept, &[12]), [1]);
    }
}
