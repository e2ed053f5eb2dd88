//! One thing to compare: a run of the compiler, or several in one folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use helped::Helped;
use tool_support::command;

use crate::crates;
use crate::difference::{self, Difference};
use crate::outcome::Outcome;
use crate::random::RandomParts;

/// One or two runs of the compiler in one folder.
pub struct Case {
    /// The row of the summary that counts it.
    pub group: &'static str,
    /// The compiler's arguments.
    pub arguments: Vec<String>,
    /// Whether it prints a list of options, to which the fork may add lines.
    pub lists_options: bool,
}

/// What came of a comparison.
#[derive(Default)]
pub struct Compared {
    /// How many runs of each compiler were compared.
    pub runs: usize,
    /// How many of the release's output files were compared.
    pub files: usize,
    /// What differs in which run.
    pub differences: Vec<(usize, Difference)>,
}

/// The two compilers.
pub struct Compilers {
    /// That of the release.
    pub release: PathBuf,
    /// That of the fork.
    pub fork: PathBuf,
    /// The fork's sysroot, which both use: the libraries of the two may name different folders.
    pub sysroot: PathBuf,
}

impl Compilers {
    /// An error if the two are not of the same version.
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
        let (release, fork) = (run(&compilers.release)?, run(&compilers.fork)?);
        let differs = release.iter().zip(&fork).any(|(release, fork)| {
            let found = difference::between(release, None, fork, self.lists_options);
            found.iter().any(|difference| difference.file.is_some())
        });
        // Only another run of the release tells what is random.
        let again = if differs {
            Some(run(&compilers.release)?)
        } else {
            None
        };
        let mut compared = Compared::default();
        for (number, (release, fork)) in release.iter().zip(&fork).enumerate() {
            let again = again.as_ref().map_or(release, |again| &again[number]);
            compared.add(number, [release, again, fork], self.lists_options, kept)?;
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
    /// Adds a run: the outcome of the release, another of the release, and that of the fork.
    fn add(
        &mut self,
        run: usize,
        [release, again, fork]: [&Outcome; 3],
        may_add_lines: bool,
        kept: &Path,
    ) -> anyhow::Result<()> {
        self.runs += 1;
        self.files += release.outputs();
        for found in difference::between(release, Some(again), fork, may_add_lines) {
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
