//! Figures of the process, from `/proc` (proc(5)). Elsewhere than on Linux there are none.

use std::fs;

/// The figures of a process that Prometheus' client libraries report.
pub(super) struct Process {
    /// User and system time, in seconds.
    pub(super) cpu: f64,
    pub(super) resident: u64,
    pub(super) virtual_bytes: u64,
    /// Seconds since 1970.
    pub(super) start: f64,
    pub(super) threads: u64,
    pub(super) open_descriptors: Option<u64>,
    pub(super) max_descriptors: Option<u64>,
}

/// Ticks of `/proc/self/stat` in a second: the `USER_HZ` of every Linux system on which Rust runs.
const TICKS: f64 = 100.0;

impl Process {
    /// The figures now; `None` where the system does not tell them.
    pub(super) fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name in parentheses may have spaces and parentheses.
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        // The numbers of proc(5), which count from 1; the first one here is 3, the state.
        let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok());
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let boot =
            boot.lines().find_map(|line| line.strip_prefix("btime ")).and_then(|time| time.parse::<f64>().ok())?;
        Some(Self {
            cpu: (field(14)? + field(15)?) as f64 / TICKS,
            threads: field(20)?,
            start: boot + field(22)? as f64 / TICKS,
            virtual_bytes: field(23)?,
            resident: resident()?,
            open_descriptors: open_descriptors(),
            max_descriptors: max_descriptors(),
        })
    }
}

/// Resident bytes of the process.
pub(super) fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kilobytes.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// The number of open descriptors. Since Linux 6.2 it is the size of the directory, which is read at once for any number.
fn open_descriptors() -> Option<u64> {
    match fs::metadata("/proc/self/fd").ok()?.len() {
        // The directory itself is open while it is listed.
        0 => fs::read_dir("/proc/self/fd").ok().map(|entries| (entries.count() as u64).saturating_sub(1)),
        count => Some(count),
    }
}

fn max_descriptors() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_this_process_are_plausible() {
        let process = Process::read().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!(process.start < now + 2.0 && process.start > now - 86_400.0, "{}", process.start);
        assert!(process.resident > 1 << 20 && process.virtual_bytes > process.resident);
        assert!(process.threads >= 1 && process.cpu >= 0.0);
        let (open, max) = (process.open_descriptors.unwrap(), process.max_descriptors.unwrap());
        let file = fs::File::open("/dev/null").unwrap();
        assert!(open >= 3 && open <= max && open_descriptors().unwrap() >= 4);
        drop(file);
    }
}
