//! Where shards live.

/// Says which node owns a shard. In this version there is one node; a cluster will bring its own.
pub trait Placement: Send + Sync + 'static {
    /// Whether shard `shard` of `len` is started in this process.
    fn is_here(&self, shard: usize, len: usize) -> bool;
}

/// Every shard is in this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisProcess;

impl Placement for ThisProcess {
    fn is_here(&self, _shard: usize, _len: usize) -> bool {
        true
    }
}
