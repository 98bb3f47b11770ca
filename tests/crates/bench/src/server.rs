//! A server process: started, asked for its CPU time and its memory, ended when dropped.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A running server that listens on 127.0.0.1.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts `command 127.0.0.1:PORT` with a free port and waits, 10 s at most, until it accepts.
    ///
    /// # Errors
    /// If it can't be started, ends at once or does not listen in time.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        command.arg(address.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let child = on_its_own_processor(|| command.spawn())?;
        let mut server = Self { child, address };
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if TcpStream::connect(address).is_ok() {
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(io::Error::other(format!("{command:?} ended at once: {status}")));
            }
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{command:?} does not listen")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// User and system time of all its threads since it began, in seconds.
    ///
    /// From `schedstat`, which counts in nanoseconds (`utime + stime` count in ticks of 10 ms); from `stat` where the
    /// kernel keeps no `schedstat`.
    pub fn cpu_seconds(&self) -> f64 {
        let tasks = format!("/proc/{}/task", self.child.id());
        let Ok(tasks) = fs::read_dir(tasks) else { return f64::NAN };
        let seconds = tasks.flatten().map(|task| {
            let read = |name| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            on_cpu(&read("schedstat")).or_else(|| ticks(&read("stat"))).unwrap_or(0.0)
        });
        seconds.sum()
    }

    /// Memory that is its own, in KiB: the proportional set size of `smaps_rollup`. The kernel's socket buffers are not
    /// in it.
    pub fn memory_kib(&self) -> f64 {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id())).unwrap_or_default();
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        pss.and_then(|pss| pss.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(f64::NAN)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `spawn` on the last processor that this thread may use, and this thread on the others from then on.
///
/// A wake across processors costs several times one that stays: left to the scheduler, a server with one connection
/// would have now the one price and now the other.
fn on_its_own_processor<T>(spawn: impl FnOnce() -> T) -> T {
    let allowed = ALLOWED.get_or_init(|| sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new()));
    let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu)).filter(|_| allowed.count() > 1) else {
        return spawn();
    };
    let (mut servers, mut load) = (CpuSet::new(), *allowed);
    servers.set(last);
    load.unset(last);
    // Where affinity can't be set, figures are only less steady.
    let _ = sched_setaffinity(None, &servers);
    let spawned = spawn();
    let _ = sched_setaffinity(None, &load);
    spawned
}

/// The processors that this process was given.
static ALLOWED: OnceLock<CpuSet> = OnceLock::new();

/// Raises the soft limit of open files to the hard one, for this process and those that it starts; returns it.
pub fn raise_open_files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The first number of `schedstat`: nanoseconds on a processor.
fn on_cpu(schedstat: &str) -> Option<f64> {
    let nanoseconds: f64 = schedstat.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

/// `utime + stime`, fields 14 and 15 of `stat`; the command's name before them may hold anything, even blanks.
fn ticks(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_from_either_file() {
        assert_eq!(on_cpu("1500000000 7 3\n"), Some(1.5));
        let hz = rustix::param::clock_ticks_per_second() as f64;
        let stat = "17 (odd ) name) S 1 1 1 0 -1 4194304 100 0 0 0 30 12 0 0 20 0 1 0 5 0 0";
        assert_eq!(ticks(stat), Some(42.0 / hz));
    }

    #[test]
    fn a_server_that_ends_at_once_is_an_error() {
        assert!(Server::start(Command::new("false")).is_err());
    }
}
