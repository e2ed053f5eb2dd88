//! One thing to compare: a run of the compiler, or several in one folder.

use std::fs;
use std::mem;
use std::path::{Path, PathBuf};
use std::process::Command;

use helped::Helped;
use tool_support::command;

use crate::crates;
use crate::difference::{self, Difference};
use crate::outcome::Outcome;
use crate::random::RandomParts;

/// The number of attempts in which the contents of files may agree: ThinLTO of debug information varies now
/// and then, in the release as well.
const ATTEMPTS: usize = 5;

/// One or two runs of the compiler in one folder.
pub struct Case {
    /// Its row in the summary.
    pub group: &'static str,
    /// The compiler's arguments.
    pub arguments: Vec<String>,
    /// Whether it prints a list of options, to which the fork may add lines.
    pub lists_options: bool,
}

/// The result of a comparison.
#[derive(Default)]
pub struct Compared {
    /// The number of runs of each compiler.
    pub runs: usize,
    /// The number of the release's output files.
    pub files: usize,
    /// The differences, each with the number of its run.
    pub differences: Vec<(usize, Difference)>,
}

/// The two compilers.
pub struct Compilers {
    /// The release's.
    pub release: PathBuf,
    /// The fork's.
    pub fork: PathBuf,
    /// The fork's sysroot. Both compilers use it, so paths in it are the same for both.
    pub sysroot: PathBuf,
}

impl Compilers {
    /// The compilers at these paths. It is an error if they are of different versions.
    pub fn new(release: &Path, fork: &Path) -> anyhow::Result<Compilers> {
        let (version, forks) = (ask(release, "-vV")?, ask(fork, "-vV")?);
        if version != forks {
            let (release, fork) = (release.display(), fork.display());
            let message = format!(
                "{release} and {fork} are of different versions, so their outputs differ:\n\
                 {version}\n\n{forks}"
            );
            let help = "name a compiler built from the same source, or leave --release out";
            return Err(Helped::new(message, help).into());
        }
        Ok(Compilers {
            release: release.to_owned(),
            fork: fork.to_owned(),
            sysroot: ask(fork, "--print=sysroot")?.into(),
        })
    }

    /// Compares the libraries of std.
    pub fn compare_std(&self, kept: &Path) -> anyhow::Result<Compared> {
        let libraries = |rustc| Outcome::of_folder(ask(rustc, "--print=target-libdir")?.as_ref());
        let [release, fork] = [libraries(&self.release)?, libraries(&self.fork)?];
        let mut compared = Compared::default();
        compared.add(0, [&release, &release, &fork], false, kept)?;
        Ok(compared)
    }
}

impl Case {
    /// A case of the group with arguments that are separated by spaces.
    pub fn new(group: &'static str, arguments: &str) -> Case {
        let words = arguments.split_whitespace();
        Case {
            group,
            arguments: words.map(str::to_owned).collect(),
            lists_options: false,
        }
    }

    /// The command line.
    pub fn command(&self) -> String {
        format!("rustc {}", self.arguments.join(" "))
    }

    fn is_incremental(&self) -> bool {
        let mut arguments = self.arguments.iter();
        arguments.any(|argument| argument.starts_with("-Cincremental"))
    }

    /// Compares both compilers, which run in `folder` one after the other. Files that differ are kept
    /// below `kept`.
    pub fn compare(
        &self,
        compilers: &Compilers,
        folder: &Path,
        kept: &Path,
    ) -> anyhow::Result<Compared> {
        let run = |rustc| self.run(rustc, &compilers.sysroot, folder);
        let (mut release, mut fork) = (run(&compilers.release)?, run(&compilers.fork)?);
        // An earlier attempt shows what is random.
        let mut earlier: Option<Vec<Outcome>> = None;
        for _ in 1..ATTEMPTS {
            let mut runs = (0..release.len()).map(|number| {
                let earlier = earlier.as_ref().map(|earlier| &earlier[number]);
                let lists_options = self.lists_options;
                difference::between(&release[number], earlier, &fork[number], lists_options)
            });
            if !runs.any(|found| found.iter().any(|found| found.file.is_some())) {
                break;
            }
            earlier = Some(mem::replace(&mut release, run(&compilers.release)?));
            fork = run(&compilers.fork)?;
        }
        let mut compared = Compared::default();
        for (number, (release, fork)) in release.iter().zip(&fork).enumerate() {
            let earlier = earlier.as_ref().map_or(release, |earlier| &earlier[number]);
            compared.add(number, [release, earlier, fork], self.lists_options, kept)?;
        }
        Ok(compared)
    }

    /// Runs one compiler in a new folder and then, with `-Cincremental`, again after an edit.
    fn run(&self, rustc: &Path, sysroot: &Path, folder: &Path) -> anyhow::Result<Vec<Outcome>> {
        let temporary = folder.join("tmp");
        fs::create_dir_all(&temporary)?;
        crates::write(folder)?;
        let mut random = RandomParts::new(self.is_incremental());
        let mut outcomes = Vec::new();
        let mut run = || -> anyhow::Result<()> {
            let mut compile = Command::new(rustc);
            compile
                .arg("--sysroot")
                .arg(sysroot)
                .args(&self.arguments)
                .current_dir(folder)
                .env("TMPDIR", &temporary);
            let ended = command::run_to_any_end(&mut compile)?;
            outcomes.push(Outcome::of_run(&ended, folder, &mut random)?);
            random.next_run();
            Ok(())
        };
        run()?;
        if self.is_incremental() {
            crates::edit(folder)?;
            run()?;
        }
        fs::remove_dir_all(folder)?;
        Ok(outcomes)
    }
}

impl Compared {
    /// Adds a run: the outcome of the release, an earlier one of the release, and that of the fork.
    fn add(
        &mut self,
        run: usize,
        [release, earlier, fork]: [&Outcome; 3],
        may_add_lines: bool,
        kept: &Path,
    ) -> anyhow::Result<()> {
        self.runs += 1;
        self.files += release.outputs();
        for found in difference::between(release, Some(earlier), fork, may_add_lines) {
            if let Some(name) = &found.file {
                difference::keep(&kept.join(format!("run-{}", run + 1)), name, release, fork)?;
            }
            self.differences.push((run, found));
        }
        Ok(())
    }
}

fn ask(rustc: &Path, question: &str) -> anyhow::Result<String> {
    let answer = command::run(Command::new(rustc).arg(question))?;
    Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
}
