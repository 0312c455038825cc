//! The process, as `/proc` shows it. What cannot be read is absent.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::runtime::context_switches;

/// What the operating system says about this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// Processor time used since its start, in user and kernel mode, over all threads.
    pub cpu: Option<Duration>,
    /// Memory that is in RAM, in bytes.
    pub resident_bytes: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// File descriptors that are open: files, sockets, pipes.
    pub fds: Option<u64>,
    /// The most that may be open.
    pub fds_max: Option<u64>,
    /// Times that one of its threads gave the processor up, because it waited for something.
    pub switches_voluntary: Option<u64>,
    /// Times that one of its threads was taken from the processor, because another's turn had come.
    pub switches_involuntary: Option<u64>,
}

/// Reads `/proc/self`. The units of its numbers are read once.
pub(super) struct ProcFiles {
    units: Units,
}

/// From the auxiliary vector that the kernel gives every process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Units {
    page_bytes: Option<u64>,
    ticks_per_second: Option<u64>,
}

impl Default for ProcFiles {
    fn default() -> Self {
        ProcFiles { units: fs::read("/proc/self/auxv").map_or(Units::default(), |auxv| Units::parse(&auxv)) }
    }
}

impl ProcFiles {
    pub(super) fn read(&self) -> Process {
        self.read_in(Path::new("/proc/self"))
    }

    fn read_in(&self, folder: &Path) -> Process {
        let stat = fs::read_to_string(folder.join("stat")).ok();
        let statm = fs::read_to_string(folder.join("statm")).ok();
        let limits = fs::read_to_string(folder.join("limits")).ok();
        let switches = context_switches();
        Process {
            cpu: stat.as_deref().and_then(|stat| cpu(stat, self.units.ticks_per_second?)),
            resident_bytes: statm.as_deref().and_then(|statm| resident(statm, self.units.page_bytes?)),
            threads: stat.as_deref().and_then(|stat| after_name(stat)?.nth(17)?.parse().ok()),
            fds: fds(&folder.join("fd")),
            fds_max: limits.as_deref().and_then(fds_max),
            switches_voluntary: switches.map(|switches| switches.voluntary),
            switches_involuntary: switches.map(|switches| switches.involuntary),
        }
    }
}

/// How many entries the folder has. Linux says so since 6.2 by its size; before that they are counted.
fn fds(folder: &Path) -> Option<u64> {
    match fs::metadata(folder).ok()?.len() {
        // The one that counts them is open, too.
        0 => Some((fs::read_dir(folder).ok()?.count() as u64).saturating_sub(1)),
        len => Some(len),
    }
}

/// The soft limit of proc_pid_limits(5). `None` also where it says `unlimited`.
fn fds_max(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

impl Units {
    /// The vector is pairs of words, a kind and a value.
    fn parse(auxv: &[u8]) -> Self {
        /// AT_PAGESZ and AT_CLKTCK of getauxval(3).
        const PAGE_BYTES: usize = 6;
        const TICKS_PER_SECOND: usize = 17;
        const WORD: usize = size_of::<usize>();
        let word = |bytes: &[u8]| bytes.try_into().ok().map(usize::from_ne_bytes);
        let value_of = |kind: usize| {
            let mut pairs = auxv.chunks_exact(2 * WORD).map(|pair| pair.split_at(WORD));
            let (_, value) = pairs.find(|(found, _)| word(found) == Some(kind))?;
            word(value).map(|value| value as u64).filter(|&value| value > 0)
        };
        Units { page_bytes: value_of(PAGE_BYTES), ticks_per_second: value_of(TICKS_PER_SECOND) }
    }
}

/// The fields of a `stat` file from the third (the state) on. The second is the program's name in brackets,
/// which may hold spaces and brackets.
fn after_name(stat: &str) -> Option<impl Iterator<Item = &str>> {
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_ascii_whitespace())
}

/// utime and stime: fields 14 and 15 of proc_pid_stat(5).
fn cpu(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    let mut times = after_name(stat)?.skip(11).map(str::parse::<u64>);
    let ticks = times.next()?.ok()? + times.next()?.ok()?;
    Some(Duration::from_secs(ticks) / u32::try_from(ticks_per_second).ok()?)
}

/// The second field of proc_pid_statm(5), in pages.
fn resident(statm: &str, page_bytes: u64) -> Option<u64> {
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(page_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "4242 (a (b) c) S 1 4242 4242 0 -1 4194560 100 0 0 0 250 125 0 0 20 0 9 0 1 2 3";

    #[test]
    fn a_program_name_with_spaces_and_brackets_is_skipped() {
        assert_eq!(cpu(STAT, 100), Some(Duration::from_millis(3_750)));
        assert_eq!(after_name(STAT).unwrap().nth(17), Some("9"), "threads");
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(resident("1000 25 10 1 0 50 0", 4096), Some(102_400));
    }

    #[test]
    fn the_soft_limit_of_files_is_read() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n";
        assert_eq!(fds_max(limits), Some(1024));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_that_is_opened_is_counted() {
        let folder = Path::new("/proc/self/fd");
        // Other tests of this process open and close files of their own: so many are not theirs.
        let before = fds(folder).unwrap();
        let opened: Vec<_> = (0..200).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
        assert!(fds(folder).unwrap() >= before + 100);
        drop(opened);
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        let files = ProcFiles { units: Units { page_bytes: Some(4096), ticks_per_second: Some(100) } };
        let read = files.read_in(Path::new("/nowhere"));
        assert_eq!(
            (read.cpu, read.resident_bytes, read.threads, read.fds, read.fds_max),
            (None, None, None, None, None)
        );
        assert_eq!(
            fds_max("Max open files            unlimited            unlimited            files"),
            None
        );
        assert_eq!(cpu("no such format", 100), None);
        assert_eq!(cpu("1 (a) S 1", 100), None);
        assert_eq!(resident("", 4096), None);
        assert_eq!(Units::parse(&[1, 2, 3]), Units::default());
    }

    #[test]
    fn units_come_from_the_auxiliary_vector() {
        let words: [usize; 6] = [6, 16_384, 17, 100, 0, 0];
        let auxv: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(Units::parse(&auxv), Units { page_bytes: Some(16_384), ticks_per_second: Some(100) });
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_numbers() {
        let process = ProcFiles::default().read();
        assert!(process.resident_bytes.unwrap() > 100_000);
        assert!(process.threads.unwrap() >= 1);
        assert!(process.cpu.is_some());
        assert!(process.fds.unwrap() >= 3);
        assert!(process.switches_voluntary.is_some() && process.switches_involuntary.is_some());
    }
}
