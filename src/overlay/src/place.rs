//! The folders of a run, its configuration, and the announcement of its steps.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use helped::Helped;
use serde::Deserialize;

/// The arguments that `x.py` passes before the verb.
#[derive(clap::Args)]
pub struct PlaceArgs {
    /// The root of the repository.
    #[arg(long)]
    root: PathBuf,
    /// The build directory, absolute.
    #[arg(long)]
    build_dir: PathBuf,
    /// The time when `x.py` started, in seconds since the epoch.
    #[arg(long)]
    started: u64,
    /// The number of steps of this verb.
    #[arg(long)]
    steps: u32,
}

/// `config.toml`; `config.example.toml` documents each key.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    build_dir: PathBuf,
    pub source: Option<PathBuf>,
    pub stage0: Option<PathBuf>,
    pub llvm_config: PathBuf,
    pub optimize: u8,
    pub debuginfo_level: u8,
    pub codegen_units: u32,
    pub jobs: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            build_dir: "build".into(),
            source: None,
            stage0: None,
            llvm_config: "/usr/lib/llvm-22/bin/llvm-config".into(),
            optimize: 1,
            debuginfo_level: 0,
            codegen_units: 16,
            jobs: 0,
        }
    }
}

/// The part of `pins.toml` that the driver needs.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pins {
    pub release: String,
    pub llvm_major: String,
    pub source: SourcePin,
}

/// The pinned source package.
#[derive(Deserialize)]
pub struct SourcePin {
    pub package: String,
    pub version: String,
    pub file: Vec<FilePin>,
}

/// One pinned file of the source package.
#[derive(Deserialize)]
pub struct FilePin {
    /// Its path below a package folder of an archive.
    pub path: PathBuf,
}

/// The repository, the build directory and the configuration of this run.
pub struct Place {
    pub root: PathBuf,
    pub build: PathBuf,
    pub config: Config,
    pub pins: Pins,
    started: SystemTime,
    steps: u32,
}

impl Place {
    /// Reads `pins.toml`, and `config.toml` if it exists.
    pub fn new(args: PlaceArgs) -> Result<Place> {
        let config = args.root.join("config.toml");
        let config = if config.exists() {
            read_toml(&config)?
        } else {
            Config::default()
        };
        Ok(Place {
            config,
            pins: read_toml(&args.root.join("src/overlay/pins.toml"))?,
            root: args.root,
            build: args.build_dir,
            started: UNIX_EPOCH + Duration::from_secs(args.started),
            steps: args.steps,
        })
    }

    /// The stage 0 toolchain, with `bin/rustc` and `bin/cargo`.
    pub fn stage0(&self) -> PathBuf {
        self.config
            .stage0
            .clone()
            .unwrap_or_else(|| self.build.join("stage0"))
    }

    /// Stage 0's cargo, for our own workspace.
    pub fn cargo(&self) -> Command {
        self.stage0_program("cargo")
    }

    /// A program of stage 0, for our own workspace. If it is a subcommand of cargo, it runs stage
    /// 0's other programs, not the user's.
    pub fn stage0_program(&self, name: &str) -> Command {
        let bin = self.stage0().join("bin");
        let mut command = Command::new(bin.join(name));
        command
            .current_dir(&self.root)
            .env("CARGO", bin.join("cargo"))
            .env("RUSTC", bin.join("rustc"))
            .env("RUSTDOC", bin.join("rustdoc"))
            .env("RUSTFMT", bin.join("rustfmt"))
            // For the crate `module-summary`.
            .env("LLVM_CONFIG", &self.config.llvm_config)
            .env("CARGO_TARGET_DIR", self.build.join("workspace"));
        command
    }

    /// Announces a step with the time since the start, as `x.py` does.
    pub fn step(&self, number: u32, name: &str) {
        println!("[{number}/{}] {name}  ({})", self.steps, self.elapsed());
    }

    /// The time since the start, as minutes and seconds.
    pub fn elapsed(&self) -> String {
        let seconds = self.started.elapsed().unwrap_or_default().as_secs();
        format!("{}:{:02}", seconds / 60, seconds % 60)
    }
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("cannot use {}", path.display()))
}

/// Runs a command. If it fails, the error has the command and its exit status.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        let message = format!("{command:?} failed ({status})");
        let help = "see its message above; the next run starts this step again";
        return Err(Helped::new(message, help).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn the_example_shows_every_key_with_its_default() {
        let example = include_str!("../../../config.example.toml");
        let mut settings = String::new();
        for line in example.lines().filter_map(|line| line.strip_prefix('#')) {
            if line
                .split_once(" = ")
                .is_some_and(|(key, _)| !key.contains(' '))
            {
                settings += &format!("{line}\n");
            }
        }
        let shown: Config = toml::from_str(&settings).unwrap();
        assert!(shown.source.is_some() && shown.stage0.is_some());
        assert_eq!(
            Config {
                source: None,
                stage0: None,
                ..shown
            },
            Config::default()
        );
        assert_eq!(settings.lines().count(), 8);
    }

    #[test]
    fn a_mistyped_key_is_an_error() {
        let error = toml::from_str::<Config>("optimise = 1")
            .unwrap_err()
            .to_string();
        assert!(error.contains("unknown field `optimise`"), "{error}");
    }
}
