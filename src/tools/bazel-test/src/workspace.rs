//! A copy of a Bazel workspace, with output bases of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, bail, ensure};
use tool_support::command;

use crate::environment::Environment;
use crate::execution_log::ExecutionLog;
use crate::files::{copy_folder, remove_folder};

/// The line of `MODULE.bazel` that says where the compiler is.
const SYSROOT: &str = "    sysroot = ";

/// A workspace in the folder of a scenario, which is made anew.
pub struct Workspace<'a> {
    environment: &'a Environment,
    /// The scenario's folder.
    folder: PathBuf,
    /// The workspace.
    pub dir: PathBuf,
    /// The name of the output base.
    output_base: String,
    /// Options for each build.
    options: Vec<String>,
}

/// A build that ended, whatever its exit status.
pub struct Build {
    /// Whether it was successful.
    pub success: bool,
    /// What Bazel printed.
    pub messages: String,
    /// What it ran.
    pub log: ExecutionLog,
}

impl<'a> Workspace<'a> {
    /// Copies `src/bazel/NAME` for `scenario`. Its `MODULE.bazel` gets the environment's compiler.
    pub fn new(
        environment: &'a Environment,
        scenario: &str,
        name: &str,
    ) -> anyhow::Result<Workspace<'a>> {
        let from = environment.module.join(name);
        Workspace::make(environment, scenario, |dir| copy_folder(&from, dir))
    }

    /// As `new`, with the files that `write` writes.
    pub fn make(
        environment: &'a Environment,
        scenario: &str,
        write: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Workspace<'a>> {
        let folder = environment.folder(scenario);
        remove_folder(&folder)?;
        let dir = folder.join("workspace");
        write(&dir)?;
        let workspace = Workspace {
            environment,
            folder,
            dir,
            output_base: "output-base".to_owned(),
            options: Vec::new(),
        };
        workspace.use_toolchain(&environment.toolchain)?;
        Ok(workspace)
    }

    /// Puts the sysroot `dir` into `MODULE.bazel` or `WORKSPACE.bazel`, with the lld in it.
    pub fn use_toolchain(&self, dir: &Path) -> anyhow::Result<()> {
        let files = ["MODULE.bazel", "WORKSPACE.bazel"].map(|name| self.dir.join(name));
        let path = files.iter().find(|path| path.exists());
        let path = path.context("it is not a workspace of Bazel")?;
        let text = fs::read_to_string(path)?;
        let lines = text.lines().filter(|line| !line.starts_with("    lld = "));
        let lines = lines.map(|line| match line.strip_prefix(SYSROOT) {
            Some(_) => format!("{SYSROOT}\"{}\",\n", dir.display()),
            None => format!("{line}\n"),
        });
        fs::write(path, lines.collect::<String>())?;
        Ok(())
    }

    /// Uses another, empty output base from now on; it has the path `NAME` in the scenario's folder.
    pub fn use_output_base(&mut self, name: &str) -> anyhow::Result<()> {
        self.shut_down();
        self.output_base = name.to_owned();
        remove_folder(&self.folder.join(name))
    }

    /// Passes `options` to each build from now on, and no others.
    pub fn use_options(&mut self, options: &[String]) {
        self.options = options.to_vec();
    }

    /// Replaces `from`, which must be there once, in a file.
    pub fn edit(&self, file: &str, from: &str, to: &str) -> anyhow::Result<()> {
        let path = self.dir.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {file}"))?;
        ensure!(
            text.matches(from).count() == 1,
            "{file} does not have `{from}` once"
        );
        fs::write(path, text.replacen(from, to, 1))?;
        Ok(())
    }

    /// Builds targets, which must succeed. `arguments` are targets and options.
    pub fn build(&self, arguments: &[&str]) -> anyhow::Result<ExecutionLog> {
        let build = self.build_to_any_end(arguments)?;
        if !build.success {
            bail!(
                "bazel build {} failed:\n{}",
                arguments.join(" "),
                build.messages
            );
        }
        Ok(build.log)
    }

    /// Builds targets, which must fail, and returns what Bazel printed.
    pub fn build_fails(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let build = self.build_to_any_end(arguments)?;
        ensure!(
            !build.success,
            "bazel build {} did not fail",
            arguments.join(" ")
        );
        Ok(build.messages)
    }

    /// Builds targets.
    pub fn build_to_any_end(&self, arguments: &[&str]) -> anyhow::Result<Build> {
        let log = self.folder.join("execution-log.json");
        remove(&log)?;
        let mut bazel = self.bazel("build")?;
        bazel.arg(format!("--execution_log_json_file={}", log.display()));
        let ended = command::run_to_any_end(bazel.args(&self.options).args(arguments))?;
        let messages = String::from_utf8_lossy(&ended.stderr).into_owned();
        // Bazel does not write it if it fails before it runs actions.
        let log = if log.exists() {
            ExecutionLog::read(&log)?
        } else {
            ExecutionLog(Vec::new())
        };
        Ok(Build {
            success: ended.status.success(),
            messages,
            log,
        })
    }

    /// Bazel's command `verb` in the root, in the workspace, with the options for offline work.
    pub fn bazel(&self, verb: &str) -> anyhow::Result<Command> {
        let offline = &self.environment.offline;
        let modules = self.dir.join("MODULE.bazel").exists();
        let options = if modules {
            &offline.modules
        } else {
            &offline.workspace
        };
        let mut command = self.environment.room.command(&self.dir, "bazel")?;
        command
            .arg(format!("--bazelrc={}", options.display()))
            .arg(format!(
                "--output_base={}",
                self.folder.join(&self.output_base).display()
            ))
            .arg(verb);
        Ok(command)
    }

    /// Runs a program that was built in the root: a path below the workspace, as `bazel-bin/x/y`.
    pub fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<Output> {
        let program = self.dir.join(program);
        let program = program.to_str().context("a path is not UTF-8")?;
        let mut command = self.environment.room.command(&self.dir, program)?;
        Ok(command.args(arguments).output()?)
    }

    /// Ends Bazel's server, which would keep a GB.
    fn shut_down(&self) {
        if let Ok(mut bazel) = self.bazel("shutdown") {
            let _ = bazel.output();
        }
    }

    /// The content of a file of the workspace, or one that was built.
    pub fn read(&self, file: &str) -> anyhow::Result<Vec<u8>> {
        fs::read(self.dir.join(file)).with_context(|| format!("cannot read {file}"))
    }
}

impl Drop for Workspace<'_> {
    fn drop(&mut self) {
        self.shut_down();
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
