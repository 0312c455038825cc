//! What the kernel is told and asked about a thread's cores.

use std::io;

use super::CpuSet;

/// Lets the calling thread run on one core only.
///
/// # Errors
///
/// The kernel's: there is no such core for this process, or it does not let itself be told.
#[cfg(target_os = "linux")]
pub(in crate::runtime) fn pin_to(core: usize) -> io::Result<()> {
    if core >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: a set of bits, for which all zeros are a value: the empty set.
    let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the number is below the size of the set.
    unsafe { libc::CPU_SET(core, &mut cores) };
    // SAFETY: 0 is the calling thread, and the set is as large as is said.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(&cores), &raw const cores) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The cores that the kernel lets the calling thread run on.
#[cfg(target_os = "linux")]
pub(in crate::runtime) fn read_back() -> Option<CpuSet> {
    // SAFETY: a set of bits, for which all zeros are a value: the empty set.
    let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: 0 is the calling thread, and the set is as large as is said.
    let result = unsafe { libc::sched_getaffinity(0, size_of_val(&cores), &raw mut cores) };
    // SAFETY: each number is below the size of the set.
    let is_set = |core: &usize| unsafe { libc::CPU_ISSET(*core, &cores) };
    (result == 0).then(|| (0..libc::CPU_SETSIZE as usize).filter(is_set).collect())
}

#[cfg(not(target_os = "linux"))]
pub(in crate::runtime) fn pin_to(_core: usize) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "threads are pinned on Linux only"))
}

#[cfg(not(target_os = "linux"))]
pub(in crate::runtime) fn read_back() -> Option<CpuSet> {
    None
}
