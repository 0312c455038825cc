//! The parts of `actor` that have loom models, compiled alone: loom never sees tokio.

mod error;
mod reply;
mod reply_pool;
mod scope;
mod stamp;
mod trace;

/// In place of the cell's: no actor runs in a model.
mod cell {
    use super::stamp::Stamp;

    #[derive(Clone, Copy)]
    pub(super) struct TypeRef;

    impl TypeRef {
        pub(super) const NONE: TypeRef = TypeRef;

        pub(super) fn runtime(self) -> usize {
            0
        }

        pub(super) fn waited(self, _cell: usize, _stamp: Stamp) {}

        pub(super) fn refused(self, _cell: usize) {}
    }
}
