//! A value in several copies on cache lines of their own, so that threads that count at once rarely meet.

/// How many copies. Threads that share one still count right, only slower.
const STRIPES: usize = 8;

thread_local! {
    /// Its address tells threads apart.
    static MARK: u8 = const { 0 };
}

/// Copies of `T`, one for every few threads; a reader adds them up.
#[derive(Debug, Default)]
pub(crate) struct Striped<T>([Line<T>; STRIPES]);

#[derive(Debug, Default)]
#[repr(align(64))]
struct Line<T>(T);

impl<T> Striped<T> {
    /// The calling thread's copy.
    pub(crate) fn mine(&self) -> &T {
        &self.0[stripe()].0
    }

    /// All copies.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.0.iter().map(|line| &line.0)
    }

    /// The sum over all copies.
    pub(crate) fn sum(&self, value: impl Fn(&T) -> u64) -> u64 {
        self.iter().map(value).sum()
    }
}

/// Fibonacci hashing of an address that differs from thread to thread.
fn stripe() -> usize {
    // A thread that is being torn down counts in the first.
    let address = MARK.try_with(|mark| std::ptr::from_ref(mark).addr()).unwrap_or(0);
    let hash = (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> (u64::BITS - STRIPES.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::SharedCounter;

    #[test]
    fn stripes_add_up_to_what_all_threads_counted() {
        let count = Striped::<SharedCounter>::default();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| (0..1_000).for_each(|_| count.mine().add(1)));
            }
        });
        assert_eq!(count.sum(SharedCounter::value), 20_000);
    }

    #[test]
    fn a_thread_keeps_its_stripe() {
        let count = Striped::<SharedCounter>::default();
        assert!(std::ptr::eq(count.mine(), count.mine()));
    }
}
