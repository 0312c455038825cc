//! How long the machine's tasks wait for what there is too little of: the kernel's pressure stall information.
//!
//! Source: the kernel's `Documentation/accounting/psi.rst`. Of the machine, not of the container. Where the kernel does not
//! keep it, all is absent.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// Waits for each resource.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Pressure {
    /// Some task waited for a processor.
    pub cpu_some: Option<Stall>,
    /// Some task waited for memory.
    pub memory_some: Option<Stall>,
    /// All tasks that were not idle waited for memory at once.
    pub memory_full: Option<Stall>,
    /// Some task waited for a disk.
    pub io_some: Option<Stall>,
    /// All tasks that were not idle waited for a disk at once.
    pub io_full: Option<Stall>,
}

/// How long a wait of one kind went on.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stall {
    /// The part of the last ten seconds, from 0 to 1.
    pub part_10s: f64,
    /// Since the machine's start.
    pub total: Duration,
}

pub(super) fn read() -> Pressure {
    read_in(Path::new("/proc/pressure"))
}

fn read_in(folder: &Path) -> Pressure {
    let file = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let (cpu, memory, io) = (file("cpu"), file("memory"), file("io"));
    Pressure {
        cpu_some: stall(&cpu, "some "),
        memory_some: stall(&memory, "some "),
        memory_full: stall(&memory, "full "),
        io_some: stall(&io, "some "),
        io_full: stall(&io, "full "),
    }
}

/// `some avg10=0.12 avg60=0.00 avg300=0.00 total=1234`: percent, and microseconds.
fn stall(text: &str, kind: &str) -> Option<Stall> {
    let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
    let value = |key: &str| line.split_ascii_whitespace().find_map(|word| word.strip_prefix(key));
    let part_10s = value("avg10=")?.parse::<f64>().ok()? / 100.0;
    let total = Duration::from_micros(value("total=")?.parse().ok()?);
    Some(Stall { part_10s, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_read_by_its_kind() {
        let text = "some avg10=12.50 avg60=1.00 avg300=0.10 total=2000000\nfull avg10=0.25 avg60=0.00 avg300=0.00 total=3\n";
        assert_eq!(stall(text, "some "), Some(Stall { part_10s: 0.125, total: Duration::from_secs(2) }));
        assert_eq!(stall(text, "full "), Some(Stall { part_10s: 0.002_5, total: Duration::from_micros(3) }));
    }

    #[test]
    fn what_the_kernel_does_not_keep_is_absent() {
        assert_eq!(read_in(Path::new("/nowhere")), Pressure::default());
        assert_eq!(stall("some avg10=x total=1", "some "), None);
    }
}
