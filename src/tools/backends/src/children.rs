//! The processes on this machine, which end with this one.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tool_support::command::{self, Ended};

/// The processes that are running.
#[derive(Default)]
pub struct Children(Mutex<State>);

#[derive(Default)]
struct State {
    /// Whether no process may run any more.
    ended: bool,
    /// By their IDs, which others may get after the end of a process; these descriptors stay its own.
    running: HashMap<u32, OwnedFd>,
}

impl Children {
    /// Runs `command`, whatever its exit status.
    pub fn run(&self, command: &mut Command) -> anyhow::Result<Ended> {
        command::run_observed(command, |child| self.add(child))
    }

    /// Ends all, and those that are started later.
    pub fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        for process in state.running.values() {
            kill(process);
        }
    }

    fn add(&self, child: &Child) -> Running<'_> {
        let mut state = self.lock();
        if let Ok(process) = pidfd_open(Pid::from_child(child), PidfdFlags::empty()) {
            if state.ended {
                kill(&process);
            }
            state.running.insert(child.id(), process);
        }
        Running(self, child.id())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("its holders do not panic")
    }
}

fn kill(process: &OwnedFd) {
    // It may have ended.
    let _ = pidfd_send_signal(process, Signal::KILL);
}

/// A process until its end.
struct Running<'a>(&'a Children, u32);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.lock().running.remove(&self.1);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::thread;

    use super::*;

    #[test]
    fn processes_end_before_and_after() {
        let children = Children::default();
        let sleep = || children.run(Command::new("sleep").arg("1000")).unwrap();
        let killed = Some(Signal::KILL.as_raw());
        thread::scope(|scope| {
            let running = scope.spawn(sleep);
            while children.lock().running.is_empty() {
                thread::yield_now();
            }
            children.end();
            assert_eq!(running.join().unwrap().status.signal(), killed);
        });
        assert!(children.lock().running.is_empty());
        assert_eq!(sleep().status.signal(), killed);
    }
}
