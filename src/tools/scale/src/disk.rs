//! Running a process and measuring it.
//!
//! The kernel counts a child's peak of memory from that of the process that starts it, so this tool
//! must stay smaller than what it measures.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::resource::{UsageWho, getrusage};
use wait4::Wait4;

/// What a process used.
pub struct Usage {
    pub seconds: f64,
    /// The time of all its threads on processors, which other work on the machine disturbs less.
    pub cpu_seconds: f64,
    /// The most memory that it had at a time, pages of mapped files among it.
    pub peak_bytes: u64,
    /// What the kernel read from disk for it, pages of mapped files among it.
    pub disk_bytes: u64,
}

/// Runs `command` to its end.
pub fn run(command: &mut Command) -> anyhow::Result<Usage> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let before = blocks_read()?;
    let start = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut told = String::new();
    if let Some(stderr) = &mut child.stderr {
        stderr.read_to_string(&mut told)?;
    }
    let used = child.wait4()?;
    let seconds = start.elapsed().as_secs_f64();
    if !used.status.success() {
        bail!("command failed ({}): {command:?}\n{told}", used.status);
    }
    Ok(Usage {
        seconds,
        cpu_seconds: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        peak_bytes: used.rusage.maxrss,
        disk_bytes: (blocks_read()? - before) * 512,
    })
}

/// Blocks of 512 bytes that all children together made the kernel read from disk.
fn blocks_read() -> anyhow::Result<u64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok(usage.block_reads().try_into()?)
}

/// Takes `files` out of the page cache, where the file system has one.
pub fn evict(files: &[PathBuf]) -> anyhow::Result<()> {
    let advice = PosixFadviseAdvice::POSIX_FADV_DONTNEED;
    for path in files {
        let evict = || -> anyhow::Result<()> {
            let file = File::open(path)?;
            // Only pages that are on disk can go.
            file.sync_all()?;
            posix_fadvise(file.as_raw_fd(), 0, 0, advice)?;
            Ok(())
        };
        evict().with_context(|| format!("cannot evict {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_time_and_memory() {
        // A shell that holds 64 MiB of text.
        let script = "x=$(head -c 67108864 /dev/zero | tr '\\0' x); echo ${#x}";
        let usage = run(Command::new("sh").args(["-c", script])).unwrap();
        assert!(usage.peak_bytes >= 64 << 20, "{}", usage.peak_bytes);
        assert!(usage.cpu_seconds > 0.0 && usage.seconds > 0.0);
        let small = run(&mut Command::new("true")).unwrap();
        assert!(small.peak_bytes < 64 << 20, "{}", small.peak_bytes);
    }

    #[test]
    fn a_failure_shows_command_and_message() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo went wrong >&2; exit 3"]);
        let error = run(&mut command).err().unwrap().to_string();
        assert!(
            error.starts_with("command failed (exit status: 3): \"sh\""),
            "{error}"
        );
        assert!(error.ends_with("\nwent wrong\n"), "{error}");
    }

    #[test]
    fn evicting_names_what_is_missing() {
        let missing = PathBuf::from("/no such file");
        let error = evict(&[missing]).unwrap_err().to_string();
        assert_eq!(error, "cannot evict /no such file");
    }
}
