//! A set of processor cores, as the kernel writes it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A set of processor cores, counted as the operating system does. As text it is the kernel's list: `0-3,8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuSet(BTreeSet<usize>);

/// More than any Linux has; a list with a greater number is a mistake, and not gigabytes of memory.
const CPU_MAX: usize = 1 << 16;

/// Why a text is no list of cores.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no list of processor cores such as 0-3,8")]
pub struct CpuSetError(String);

impl CpuSet {
    /// The cores, the lowest first.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().copied()
    }

    /// Whether the core is in it.
    pub fn contains(&self, core: usize) -> bool {
        self.0.contains(&core)
    }

    /// How many cores.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no core.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(&self, other: &CpuSet) -> CpuSet {
        CpuSet(self.0.intersection(&other.0).copied().collect())
    }
}

impl FromIterator<usize> for CpuSet {
    fn from_iter<I: IntoIterator<Item = usize>>(cores: I) -> Self {
        CpuSet(cores.into_iter().collect())
    }
}

impl FromStr for CpuSet {
    type Err = CpuSetError;

    fn from_str(text: &str) -> Result<Self, CpuSetError> {
        let wrong = || CpuSetError(text.chars().take(80).collect());
        let number = |part: &str| part.trim().parse().ok().filter(|&core: &usize| core < CPU_MAX);
        let mut cores = BTreeSet::new();
        for part in text.trim().split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = number(first).zip(number(last)).ok_or_else(wrong)?;
            if first > last {
                return Err(wrong());
            }
            cores.extend(first..=last);
        }
        Ok(CpuSet(cores))
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cores = self.iter().peekable();
        let mut is_first = true;
        while let Some(first) = cores.next() {
            let mut last = first;
            while let Some(next) = cores.next_if_eq(&(last + 1)) {
                last = next;
            }
            let comma = if std::mem::take(&mut is_first) { "" } else { "," };
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}
