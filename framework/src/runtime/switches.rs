//! How often the process's threads were switched: the one number about the process that no file holds.
//!
//! `/proc/self/status` has those of the first thread alone, and the sum over `/proc/self/task` forgets the threads that
//! are gone.

/// Context switches of all threads, those that are gone included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switches {
    /// The thread waited for something.
    pub(crate) voluntary: u64,
    /// Its time was over, or another was more urgent.
    pub(crate) involuntary: u64,
}

/// getrusage(2) of the process. `None` where there is none, or it fails.
#[cfg(target_os = "linux")]
pub(crate) fn context_switches() -> Option<Switches> {
    use std::mem::MaybeUninit;

    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the pointer is to room for one.
    let outcome = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    if outcome != 0 {
        return None;
    }
    // SAFETY: it succeeded, and so has written all of it.
    let usage = unsafe { usage.assume_init() };
    Some(Switches {
        voluntary: usage.ru_nvcsw.try_into().ok()?,
        involuntary: usage.ru_nivcsw.try_into().ok()?,
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn context_switches() -> Option<Switches> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_is_switched() {
        let before = context_switches().unwrap();
        // Each hand-over makes the other thread wait.
        let (ping, pinged) = std::sync::mpsc::sync_channel(0);
        std::thread::scope(|scope| {
            scope.spawn(move || (0..50).for_each(|n| ping.send(n).unwrap()));
            pinged.iter().for_each(drop);
        });
        let after = context_switches().unwrap();
        assert!(after.voluntary > before.voluntary, "{before:?} {after:?}");
        assert!(after.involuntary >= before.involuntary);
    }
}
