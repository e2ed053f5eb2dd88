//! What the project and the user's configuration say about profiles and flags.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::Context;
use helped::Helped;
use serde_json::Value;
use tool_support::command;

use crate::arguments::Arguments;
use crate::cargo::ON_ANY_CHANNEL;

/// The settings of a project.
pub struct Project {
    /// Cargo's configuration: files and `--config`, without the environment.
    config: Value,
    /// The manifest of the workspace, if there is one.
    manifest: Option<Value>,
}

impl Project {
    /// Asks `cargo`, in two processes at the same time.
    pub fn read(cargo: &Path, arguments: &Arguments) -> anyhow::Result<Project> {
        thread::scope(|scope| {
            let config = scope.spawn(|| read_config(cargo, arguments));
            let manifest = read_manifest(cargo, arguments)?;
            Ok(Project {
                config: config.join().expect("it does not panic")?,
                manifest,
            })
        })
    }

    /// The targets that the arguments name, or the environment or the setting `build.target`.
    pub fn targets(&self, arguments: &Arguments) -> Vec<String> {
        if !arguments.targets.is_empty() {
            return arguments.targets.clone();
        }
        if let Ok(target) = env::var("CARGO_BUILD_TARGET") {
            return vec![target];
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match &self.config["build"]["target"] {
            Value::Array(targets) => targets.iter().filter_map(text).collect(),
            target => text(target).into_iter().collect(),
        }
    }

    /// The variable `name` of links: that of the environment, or of the configuration if that is forced or
    /// alone.
    pub fn variable(&self, name: &str) -> Option<String> {
        let setting = &self.config["env"][name];
        let configured = setting.as_str().or(setting["value"].as_str());
        let configured = configured.map(str::to_owned);
        let forced = configured.clone().filter(|_| setting["force"] == true);
        forced.or_else(|| env::var(name).ok()).or(configured)
    }

    /// Whether cargo has a profile of this name.
    pub fn has_profile(&self, name: &str) -> bool {
        ["bench", "dev", "release", "test"].contains(&name) || self.decides(name, "inherits")
    }

    /// Whether the project or the user has decided on `key` in `profile`, or in one that it inherits
    /// from.
    pub fn decides(&self, profile: &str, key: &str) -> bool {
        self.setting(profile, key).is_some()
    }

    /// What the project or the user has decided.
    fn setting(&self, profile: &str, key: &str) -> Option<Value> {
        self.with_parents(profile).into_iter().find_map(|profile| {
            let variable = format!("CARGO_PROFILE_{profile}_{key}").to_uppercase();
            if let Ok(value) = env::var(variable.replace('-', "_")) {
                return Some(value.into());
            }
            let mut values = self.tables(&profile).map(|table| &table[key]);
            values.find(|value| !value.is_null()).cloned()
        })
    }

    /// `profile` and those that it inherits from.
    fn with_parents(&self, profile: &str) -> Vec<String> {
        let mut all = vec![profile.to_owned()];
        // A profile that inherits from itself is an error of cargo.
        while all.len() < 10 {
            let last = all.last().expect("it is not empty");
            let parent = self
                .tables(last)
                .find_map(|table| table["inherits"].as_str());
            let parent = match (parent, last.as_str()) {
                (Some(parent), _) => parent,
                (None, "test") => "dev",
                (None, "bench") => "release",
                (None, _) => break,
            };
            all.push(parent.to_owned());
        }
        all
    }

    /// An error if `profile` has settings that LTO cannot honor.
    pub fn check(&self, profile: &str) -> anyhow::Result<()> {
        let has_flags = |table: &Value| {
            let overrides = table["package"].as_object().into_iter().flatten();
            overrides
                .into_iter()
                .any(|(_, package)| !package["rustflags"].is_null())
        };
        if self.decides(profile, "rustflags") || self.tables(profile).any(has_flags) {
            let message = format!("the profile `{profile}` has `rustflags`");
            let help = "leave them out, and set `RUSTFLAGS` or `build.rustflags`";
            return Err(Helped::new(message, help).into());
        }
        if let Some(value) = self.setting(profile, "split-debuginfo")
            && value != "off"
        {
            let message = format!("the profile `{profile}` has `split-debuginfo = {value}`");
            let variable = format!("CARGO_PROFILE_{profile}_SPLIT_DEBUGINFO").to_uppercase();
            let help = format!(
                "set `{}=off`: the program then holds its debug info",
                variable.replace('-', "_")
            );
            return Err(Helped::new(message, help).into());
        }
        Ok(())
    }

    /// The variables of build scripts that tools for C read as `name`: itself, with `HOST_` or `TARGET_`
    /// before it, and with a target after it. They are in the environment or in the configuration.
    pub fn variables_like(&self, name: &str) -> Vec<(String, String)> {
        let is_like = |variable: &str| {
            let base = variable
                .strip_prefix("HOST_")
                .or(variable.strip_prefix("TARGET_"));
            let rest = base.unwrap_or(variable).strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        let configured = self.config["env"].as_object().into_iter().flatten();
        let mut variables: BTreeMap<String, String> = configured
            .filter_map(|(name, value)| {
                let value = value.as_str().or(value["value"].as_str())?;
                Some((name.clone(), value.to_owned()))
            })
            .collect();
        let text = |it: OsString| it.into_string().ok();
        variables
            .extend(env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))));
        variables.retain(|variable, _| is_like(variable));
        variables.into_iter().collect()
    }

    /// The tables of `profile` in the configuration and in the manifest.
    fn tables(&self, profile: &str) -> impl Iterator<Item = &Value> + use<'_> {
        let profile = profile.to_owned();
        [&self.config]
            .into_iter()
            .chain(&self.manifest)
            .map(move |tables| &tables["profile"][&profile])
    }

    /// The setting of cargo that adds `flags` to the user's own `key`, which is `rustdocflags`, or the
    /// user's flags with `flags` if they are in the environment. Cargo uses one source of flags only.
    pub fn with_flags(&self, key: &str, flags: &[&str]) -> Flags {
        let upper = key.to_uppercase();
        let encoded = format!("CARGO_ENCODED_{upper}");
        if let Ok(user) = env::var(&encoded) {
            return Flags::Variable(encoded, [&[user.as_str()], flags].concat().join("\x1f"));
        }
        if let Ok(user) = env::var(&upper) {
            let user = user.split_whitespace();
            let all: Vec<_> = user.chain(flags.iter().copied()).collect();
            return Flags::Variable(encoded, all.join("\x1f"));
        }
        let of_target = env::vars_os().any(|(name, _)| is_of_target(&name, &upper));
        let targets = self.config["target"].as_object().into_iter().flatten();
        if of_target || targets.into_iter().any(|(_, it)| !it[key].is_null()) {
            return Flags::Setting(format!("target.'cfg(all())'.{key}={}", list(flags)));
        }
        // A text does not merge with a list.
        match self.config["build"][key].as_str() {
            Some(user) => {
                let text = format!("{user} {}", flags.join(" "));
                Flags::Setting(format!("build.{key}={}", Value::from(text)))
            }
            None => Flags::Setting(format!("build.{key}={}", list(flags))),
        }
    }
}

/// Flags for cargo.
#[derive(Debug, PartialEq)]
pub enum Flags {
    /// A variable of the environment and its value.
    Variable(String, String),
    /// A value of `--config`.
    Setting(String),
}

/// A list in JSON, which is one in TOML as well.
pub fn list(flags: &[&str]) -> Value {
    flags.to_vec().into()
}

/// Whether the variable `name` is the setting `key` of a target.
fn is_of_target(name: &OsStr, key: &str) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("CARGO_TARGET_") && name.ends_with(&format!("_{key}"))
}

fn read_config(cargo: &Path, arguments: &Arguments) -> anyhow::Result<Value> {
    let mut command = Command::new(cargo);
    command.env(ON_ANY_CHANNEL.0, ON_ANY_CHANNEL.1);
    if let Some(folder) = config_folder(arguments)? {
        command.current_dir(folder);
    }
    for value in &arguments.config {
        let file = path::absolute(value).ok().filter(|file| file.exists());
        let value = file.map_or_else(|| value.clone(), Into::into);
        command.arg("--config").arg(value);
    }
    command.args(["-Zunstable-options", "config", "get", "--format=json"]);
    let output = command::run(&mut command)?;
    serde_json::from_slice(&output.stdout).context("cannot read cargo's configuration")
}

/// The folder whose configuration `cargo install` reads instead of the current one: that of `--path`, or
/// cargo's home.
fn config_folder(arguments: &Arguments) -> anyhow::Result<Option<PathBuf>> {
    if !arguments.is_install {
        return Ok(None);
    }
    let folder = match &arguments.manifest {
        Some(folder) => folder.into(),
        None => home::cargo_home()?,
    };
    // Cargo says that there is none.
    Ok(Some(folder).filter(|folder| folder.is_dir()))
}

/// The manifest of the workspace; `None` if there is none, about which cargo says what is to be said.
fn read_manifest(cargo: &Path, arguments: &Arguments) -> anyhow::Result<Option<Value>> {
    if arguments.is_install && arguments.manifest.is_none() {
        return Ok(None);
    }
    let mut command = Command::new(cargo);
    command.args(["locate-project", "--workspace", "--message-format=plain"]);
    if let Some(path) = &arguments.manifest {
        let path = Path::new(path);
        // `cargo install --path` names a folder.
        let manifest = if path.is_dir() {
            path.join("Cargo.toml")
        } else {
            path.to_owned()
        };
        command.arg("--manifest-path").arg(manifest);
    }
    let output = command::run_to_any_end(&mut command)?;
    if !output.status.success() {
        return Ok(None);
    }
    let path = String::from_utf8(output.stdout)?;
    let text = fs::read_to_string(path.trim_end())?;
    // Cargo explains errors in manifests better.
    Ok(toml::from_str(&text).ok())
}
