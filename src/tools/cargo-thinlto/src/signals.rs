//! Waits for cargo while the user may press Ctrl-C, and ends as it ended.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};
use std::thread;

use backends::signals::is_ignored;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::{emulate_default_handler, siginfo::Cause};

/// Runs `cargo` to its end. The terminal sends its signals to cargo as well, those of other processes
/// are passed on.
pub fn wait(cargo: &mut Command) -> io::Result<ExitStatus> {
    let caught = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
    let caught = caught.into_iter().filter(|signal| !is_ignored(*signal));
    let mut signals = SignalsInfo::<WithOrigin>::new(caught)?;
    let handle = signals.handle();
    let mut child = cargo.spawn()?;
    let pid = Pid::from_child(&child);
    thread::spawn(move || {
        for origin in &mut signals {
            if let (Cause::Sent(_), Some(signal)) =
                (origin.cause, Signal::from_named_raw(origin.signal))
            {
                // Cargo may have ended.
                let _ = kill_process(pid, signal);
            }
        }
    });
    let status = child.wait()?;
    handle.close();
    Ok(status)
}

/// The exit code of `status`. If cargo was ended by a signal, so is this process.
pub fn exit_code(status: ExitStatus) -> anyhow::Result<ExitCode> {
    if let Some(signal) = status.signal() {
        emulate_default_handler(signal)?;
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
