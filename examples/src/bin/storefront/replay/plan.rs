//! Which write follows which page request.

use crate::chaos::GOLDEN;

/// What a visitor does after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing: the next page.
    Browse,
    /// Puts the product just seen into a cart.
    Add,
    /// Checks a cart out.
    CheckOut,
}

/// What follows the `index`-th page request: in 5 of 100 cases an addition, in 5 of 1,000 a check-out. It
/// depends on the seed and the index only, so that a run with another number of connections does the same.
pub(super) fn after(seed: u64, index: usize) -> Then {
    let draw = fastrand::Rng::with_seed(seed ^ (index as u64).wrapping_mul(GOLDEN)).u32(0..1_000);
    match draw {
        0..50 => Then::Add,
        50..55 => Then::CheckOut,
        _ => Then::Browse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_in_twenty_is_put_aside_and_one_in_two_hundred_checks_out() {
        let count = |seed, what| (0..76_118).filter(|index| after(seed, *index) == what).count();
        for seed in 0..5 {
            let (adds, orders) = (count(seed, Then::Add), count(seed, Then::CheckOut));
            assert!((3_550..=4_050).contains(&adds), "{adds} additions with seed {seed}");
            assert!((300..=460).contains(&orders), "{orders} check-outs with seed {seed}");
        }
    }
}
