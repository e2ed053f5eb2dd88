//! Processes with a root, mounts and process ids of their own.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;

use crate::Root;
use crate::log::{self, Log};

/// Runs the arguments after the first, and ends them when standard input ends, which it does with the
/// process that holds its other end. All that they started ends with them: this shell is the first
/// process of its namespace.
const RUN: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- & child=$!
{ cat <&3 >/dev/null; kill -9 $child; } 2>/dev/null &
wait $child
"#;

/// Makes the first argument the root, with `/proc`, `/dev` and `/sys`, and the second argument's folder
/// at the path that is the third.
const ENTER: &str = r#"
root=$1 dir=$2 at=$3; shift 3
mount --rbind "$root" "$root"
mkdir -p "$root$at"
mount --rbind "$dir" "$root$at"
cd "$root"
mount -t proc proc proc
mount --rbind /dev dev
mount --rbind /sys sys
pivot_root . mnt
umount -l /mnt
cd "$at"
export HOME=/root PATH=/usr/sbin:/usr/bin
"#;

/// A process, and all that it starts. It ends, by SIGKILL, when this is dropped or this process ends.
pub struct Room {
    /// Its standard input is open as long as the room.
    child: Child,
    /// What the process printed.
    pub(crate) log: Log,
}

impl Room {
    /// Runs `words` as root `/` with a process namespace of its own; its output goes to `log`.
    pub(crate) fn on_host(words: &[String], log: &Path) -> anyhow::Result<Room> {
        Room::start(&format!("mount -t proc proc /proc\n{RUN}"), words, log)
    }

    /// Runs `words` in `root`, in which `dir` has the path `at`; its output goes to `log`.
    pub(crate) fn in_root(
        root: &Root,
        (dir, at): (&Path, &Path),
        words: &[String],
        log: &Path,
    ) -> anyhow::Result<Room> {
        let path = |path: &Path| -> anyhow::Result<String> {
            let text = path.to_str().context("a path is not UTF-8")?;
            Ok(text.to_owned())
        };
        let mut all = vec![path(root.dir())?, path(dir)?, path(at)?];
        all.extend_from_slice(words);
        Room::start(&format!("{ENTER}{RUN}"), &all, log)
    }

    /// A room without a program of its own, for [`command`](Room::command). In it, `dir` has the same path.
    pub fn open(root: &Root, dir: &Path, log: &Path) -> anyhow::Result<Room> {
        let words = ["sh", "-c", "echo open; exec sleep infinity"];
        let mut room = Room::in_root(root, (dir, dir), &words.map(str::to_owned), log)?;
        room.wait_until("the room", |log| log.text().contains("open"))?;
        Ok(room)
    }

    fn start(script: &str, words: &[String], log: &Path) -> anyhow::Result<Room> {
        let output =
            File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--pid", "--fork", "--kill-child"])
            .args(["sh", "-euc", script, "sh"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        Ok(Room {
            child,
            log: Log(log.to_owned()),
        })
    }

    /// A command that runs `program` in the folder `dir` in the room, with its root, mounts and process ids.
    pub fn command(&self, dir: &Path, program: &str) -> anyhow::Result<Command> {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let first = children
            .split_whitespace()
            .next()
            .context("the room has ended")?;
        let mut command = Command::new("nsenter");
        command
            .args(["--mount", "--pid", "--target", first])
            // nsenter's own option means a folder outside of the room.
            .args(["env", "-i"])
            .arg(format!("--chdir={}", dir.display()))
            .args(["HOME=/root", "PATH=/usr/sbin:/usr/bin", program]);
        Ok(command)
    }

    /// Whether a process in the room has `words` in its command line.
    pub(crate) fn runs(&self, words: &str) -> anyhow::Result<bool> {
        let parent = |pid: u32| -> Option<u32> {
            // The name of the program before it, in parentheses, may have spaces.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
        };
        for entry in fs::read_dir("/proc")? {
            let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            // A process may have ended by now.
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut above = std::iter::successors(Some(pid), |&pid| parent(pid));
            if String::from_utf8_lossy(&line).contains(words)
                && above.any(|pid| pid == self.child.id())
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the process has ended by itself.
    pub(crate) fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits until `ready`. It is an error, with the end of the log, if the process ends before, or if
    /// that takes two minutes.
    pub(crate) fn wait_until(
        &mut self,
        name: &str,
        ready: impl Fn(&Log) -> bool,
    ) -> anyhow::Result<()> {
        log::wait_until(name, || {
            if self.has_ended()? {
                anyhow::bail!("{name} has ended:\n{}", self.log.tail());
            }
            Ok(ready(&self.log))
        })
        .with_context(|| format!("{name} does not start; its log is {}", self.log.0.display()))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // This closes its standard input. A signal to `unshare` would let it end before the others do.
        let _ = self.child.wait();
    }
}
