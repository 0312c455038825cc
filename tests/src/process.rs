//! Processes, as the kernel has them.

use std::process::Child;

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
