//! A project in a temporary folder, and runs of cargo in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, str};

use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol};
use serde_json::Value;
use tempfile::TempDir;
use walkdir::WalkDir;

/// A copy of the workspace in the folder of the tests, or of another project there.
pub struct Project {
    folder: TempDir,
    /// Variables of all runs.
    pub environment: BTreeMap<String, String>,
}

impl Project {
    /// A copy of the project `name`, with the cache of all tests.
    pub fn new(name: &str) -> Project {
        let mut project = Project::with_cache(name);
        project.share_cache();
        project
    }

    /// A copy of the project `name`, with a cache of its own.
    pub fn with_cache(name: &str) -> Project {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        Project::copy_of(&tests.join(name))
    }

    /// A copy of the folder `original`, with a cache of its own.
    pub fn copy_of(original: &Path) -> Project {
        let folder = tempfile::tempdir().unwrap();
        for entry in WalkDir::new(original) {
            let entry = entry.unwrap();
            let copy = folder
                .path()
                .join(entry.path().strip_prefix(original).unwrap());
            if entry.file_type().is_dir() {
                fs::create_dir_all(copy).unwrap();
            } else {
                fs::copy(entry.path(), copy).unwrap();
            }
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        let environment = [
            ("CARGO_THINLTO_CACHE_DIR", path("cache")),
            ("THINLTO_CACHE_DIR", path("objects")),
            // Not the user's settings.
            ("XDG_CONFIG_HOME", path("config")),
            ("CARGO_NET_OFFLINE", "true".to_owned()),
            ("RUSTC", rustc()),
            ("RUSTDOC", rustc().replace("bin/rustc", "bin/rustdoc")),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value));
        Project {
            folder,
            environment: environment.into(),
        }
    }

    /// Uses the cache of all tests.
    pub fn share_cache(&mut self) {
        self.set(
            "CARGO_THINLTO_CACHE_DIR",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"),
        );
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn set(&mut self, variable: &str, value: &str) {
        self.environment
            .insert(variable.to_owned(), value.to_owned());
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces `from` in a file.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        self.write(name, &text.replace(from, to));
    }

    /// A command in the folder, with nothing of this process's environment that cargo reads.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .env_clear()
            .envs(&self.environment);
        for name in ["CARGO_HOME", "HOME", "PATH", "RUSTUP_HOME"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("CARGO", env!("CARGO"));
        command
    }

    /// `cargo thinlto` as cargo starts it.
    pub fn thinlto(&self, words: &str) -> Command {
        // cargo's variable has a dash in its name, and a rustc that is a shell script drops it.
        let tests = env::current_exe().unwrap();
        let program = tests.ancestors().nth(2).unwrap().join("cargo-thinlto");
        let mut command = self.command(program);
        command.arg("thinlto").args(words.split_whitespace());
        command
    }

    /// cargo without LTO.
    pub fn cargo(&self, words: &str) -> Command {
        let mut command = self.command(env!("CARGO"));
        command.args(words.split_whitespace());
        command
    }

    /// The paths of all programs and libraries in `folder`, without those for cargo alone.
    pub fn artifacts(&self, folder: &str) -> Vec<String> {
        let root = self.path(folder);
        let walk = WalkDir::new(&root)
            .min_depth(1)
            .into_iter()
            .filter_entry(|entry| {
                let private = [".fingerprint", "build", "deps", "incremental"];
                !private.iter().any(|name| entry.file_name() == *name)
            });
        let files = walk
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().is_file());
        let mut names: Vec<_> = files
            .map(|entry| {
                entry
                    .path()
                    .strip_prefix(&root)
                    .unwrap()
                    .display()
                    .to_string()
            })
            // The examples are there under a name with a hash as well.
            .filter(|name| !name.starts_with("examples/") || !name.contains('-'))
            .filter(|name| !name.starts_with(".cargo"))
            .collect();
        names.sort();
        names
    }
}

/// The path of the compiler.
pub fn rustc() -> String {
    let default = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../build/host/stage1/bin/rustc"
    );
    env::var("TESTED_RUSTC").unwrap_or_else(|_| default.to_owned())
}

/// `command`, started by `env` with `option`, which says which signals it ignores.
pub fn with_signals(option: &str, command: &Command) -> Command {
    let mut env = Command::new("env");
    env.arg(option)
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap())
        .env_clear()
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    env
}

/// Runs `command`, which has to succeed. Returns its standard output and error.
#[track_caller]
pub fn succeed(command: &mut Command) -> (String, String) {
    let output = command.output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert!(output.status.success(), "{command:?}\n{stdout}{stderr}");
    (stdout, stderr)
}

/// Standard output and error.
pub fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// The modules, those from the cache and the compiled ones in the last line of `stderr`, if it is there.
pub fn counts(stderr: &str) -> Option<[usize; 3]> {
    let line = stderr.lines().last()?.strip_prefix("ThinLTO: ")?;
    let numbers: Vec<_> = line
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [all, hits, compiled] = numbers[..3] else {
        panic!("{line}")
    };
    assert_eq!(hits + compiled, all, "{line}");
    Some([all, hits, compiled])
}

/// The names of the symbols that `file` defines.
pub fn symbols(file: &Path) -> Vec<String> {
    let data = fs::read(file).unwrap();
    let object = object::File::parse(&*data).unwrap();
    let defined = object.symbols().filter(|symbol| symbol.is_definition());
    defined
        .map(|symbol| symbol.name().unwrap().to_owned())
        .collect()
}

/// Whether `file` has a function with `name` in its symbol.
pub fn has_function(file: &Path, name: &str) -> bool {
    symbols(file).iter().any(|symbol| symbol.contains(name))
}

/// The members of the archive `file`: whether all are bitcode.
pub fn is_bitcode(file: &Path) -> bool {
    let data = fs::read(file).unwrap();
    let archive = ArchiveFile::parse(&*data).unwrap();
    let members = archive.members().map(Result::unwrap);
    let objects: Vec<_> = members
        .filter(|member| member.name().ends_with(b".rcgu.o"))
        .map(|member| member.data(&*data).unwrap().starts_with(b"BC\xC0\xDE"))
        .collect();
    assert!(!objects.is_empty(), "{}", file.display());
    let all = objects.iter().all(|is_bitcode| *is_bitcode);
    assert!(
        all || !objects.contains(&true),
        "{} is mixed",
        file.display()
    );
    all
}

/// The messages of `--message-format=json`, without what differs from build to build.
pub fn artifacts_in_json(stdout: &str, root: &Path) -> Vec<Value> {
    let root = root.display().to_string();
    let messages = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut artifacts: Vec<Value> = messages
        .filter(|message| message["reason"] == "compiler-artifact")
        .map(|message| {
            let file = |name: &Value| {
                let name = name.as_str()?.replace(&root, "");
                Some(without_hash(&name))
            };
            let files = message["filenames"].as_array().unwrap();
            serde_json::json!({
                "target": message["target"]["name"],
                "kind": message["target"]["kind"],
                "files": files.iter().map(file).collect::<Vec<_>>(),
                "executable": file(&message["executable"]),
                "fresh": message["fresh"],
                "test": message["profile"]["test"],
            })
        })
        .collect();
    artifacts.sort_by_key(Value::to_string);
    artifacts.dedup();
    artifacts
}

/// A path without the hashes that cargo puts into it.
fn without_hash(path: &str) -> String {
    let is_hash =
        |part: &str| part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = path.split('/').map(|part| {
        let (name, rest) = part.rsplit_once('-').unwrap_or((part, ""));
        let (hash, extension) = rest.split_once('.').unwrap_or((rest, ""));
        if is_hash(hash) {
            format!("{name}-HASH.{extension}")
        } else {
            part.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join("/")
}
