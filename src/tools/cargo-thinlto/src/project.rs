//! What the project and the user's configuration say about profiles and flags.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::Context;
use cargo_metadata::MetadataCommand;
use helped::Helped;
use serde_json::Value;
use tool_support::command;

use crate::arguments::Arguments;
use crate::cargo::ON_ANY_CHANNEL;

/// The settings of a project.
pub struct Project {
    /// Cargo's configuration: files and `--config`, without the environment.
    config: Value,
    /// The workspace, if there is one.
    workspace: Option<Workspace>,
}

/// What cargo knows of a workspace without resolving its dependencies.
struct Workspace {
    /// The path of its manifest, and what is in it.
    manifest: (PathBuf, Value),
    /// The names of its members, and of those of their dependencies that have a path.
    local: Vec<String>,
}

impl Project {
    /// Asks `cargo`, in two processes at the same time.
    pub fn read(cargo: &Path, arguments: &Arguments) -> anyhow::Result<Project> {
        thread::scope(|scope| {
            let config = scope.spawn(|| read_config(cargo, arguments));
            let workspace = read_workspace(cargo, arguments)?;
            Ok(Project {
                config: config.join().expect("it does not panic")?,
                workspace,
            })
        })
    }

    /// The manifest of the workspace, if there is one.
    pub fn manifest(&self) -> Option<&Path> {
        let workspace = self.workspace.as_ref()?;
        Some(&workspace.manifest.0)
    }

    /// The names of packages with a path that a complete `Cargo.lock` has: members, their dependencies, and
    /// those that replace others.
    pub fn local(&self) -> impl Iterator<Item = &str> {
        let workspace = self.workspace.iter();
        let names = workspace.flat_map(|workspace| workspace.local.iter().map(String::as_str));
        let patches = self
            .all_tables()
            .filter_map(|tables| tables["patch"].as_object());
        let sources = patches.flatten();
        let patches = sources.filter_map(|(_, source)| source.as_object());
        let local = patches
            .flatten()
            .filter(|(_, patch)| !patch["path"].is_null());
        names.chain(local.map(|(name, patch)| patch["package"].as_str().unwrap_or(name)))
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

    /// The settings of single packages in `profile`, by their specifications.
    pub fn overrides(&self, profile: &str) -> Vec<(&str, &Value)> {
        let profiles = self.with_parents(profile);
        let tables = profiles.iter().flat_map(|profile| self.tables(profile));
        let packages = tables.filter_map(|table| table["package"].as_object());
        packages
            .flatten()
            .map(|(spec, settings)| (spec.as_str(), settings))
            .collect()
    }

    /// Whether crates with a path are compiled incrementally: cargo asks the environment, its configuration
    /// and the profile, in this order.
    pub fn is_incremental(&self, profile: &str) -> bool {
        // Every value but this one turns it off.
        if let Ok(value) = env::var("CARGO_INCREMENTAL") {
            return value == "1";
        }
        let variable = env::var("CARGO_BUILD_INCREMENTAL").ok().map(Value::from);
        let configured = Some(&self.config["build"]["incremental"]).filter(|it| !it.is_null());
        let decided = variable
            .or_else(|| configured.cloned())
            .or_else(|| self.setting(profile, "incremental"));
        decided.is_none_or(|value| value == true || value == "true")
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
        self.all_tables()
            .map(move |tables| &tables["profile"][&profile])
    }

    /// The configuration and the manifest.
    fn all_tables(&self) -> impl Iterator<Item = &Value> {
        let manifest = self.workspace.iter().map(|workspace| &workspace.manifest.1);
        [&self.config].into_iter().chain(manifest)
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

/// The workspace; `None` if there is none, about which cargo says what is to be said.
fn read_workspace(cargo: &Path, arguments: &Arguments) -> anyhow::Result<Option<Workspace>> {
    if arguments.is_install && arguments.manifest.is_none() {
        return Ok(None);
    }
    let mut command = Command::new(cargo);
    command.env(ON_ANY_CHANNEL.0, ON_ANY_CHANNEL.1).args([
        "metadata",
        "--no-deps",
        "--format-version=1",
    ]);
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
    let metadata = MetadataCommand::parse(String::from_utf8(output.stdout)?)
        .context("cannot read cargo's metadata")?;
    let path = metadata.workspace_root.as_std_path().join("Cargo.toml");
    let text = fs::read_to_string(&path)?;
    // Cargo explains errors in manifests better.
    let Ok(manifest) = toml::from_str(&text) else {
        return Ok(None);
    };
    let mut local = Vec::new();
    for member in metadata.packages {
        let dependencies = member.dependencies.into_iter();
        let with_path = dependencies.filter(|dependency| dependency.path.is_some());
        local.push(member.name);
        local.extend(with_path.map(|dependency| dependency.name));
    }
    Ok(Some(Workspace {
        manifest: (path, manifest),
        local,
    }))
}
