//! A folder for one run of cargo: it tells the links of this run what to do, and they report there.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tool_support::file;

use crate::linker;
use crate::remote::{self, Distributor};
use crate::summary::Link;

/// The variable with the path of the folder. sccache hashes those that begin with `CARGO_`, and this one
/// differs from run to run.
const VARIABLE: &str = "THINLTO_CARGO_SESSION";
/// The settings in the folder.
const SETTINGS: &str = "session.json";
/// The folder with the programs that C compilers run as linkers, and the one that lld runs.
const PROGRAMS: &str = "bin";
/// A file that is there once a link has given the servers up.
const WITHOUT_SERVERS: &str = "without-servers";
/// The folder with a file for each link that has ended.
const LINKS: &str = "links";

/// What a link needs to know.
#[derive(Debug, Deserialize, Serialize)]
pub struct Settings {
    /// The lld of the compiler's LLVM.
    pub lld: PathBuf,
    /// The folder of lld's cache.
    pub cache: PathBuf,
    /// How lld gets objects from servers, if there are any.
    pub distributor: Option<Distributor>,
}

/// The session of a run of cargo. The folder is removed at the end.
pub struct Session {
    folder: TempDir,
}

impl Session {
    /// Makes the folder.
    pub fn start(settings: &Settings) -> anyhow::Result<Session> {
        let folder = tempfile::Builder::new()
            .prefix("cargo-thinlto-")
            .tempdir()
            .context("cannot create a temporary folder")?;
        let fill = || -> anyhow::Result<()> {
            fs::write(folder.path().join(SETTINGS), serde_json::to_vec(settings)?)?;
            fs::create_dir(folder.path().join(LINKS))?;
            let programs = folder.path().join(PROGRAMS);
            fs::create_dir(&programs)?;
            let program = env::current_exe()?;
            for name in linker::NAMES.into_iter().chain([remote::NAME]) {
                symlink(&program, programs.join(name))?;
            }
            Ok(())
        };
        fill().with_context(|| format!("cannot write to {}", folder.path().display()))?;
        Ok(Session { folder })
    }

    /// Makes the links that `cargo` starts part of the run. C compilers, gcc and clang, search
    /// `COMPILER_PATH` for the linker that `-fuse-ld` names.
    pub fn join(&self, cargo: &mut Command) -> anyhow::Result<()> {
        let mut folders = vec![self.folder.path().join(PROGRAMS)];
        let others = env::var_os("COMPILER_PATH");
        folders.extend(others.iter().flat_map(env::split_paths));
        cargo
            .env(VARIABLE, self.folder.path())
            .env("COMPILER_PATH", env::join_paths(folders)?);
        Ok(())
    }

    /// The links that have ended.
    pub fn links(&self) -> anyhow::Result<Vec<Link>> {
        let folder = self.folder.path().join(LINKS);
        let read = |file: &Path| -> anyhow::Result<Link> {
            let text = fs::read(file)?;
            serde_json::from_slice(&text).with_context(|| format!("cannot read {}", file.display()))
        };
        fs::read_dir(&folder)?
            .map(|entry| read(&entry?.path()))
            .collect()
    }
}

/// The session that this link belongs to.
pub struct Joined {
    folder: PathBuf,
    /// The settings of the session.
    pub settings: Settings,
}

impl Joined {
    /// Finds the session in the environment.
    pub fn find() -> anyhow::Result<Joined> {
        let folder = env::var_os(VARIABLE)
            .map(PathBuf::from)
            .with_context(|| format!("{VARIABLE} is not set"))?;
        let settings = folder.join(SETTINGS);
        let read =
            || -> anyhow::Result<Settings> { Ok(serde_json::from_slice(&fs::read(&settings)?)?) };
        let settings = read().with_context(|| format!("cannot read {}", settings.display()))?;
        Ok(Joined { folder, settings })
    }

    /// The distributor and the path of its program, unless a link has given the servers up: others need not
    /// wait for them as well.
    pub fn distributor(&self) -> Option<(&Distributor, PathBuf)> {
        let is_used = !self.folder.join(WITHOUT_SERVERS).exists();
        let distributor = self.settings.distributor.as_ref().filter(|_| is_used)?;
        Some((distributor, self.folder.join(PROGRAMS).join(remote::NAME)))
    }

    /// Makes later links do without servers.
    pub fn give_servers_up(&self) -> anyhow::Result<()> {
        let file = self.folder.join(WITHOUT_SERVERS);
        fs::write(&file, "").with_context(|| format!("cannot write {}", file.display()))
    }

    /// A path for a temporary file of this process.
    pub fn temporary(&self, extension: &str) -> PathBuf {
        let name = format!("{}.{extension}", process::id());
        self.folder.join(name)
    }

    /// Adds `link` to the report.
    pub fn report(&self, link: &Link) -> anyhow::Result<()> {
        let name = format!("{}.json", process::id());
        file::write_json(&self.folder.join(LINKS).join(name), link)
    }
}
