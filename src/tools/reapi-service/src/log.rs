//! The output of a process, and waiting for it.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

/// A file with the output of a process.
pub struct Log(pub PathBuf);

impl Log {
    /// Its text; empty if it cannot be read.
    pub fn text(&self) -> String {
        let bytes = fs::read(&self.0).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its last lines.
    pub fn tail(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Asks `ready` until it is true; after a minute, that is an error which names `what`.
pub fn wait_until(
    what: &str,
    mut ready: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(60);
    while !ready()? {
        if Instant::now() > end {
            bail!("{what} is not ready after 60 s");
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
