//! Runs commands to their end and measures them.

use std::io::Read;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::Context;
use helped::Helped;
use serde::{Deserialize, Serialize};
use wait4::Wait4;

/// The resources of a process and of the children that it waited for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Usage {
    /// Wall-clock time.
    pub seconds: f64,
    /// CPU time of all threads, in user mode and in the kernel.
    pub cpu_seconds: f64,
    /// The largest resident set of one of the processes, in bytes.
    pub peak_memory: u64,
}

/// A finished process.
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Its resources.
    pub usage: Usage,
}

/// Runs `command` and returns its output. If it fails, the error has the command and its standard
/// error.
pub fn run(command: &mut Command) -> anyhow::Result<Ended> {
    let ended = run_to_any_end(command)?;
    let stderr = String::from_utf8_lossy(&ended.stderr);
    if !ended.status.success() {
        let message = format!(
            "command failed ({}): {command:?}\n{}",
            ended.status,
            stderr.trim_end()
        );
        let help = "RUST_LOG=debug shows the commands that ran before";
        return Err(Helped::new(message, help).into());
    }
    if !stderr.is_empty() {
        tracing::debug!(%stderr);
    }
    Ok(ended)
}

/// Runs `command`, whatever its exit status.
pub fn run_to_any_end(command: &mut Command) -> anyhow::Result<Ended> {
    run_observed(command, |_| ())
}

/// Runs `command`, whatever its exit status. Calls `started` with the process, and keeps the result until
/// the process has ended.
pub fn run_observed<T>(
    command: &mut Command,
    started: impl FnOnce(&Child) -> T,
) -> anyhow::Result<Ended> {
    tracing::debug!(?command, "run");
    let start = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let _started = started(&child);
    let mut out = child.stdout.take().expect("it is piped");
    let mut err = child.stderr.take().expect("it is piped");
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let reader = scope.spawn(|| out.read_to_end(&mut stdout));
        err.read_to_end(&mut stderr)?;
        reader.join().expect("reading does not panic")
    })
    .with_context(|| format!("cannot read the output of {command:?}"))?;
    let (status, usage) = wait(child, start)?;
    Ok(Ended {
        status,
        stdout,
        stderr,
        usage,
    })
}

/// Runs `command`, whatever its exit status, with the standard streams of this process.
pub fn pass_through(command: &mut Command) -> anyhow::Result<(ExitStatus, Usage)> {
    let start = Instant::now();
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    wait(child, start)
}

/// The exit code for `main` of a program that stands for another one, which ended with `status`.
pub fn exit_code(status: ExitStatus) -> ExitCode {
    status
        .code()
        .map_or(ExitCode::FAILURE, |code| ExitCode::from(code as u8))
}

/// A child's peak memory starts at its parent's resident set, so a tool has to stay smaller than the
/// processes that it measures.
fn wait(mut child: Child, start: Instant) -> anyhow::Result<(ExitStatus, Usage)> {
    let end = child.wait4()?;
    let usage = Usage {
        seconds: start.elapsed().as_secs_f64(),
        cpu_seconds: (end.rusage.utime + end.rusage.stime).as_secs_f64(),
        peak_memory: end.rusage.maxrss,
    };
    Ok((end.status, usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_command_and_message() {
        let mut command = Command::new("cat");
        command.arg("/no such file");
        let error = helped::report(&run(&mut command).err().unwrap());
        let (first, rest) = error.split_once('\n').unwrap();
        assert_eq!(
            first,
            r#"error: command failed (exit status: 1): "cat" "/no such file""#
        );
        assert!(rest.starts_with("cat: "), "{rest}");
        assert!(rest.contains("\nhelp: "), "{rest}");
    }

    #[test]
    fn long_output_on_both_streams_is_read() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "head -c 300000 /dev/zero >&2; head -c 400000 /dev/zero",
        ]);
        let ended = run(&mut command).unwrap();
        assert_eq!((ended.stdout.len(), ended.stderr.len()), (400_000, 300_000));
        assert!(ended.usage.seconds > 0.0 && ended.usage.peak_memory > 100_000);
    }

    #[test]
    fn peak_memory_is_the_process_s_own() {
        // A shell that holds 64 MiB of text.
        let script = "x=$(head -c 67108864 /dev/zero | tr '\\0' x); echo ${#x}";
        let large = run(Command::new("sh").args(["-c", script])).unwrap().usage;
        assert!(large.peak_memory >= 64 << 20, "{large:?}");
        assert!(large.cpu_seconds > 0.0, "{large:?}");
        let (status, small) = pass_through(&mut Command::new("true")).unwrap();
        assert!(
            status.success() && small.peak_memory < 64 << 20,
            "{small:?}"
        );
    }
}
