//! Who is refused first.

/// How much it matters that a message is answered. Under overload the low ones are refused first, the high ones last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// May fail at any time: prefetching, recommendations, reports.
    Low,
    /// The rest.
    #[default]
    Normal,
    /// What a customer pays for: payments, health checks.
    High,
}

impl Priority {
    /// The part of a limit that messages of this priority may fill.
    pub(super) const fn part(self) -> f64 {
        match self {
            Priority::Low => 0.5,
            Priority::Normal => 0.9,
            Priority::High => 1.0,
        }
    }
}
