//! This process and its children, as the kernel has them.

use std::fs;
use std::process::Child;

use ostraca::cores::CpuSet;
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// Sends a signal to a child that has not been waited for. By the system call: the program `kill` is in a package of
/// its own, which not every Debian has.
///
/// # Panics
///
/// If there is no such process.
pub fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("it is our child, and nobody has waited for it");
}

/// What this process has in memory, in bytes; `None` where there is no `/proc`.
pub fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split(' ').nth(1)?.parse::<u64>().ok()? * rustix::param::page_size() as u64)
}

/// The cores that the kernel lets this thread run on.
///
/// # Panics
///
/// Where it does not say.
pub fn mask_of_this_thread() -> CpuSet {
    let status = fs::read_to_string("/proc/thread-self/status").expect("this is Linux");
    let mask = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    mask.and_then(|mask| mask.parse().ok()).expect("the kernel says which")
}
