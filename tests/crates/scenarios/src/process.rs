//! The resources of a process, read from `/proc`.

use std::fs;

/// KiB of memory that a process has in use (`VmRSS`).
///
/// # Panics
/// Where there is no such process, or no `/proc`.
pub fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("kB")
}

/// How many descriptors a process has open.
///
/// # Panics
/// Where there is no such process, or no `/proc`.
pub fn descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).expect("a running process").count()
}
