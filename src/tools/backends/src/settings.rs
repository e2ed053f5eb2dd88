//! Settings: from the command line, the environment, and a file, in this order of precedence.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use bazel_remote_apis::build::bazel::remote::execution::v2::{Platform, platform::Property};
use helped::Helped;

use crate::compiler::Delivery;
use crate::remote::Address;

/// The option that names the file, and its variable.
const FILE_OPTION: &str = "--settings";
const FILE_VARIABLE: &str = "THINLTO_SETTINGS";

/// The settings of a runner. The variable of `--some-setting` is `THINLTO_SOME_SETTING`, its key in the
/// file `some-setting`.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// The file with settings [default: thinlto/settings.toml in $XDG_CONFIG_HOME or ~/.config]
    #[arg(long, value_name = "FILE", env = FILE_VARIABLE)]
    settings: Option<PathBuf>,
    /// The folder of the cache [default: thinlto in $XDG_CACHE_HOME or ~/.cache]
    #[arg(long, value_name = "DIR", env = "THINLTO_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
    /// The size to which the cache is pruned, with a suffix K, M or G
    #[arg(
        long,
        value_name = "SIZE",
        env = "THINLTO_CACHE_SIZE",
        default_value = "5G"
    )]
    pub(crate) cache_size: Size,
    /// The largest number of processes on this machine [default: the number of its cores]
    #[arg(long, value_name = "COUNT", env = "THINLTO_JOBS")]
    pub(crate) jobs: Option<NonZero<usize>>,
    /// The rustc that is the backend of modules that rustc compiled, instead of lld's compiler
    #[arg(long, value_name = "PROGRAM", env = "THINLTO_RUSTC")]
    pub(crate) rustc: Option<PathBuf>,
    /// An option of that rustc, such as `--target=…`
    #[arg(
        long,
        value_name = "OPTION",
        env = "THINLTO_RUSTC_OPTION",
        value_delimiter = ' ',
        allow_hyphen_values = true
    )]
    pub(crate) rustc_option: Vec<String>,
    /// The server of a cache that machines share
    #[arg(long, value_name = "ADDRESS", env = "THINLTO_REMOTE_CACHE")]
    pub(crate) remote_cache: Option<Address>,
    /// The server that runs backends on other machines. Its cache is `--remote-cache`, or its own
    #[arg(long, value_name = "ADDRESS", env = "THINLTO_REMOTE_EXECUTOR")]
    pub(crate) remote_executor: Option<Address>,
    /// The name of the instance on these servers
    #[arg(
        long,
        value_name = "NAME",
        env = "THINLTO_REMOTE_INSTANCE",
        default_value = ""
    )]
    pub(crate) remote_instance: String,
    /// The largest number of backends on the server
    #[arg(
        long,
        value_name = "COUNT",
        env = "THINLTO_REMOTE_JOBS",
        default_value = "32"
    )]
    pub(crate) remote_jobs: NonZero<usize>,
    /// The time after which the server is given up if no backend ends
    #[arg(
        long,
        value_name = "SECONDS",
        env = "THINLTO_REMOTE_TIMEOUT",
        default_value = "300"
    )]
    pub(crate) remote_timeout: NonZero<u64>,
    /// How blobs are compressed, if the server supports it
    #[arg(
        long,
        value_name = "HOW",
        env = "THINLTO_REMOTE_COMPRESSION",
        default_value = "zstd"
    )]
    remote_compression: Compression,
    /// The file with a bearer token
    #[arg(long, value_name = "FILE", env = "THINLTO_REMOTE_TOKEN_FILE")]
    pub(crate) remote_token_file: Option<PathBuf>,
    /// The certificate of the authority for `grpcs://` [default: those of the system]
    #[arg(long, value_name = "FILE", env = "THINLTO_REMOTE_CA")]
    pub(crate) remote_ca: Option<PathBuf>,
    /// The client's certificate
    #[arg(long, value_name = "FILE", env = "THINLTO_REMOTE_CERTIFICATE")]
    pub(crate) remote_certificate: Option<PathBuf>,
    /// The key of the client's certificate
    #[arg(long, value_name = "FILE", env = "THINLTO_REMOTE_KEY")]
    pub(crate) remote_key: Option<PathBuf>,
    /// A property that the worker of a remote action must have
    #[arg(
        long,
        value_name = "NAME=VALUE",
        env = "THINLTO_REMOTE_PROPERTY",
        value_delimiter = ','
    )]
    remote_property: Vec<NameValue>,
    /// Whether a remote action brings its compiler, or the worker has it
    #[arg(
        long,
        value_name = "WHERE",
        env = "THINLTO_REMOTE_COMPILER",
        default_value = "sent"
    )]
    pub(crate) remote_compiler: Delivery,
}

impl Settings {
    /// The cache in `cache_dir`, at most `jobs` processes, and no servers, whatever the environment
    /// says.
    pub fn local(cache_dir: &Path, jobs: NonZero<usize>) -> Settings {
        Settings {
            settings: None,
            cache_dir: Some(cache_dir.to_owned()),
            cache_size: Size(u64::MAX),
            jobs: Some(jobs),
            rustc: None,
            rustc_option: Vec::new(),
            remote_cache: None,
            remote_executor: None,
            remote_instance: String::new(),
            remote_jobs: jobs,
            remote_timeout: NonZero::<u64>::MIN,
            remote_compression: Compression::Zstd,
            remote_token_file: None,
            remote_ca: None,
            remote_certificate: None,
            remote_key: None,
            remote_property: Vec::new(),
            remote_compiler: Delivery::Sent,
        }
    }

    /// Whether there is a server.
    pub fn is_remote(&self) -> bool {
        self.remote_cache.is_some() || self.remote_executor.is_some()
    }

    /// The folder of the cache.
    pub(crate) fn cache_dir(&self) -> anyhow::Result<PathBuf> {
        if let Some(dir) = &self.cache_dir {
            return Ok(dir.clone());
        }
        user_folder("XDG_CACHE_HOME", ".cache").with_context(|| {
            Helped::new(
                "there is no folder for the cache",
                "set THINLTO_CACHE_DIR or HOME",
            )
        })
    }

    pub(crate) fn compresses(&self) -> bool {
        self.remote_compression == Compression::Zstd
    }

    /// The properties of workers, sorted by name as the Remote Execution API wants them.
    pub(crate) fn platform(&self) -> Platform {
        let properties = self.remote_property.iter();
        let sorted: BTreeMap<_, _> = properties.map(|pair| (&pair.name, &pair.value)).collect();
        let properties = sorted.into_iter().map(|(name, value)| Property {
            name: name.clone(),
            value: value.clone(),
        });
        Platform {
            properties: properties.collect(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, clap::ValueEnum)]
enum Compression {
    #[default]
    Zstd,
    None,
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Size(u64);

impl Size {
    pub(crate) fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Size> {
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let shift = match &text[digits.len()..] {
            "" => 0,
            "K" => 10,
            "M" => 20,
            "G" => 30,
            _ => bail!("the suffix has to be K, M or G"),
        };
        let bytes = digits.parse::<u64>()?.checked_mul(1 << shift);
        Ok(Size(bytes.context("it is too large")?))
    }
}

/// A name and a value.
#[derive(Clone, Debug, PartialEq)]
struct NameValue {
    name: String,
    value: String,
}

impl FromStr for NameValue {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<NameValue> {
        let (name, value) = text.split_once('=').context("there is no `=`")?;
        Ok(NameValue {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// The folder `thinlto` in the user's folder that `variable` names.
fn user_folder(variable: &str, default: &str) -> Option<PathBuf> {
    let folder = match env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&env::var_os("HOME")?).join(default),
    };
    Some(folder.join("thinlto"))
}

/// `arguments`, preceded by the settings in the file that they or the environment name. A setting is
/// left out if the environment has it.
pub fn with_file(arguments: Vec<OsString>) -> anyhow::Result<Vec<OsString>> {
    let named = file_option(&arguments).or_else(|| env::var_os(FILE_VARIABLE));
    let default = || user_folder("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("settings.toml"));
    let file = match named {
        Some(file) => PathBuf::from(file),
        None => match default().filter(|file| file.exists()) {
            Some(file) => file,
            None => return Ok(arguments),
        },
    };
    let own = of_file(&file, |variable| env::var_os(variable).is_some())?;
    let mut all = arguments;
    all.splice(1..1, own);
    Ok(all)
}

fn file_option(arguments: &[OsString]) -> Option<OsString> {
    let mut arguments = arguments.iter();
    let mut file = None;
    while let Some(argument) = arguments.next() {
        match argument.to_str()?.strip_prefix(FILE_OPTION) {
            Some("") => file = arguments.next().cloned(),
            Some(rest) if rest.starts_with('=') => file = Some(rest[1..].into()),
            _ => {}
        }
    }
    file
}

/// The settings in `file` as arguments, without those that are `set` elsewhere.
fn of_file(file: &Path, set: impl Fn(&str) -> bool) -> anyhow::Result<Vec<OsString>> {
    let name = file.display();
    let text = fs::read_to_string(file).with_context(|| {
        let help = "it is the file of `--settings` or THINLTO_SETTINGS";
        Helped::new(format!("cannot read the settings {name}"), help)
    })?;
    let table: toml::Table =
        toml::from_str(&text).with_context(|| format!("cannot read the settings {name}"))?;
    let known = <Settings as clap::Args>::augment_args(clap::Command::new(""));
    let (mut own, mut arguments) = (Vec::new(), Vec::new());
    for (key, value) in &table {
        if key == "settings" || !known.get_arguments().any(|arg| arg.get_long() == Some(key)) {
            let help = "`thinlto-distributor --help` lists the settings";
            return Err(Helped::new(format!("{name} has an unknown key `{key}`"), help).into());
        }
        let values = match value {
            toml::Value::Array(values) => &values[..],
            value => std::slice::from_ref(value),
        };
        let variable = format!("THINLTO_{}", key.to_uppercase().replace('-', "_"));
        for value in values {
            let value = match value {
                toml::Value::String(text) => text.clone(),
                toml::Value::Integer(number) => number.to_string(),
                _ => bail!("{name}: the value of `{key}` is neither a text nor a number"),
            };
            own.push(OsString::from(format!("--{key}={value}")));
            if !set(&variable) {
                arguments.extend(own.last().cloned());
            }
        }
    }
    // A wrong value in the environment is another error.
    let alone = known.mut_args(|arg| arg.env(None::<&str>));
    if let Err(error) = alone.try_get_matches_from([vec![OsString::new()], own].concat()) {
        let error = error.to_string();
        let error = error.lines().next().unwrap_or_default();
        bail!("{name}: {}", error.trim_start_matches("error: "));
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    #[command(args_override_self = true)]
    struct Tool {
        #[command(flatten)]
        settings: Settings,
    }

    fn settings(arguments: &[&str]) -> Settings {
        Tool::parse_from([&["tool"], arguments].concat()).settings
    }

    fn in_file(text: &str, set: &[&str]) -> anyhow::Result<Vec<String>> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("settings.toml");
        fs::write(&file, text)?;
        let arguments = of_file(&file, |name| set.contains(&name))?;
        Ok(arguments
            .into_iter()
            .map(|argument| argument.into_string().unwrap())
            .collect())
    }

    #[test]
    fn a_file_has_the_names_of_the_options() {
        let text =
            "jobs = 3\ncache-size = \"1M\"\nremote-property = [\"OSFamily=linux\", \"pool=a\"]";
        let arguments = in_file(text, &[]).unwrap();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let of_file = settings(&arguments);
        assert_eq!(of_file.jobs.unwrap().get(), 3);
        assert_eq!(of_file.cache_size.bytes(), 1 << 20);
        let properties = of_file.platform().properties;
        let properties: Vec<_> = properties.iter().map(|p| (&*p.name, &*p.value)).collect();
        assert_eq!(properties, [("OSFamily", "linux"), ("pool", "a")]);
        // The command line comes later, and wins.
        let both = settings(&[&arguments[..], &["--jobs=5"]].concat());
        assert_eq!(both.jobs.unwrap().get(), 5);
        // So does the environment.
        let rest = in_file(text, &["THINLTO_CACHE_SIZE", "THINLTO_REMOTE_PROPERTY"]).unwrap();
        assert_eq!(rest, ["--jobs=3"]);
    }

    #[test]
    fn wrong_files_are_errors_that_name_them() {
        for (text, message) in [
            ("jbos = 3", "settings.toml has an unknown key `jbos`"),
            (
                "settings = 'x'",
                "settings.toml has an unknown key `settings`",
            ),
            (
                "jobs = 0",
                "settings.toml: invalid value '0' for '--jobs <COUNT>'",
            ),
            (
                "jobs = true",
                "settings.toml: the value of `jobs` is neither",
            ),
            (
                "remote-property = 'x'",
                "settings.toml: invalid value 'x' for '--remote-property",
            ),
            ("jobs", "cannot read the settings "),
        ] {
            let error = format!("{:#}", in_file(text, &[]).unwrap_err());
            assert!(error.contains(message), "{error}");
        }
        let error = of_file(Path::new("missing.toml"), |_| false).unwrap_err();
        assert!(helped::report(&error).contains("\nhelp: "));
    }

    #[test]
    fn the_last_settings_option_counts() {
        let find = |arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
            file_option(&arguments).map(|file| file.into_string().unwrap())
        };
        assert_eq!(find(&["t", "--settings", "a", "x"]).as_deref(), Some("a"));
        let two = ["t", "--settings=a", "--settings=b"];
        assert_eq!(find(&two).as_deref(), Some("b"));
        assert_eq!(find(&["t", "x"]), None);
    }

    #[test]
    fn sizes_have_suffixes() {
        let size = |text: &str| text.parse::<Size>().map(Size::bytes).ok();
        assert_eq!(size("12"), Some(12));
        assert_eq!(size("3K"), Some(3 << 10));
        assert_eq!(size("5G"), Some(5 << 30));
        for wrong in ["", "G", "5T", "-1", "99999999999G"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }
}
