//! Signals that end this process, once it has cleaned up.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals of a terminal, and of those who want a process to end. While this exists, they do not end it.
pub struct Signals {
    caught: Vec<Signal>,
    idle: Arc<AtomicBool>,
}

impl Signals {
    /// Catches the signals from now on.
    pub fn catch() -> io::Result<Signals> {
        let idle = idle()?;
        idle.store(false, Ordering::SeqCst);
        let caught = not_ignored().map(|it| signal(SignalKind::from_raw(it)));
        Ok(Signals {
            caught: caught.collect::<io::Result<_>>()?,
            idle,
        })
    }

    /// Waits for one of them.
    pub async fn any(&mut self) {
        poll_fn(|context| {
            let mut caught = self.caught.iter_mut();
            match caught.any(|signal| signal.poll_recv(context).is_ready()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.idle.store(true, Ordering::SeqCst);
    }
}

/// Whether signals have their usual effect, which handlers would take from them for ever.
fn idle() -> io::Result<Arc<AtomicBool>> {
    static IDLE: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(idle) = IDLE.get() {
        return Ok(idle.clone());
    }
    let idle = Arc::new(AtomicBool::new(false));
    for signal in not_ignored() {
        flag::register_conditional_default(signal, idle.clone())?;
    }
    Ok(IDLE.get_or_init(|| idle).clone())
}

fn not_ignored() -> impl Iterator<Item = i32> {
    [SIGHUP, SIGINT, SIGTERM]
        .into_iter()
        .filter(|signal| !is_ignored(*signal))
}

/// Whether this process was started with `signal` ignored, as by `nohup`, and has no handler for it since.
/// It is not to get one, because a program that is started then would no longer ignore the signal.
pub fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn ignored_signals_are_not_caught() {
        // This process may ignore any.
        if env::var_os("OF_SIGNALS_TEST").is_some() {
            assert!(is_ignored(SIGHUP) && !is_ignored(SIGINT));
            let signals = Signals::catch().unwrap();
            assert_eq!(signals.caught.len(), 2);
            assert!(is_ignored(SIGHUP));
            return;
        }
        let ended = Command::new("env")
            .args(["--default-signal=INT,TERM", "--ignore-signal=HUP"])
            .arg(env::current_exe().unwrap())
            .args(["--exact", "signals::tests::ignored_signals_are_not_caught"])
            .env("OF_SIGNALS_TEST", "")
            .output()
            .unwrap();
        assert!(ended.status.success(), "{ended:?}");
    }
}
