//! The programs that the driver runs.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::UNIX_EPOCH;

use anyhow::Context;
use helped::Helped;
use tool_support::command;

/// The major version of the LLVM that the compiler is built with.
pub const LLVM: &str = "22";

/// The programs that the driver runs, all found before the first step, and facts about the compiler.
pub struct Toolchain {
    /// The compiler.
    pub rustc: PathBuf,
    /// The cargo that builds programs.
    pub cargo: PathBuf,
    /// The lld of the compiler's LLVM, called `ld.lld` in its folder.
    pub lld: PathBuf,
    /// The host's target triple.
    pub host: String,
    /// The output of `rustc --version`.
    pub version: String,
    /// The folder of std's libraries.
    pub std: PathBuf,
    /// Differs for every build of the compiler and of std.
    pub identity: blake3::Hash,
    /// The number of processes that may run at a time.
    pub jobs: NonZeroUsize,
}

impl Toolchain {
    /// Finds every program. The error for a missing one names its package. Without `jobs`, as many
    /// processes may run as there are cores.
    pub fn find(
        rustc: &Path,
        cargo: &Path,
        jobs: Option<NonZeroUsize>,
    ) -> anyhow::Result<Toolchain> {
        let jobs = match jobs {
            Some(jobs) => jobs,
            None => thread::available_parallelism()
                .with_context(|| Helped::new("cannot count the cores", "pass --jobs"))?,
        };
        let rustc = find(rustc, "`./x.py build` builds the compiler")?;
        let sysroot = PathBuf::from(ask(&rustc, "--print=sysroot")?);
        let std = PathBuf::from(ask(&rustc, "--print=target-libdir")?);
        let about = ask(&rustc, "-vV")?;
        Ok(Toolchain {
            cargo: find(cargo, "`./x.py setup` gets stage 0, which has cargo")?,
            // The name in /usr/bin is a link into the folder of this LLVM.
            lld: fs::canonicalize(find_llvm("ld.lld", "lld")?)?.with_file_name("ld.lld"),
            host: ask(&rustc, "--print=host-tuple")?,
            version: ask(&rustc, "--version")?,
            identity: identity(&about, &[sysroot.join("lib"), std.clone()])?,
            std,
            rustc,
            jobs,
        })
    }

    /// A cargo command line of `verb` that compiles with our rustc and only with `flags`, whatever
    /// the user's configuration adds. `CARGO_HOME` stays the user's.
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

    /// The flags that make every link use lld.
    pub fn linker_flags(&self) -> [String; 2] {
        let folder = self.lld.parent().unwrap_or(Path::new("/")).display();
        [
            "-Clink-arg=-fuse-ld=lld".into(),
            format!("-Clink-arg=-B{folder}"),
        ]
    }
}

/// Finds `program` of the compiler's LLVM, which is in the Debian package `package`.
pub fn find_llvm(program: &str, package: &str) -> anyhow::Result<PathBuf> {
    find(
        format!("{program}-{LLVM}"),
        &format!("apt-get install {package}-{LLVM}"),
    )
}

fn find(program: impl AsRef<Path>, help: &str) -> anyhow::Result<PathBuf> {
    let program = program.as_ref();
    which::which(program)
        .map_err(|_| Helped::new(format!("cannot find `{}`", program.display()), help).into())
}

fn ask(rustc: &Path, question: &str) -> anyhow::Result<String> {
    let answer = command::run(Command::new(rustc).arg(question))?;
    Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
}

/// The hash of a compiler's version and of the names, sizes and times of its files in `folders`: a
/// rebuilt compiler has the same version.
fn identity(version: &str, folders: &[PathBuf]) -> anyhow::Result<blake3::Hash> {
    let mut text = version.to_owned();
    for folder in folders {
        text += &listing(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    }
    Ok(blake3::hash(text.as_bytes()))
}

/// The files in `folder` with their sizes and times, one a line.
fn listing(folder: &Path) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let data = fs::metadata(&path)?;
        if data.is_file() {
            let time = data.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
            lines.push(format!("\n{} {} {time}", path.display(), data.len()));
        }
    }
    lines.sort();
    Ok(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_another_compiler() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("librustc_driver.so");
        let identity = || identity("rustc 1.0.0", &[dir.path().to_owned()]).unwrap();
        fs::write(&file, "one").unwrap();
        let before = identity();
        assert_eq!(identity(), before);
        fs::write(&file, "other").unwrap();
        assert_ne!(identity(), before);
    }

    #[test]
    fn a_missing_program_names_its_package() {
        let error = find_llvm("no-such-program", "lld").unwrap_err();
        assert_eq!(
            helped::report(&error),
            "error: cannot find `no-such-program-22`\nhelp: apt-get install lld-22"
        );
    }
}
