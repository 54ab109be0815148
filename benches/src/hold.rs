//! Processors for what is measured.

/// Holds this thread, and those that it starts from now on, to these processors.
///
/// # Errors
/// If there is no such processor.
#[cfg(target_os = "linux")]
pub fn to(processors: impl IntoIterator<Item = usize>) -> Result<(), String> {
    use nix::sched::{CpuSet, sched_setaffinity};
    use nix::unistd::Pid;
    let mut set = CpuSet::new();
    processors.into_iter().try_for_each(|processor| set.set(processor)).map_err(|error| error.to_string())?;
    sched_setaffinity(Pid::from_raw(0), &set).map_err(|error| error.to_string())
}

/// Elsewhere the system offers no such hold; the number of threads is kept all the same.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn to(_: impl IntoIterator<Item = usize>) -> Result<(), String> {
    Ok(())
}
