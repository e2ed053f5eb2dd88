//! The programs that the driver runs.

use std::ffi::OsString;
use std::fs;
use std::io::BufReader;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, bail};
use tool_support::command;

/// The programs that the driver runs, all found before the first step, and what it asked of them.
pub struct Toolchain {
    pub rustc: PathBuf,
    pub cargo: PathBuf,
    /// The folder of the lld that belongs to rustc's LLVM; it goes by `ld.lld` there.
    lld: PathBuf,
    pub llvm_dis: PathBuf,
    /// The host's target triple.
    pub host: String,
    /// The first line of `rustc --version`.
    pub version: String,
    /// rustc's sysroot.
    pub sysroot: PathBuf,
    /// A hash of the compiler itself: another one makes other objects.
    pub identity: blake3::Hash,
    /// How many processes may run at a time.
    pub jobs: NonZeroUsize,
}

impl Toolchain {
    /// Finds every program, or says which package has the one that is missing. Without `jobs` as
    /// many processes may run as there are cores.
    pub fn find(
        rustc: &Path,
        cargo: &Path,
        jobs: Option<NonZeroUsize>,
    ) -> anyhow::Result<Toolchain> {
        let jobs = match jobs {
            Some(jobs) => jobs,
            None => thread::available_parallelism()
                .context("cannot count the cores\nhelp: pass --jobs")?,
        };
        let rustc = find(rustc, "`./x.py build` builds the compiler")?;
        let sysroot = PathBuf::from(ask(&rustc, "--print=sysroot")?);
        let lld = fs::canonicalize(find("ld.lld-19", "apt-get install lld-19")?)?;
        Ok(Toolchain {
            cargo: find(cargo, "`./x.py setup` gets stage 0, which has cargo")?,
            lld: lld.parent().context("lld is in no folder")?.to_owned(),
            llvm_dis: find("llvm-dis-19", "apt-get install llvm-19")?,
            host: ask(&rustc, "--print=host-tuple")?,
            version: ask(&rustc, "--version")?,
            identity: identity(&rustc, &sysroot)?,
            sysroot,
            rustc,
            jobs,
        })
    }

    /// A cargo command line of `verb` that compiles with our rustc and with `flags` only, whatever
    /// the user's own configuration adds; `CARGO_HOME` stays the user's.
    pub fn cargo(&self, verb: &str, flags: &[String]) -> Command {
        let mut cargo = Command::new(&self.cargo);
        cargo
            .arg(verb)
            .env("RUSTC", &self.rustc)
            .env("RUSTC_WRAPPER", "")
            .env("RUSTC_WORKSPACE_WRAPPER", "")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        cargo
    }

    /// The flags by which every link goes through lld.
    pub fn linker_flags(&self) -> [String; 2] {
        let folder = self.lld.display();
        [
            "-Clink-arg=-fuse-ld=lld".into(),
            format!("-Clink-arg=-B{folder}"),
        ]
    }
}

fn find(program: impl AsRef<Path>, help: &str) -> anyhow::Result<PathBuf> {
    let program = program.as_ref();
    let Ok(found) = which::which(program) else {
        bail!("cannot find `{}`\nhelp: {help}", program.display());
    };
    Ok(found)
}

fn ask(rustc: &Path, question: &str) -> anyhow::Result<String> {
    let answer = command::run(Command::new(rustc).arg(question))?;
    Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
}

/// The hash of what rustc says of its version and LLVM's, and of the shared libraries in `sysroot`
/// that are the compiler.
fn identity(rustc: &Path, sysroot: &Path) -> anyhow::Result<blake3::Hash> {
    let folder = sysroot.join("lib");
    let mut libraries = Vec::<(OsString, PathBuf)>::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let entry = entry?;
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "so")
        {
            libraries.push((entry.file_name(), entry.path()));
        }
    }
    if libraries.is_empty() {
        bail!(
            "{} holds no compiler\nhelp: pass the rustc of a toolchain",
            folder.display()
        );
    }
    libraries.sort();
    let mut hasher = blake3::Hasher::new();
    hasher.update(ask(rustc, "-vV")?.as_bytes());
    for (name, path) in libraries {
        hasher.update(name.as_encoded_bytes()).update(&[0]);
        hasher.update_reader(BufReader::new(fs::File::open(path)?))?;
    }
    Ok(hasher.finalize())
}
