//! A small repository with a small source tree and a build directory, all temporary.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The driver that cargo built for these tests.
pub const DRIVER: &str = env!("CARGO_BIN_EXE_overlay");

/// The content and mode of every file below a folder, except git's, by path.
pub type Snapshot = BTreeMap<String, (Vec<u8>, u32)>;

/// The folders of a test, which are removed with it.
pub struct Fixture {
    _folder: tempfile::TempDir,
    /// The repository.
    pub root: PathBuf,
    /// The build directory.
    pub build: PathBuf,
    /// The source tree that `config.toml` names.
    pub source: PathBuf,
    /// A stage 0 toolchain of scripts.
    pub stage0: PathBuf,
}

impl Fixture {
    /// A repository with an empty overlay. Its `config.toml` names the small source tree, and scripts as
    /// stage 0 and llvm-config.
    pub fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let fixture = Fixture {
            root: at("root"),
            build: at("build"),
            source: at("source"),
            stage0: at("stage0"),
            _folder: folder,
        };
        // Other users run x.py in some tests.
        fs::set_permissions(fixture._folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fixture.write("Cargo.toml", "[workspace]\nmembers = [\"src/overlay\"]\n");
        let pins = include_str!("../../pins.toml");
        fixture.write("src/overlay/pins.toml", pins);
        fixture.git(&fixture.root, &["init", "--quiet"]);

        let lines: String = (1..=40).map(|n| format!("line {n}\n")).collect();
        for name in ["compiler/a.rs", "compiler/b.rs", "library/c.rs"] {
            write(&fixture.source.join(name), &lines);
        }
        write(
            &fixture.source.join("vendor/x/.cargo-checksum.json"),
            r#"{"files":{"a":"b"}}"#,
        );
        write(
            &fixture.source.join("tests/run-make/up/rmake.rs"),
            "fn main() {}\n",
        );
        let bootstrap = "import sys\nprint('bootstrap', *sys.argv[1:])\n";
        write(&fixture.source.join("x.py"), bootstrap);
        write(&fixture.source.join("src/version"), "1.95.0\n");
        write(&fixture.source.join("library/backtrace/Cargo.toml"), "");
        write(&fixture.source.join("Cargo.lock"), "upstream's\n");
        let flags: String = ["build", "test"].map(completions).concat();
        let completions = fixture.source.join("src/etc/completions/x.py.fish");
        write(&completions, &flags);

        script(
            &fixture.llvm_config(),
            "case $1 in --version) echo 22.1.8;; *) dirname \"$0\";; esac",
        );
        fixture.stage0_release("1.95.0");
        // Does what cargo does, without a build. The driver may be running.
        let cargo = format!(
            "mkdir -p \"$CARGO_TARGET_DIR/debug\" && \
             cp --remove-destination {DRIVER} \"$CARGO_TARGET_DIR/debug/overlay\""
        );
        script(&fixture.stage0.join("bin/cargo"), &cargo);
        fixture.write(
            "config.toml",
            &format!(
                "source = {:?}\nstage0 = {:?}\nllvm-config = {:?}\n",
                fixture.source,
                fixture.stage0,
                fixture.llvm_config()
            ),
        );
        fixture
    }

    /// Turns the source into Debian's, with a patch that replaces line 20 of `compiler/b.rs` with two.
    pub fn make_debian(&self) {
        let path = self.source.join("compiler/b.rs");
        let text = fs::read_to_string(&path).unwrap();
        write(&path, &text.replace("line 20\n", "debian\nmore\n"));
        let debian = self.source.join("debian/patches");
        write(&debian.join("series"), "# first\none.patch\n");
        let patch = "Why it is.\n\n--- a/compiler/b.rs\n+++ b/compiler/b.rs\n\
                     @@ -19,3 +19,4 @@\n line 19\n-line 20\n+debian\n+more\n line 21\n";
        write(&debian.join("one.patch"), patch);
    }

    /// The path of the script that stands for llvm-config.
    pub fn llvm_config(&self) -> PathBuf {
        self.source.with_file_name("llvm-config")
    }

    /// Sets the release that stage 0 reports.
    pub fn stage0_release(&self, release: &str) {
        let lines = format!("echo 'host: x86_64-unknown-linux-gnu'; echo 'release: {release}'");
        script(&self.stage0.join("bin/rustc"), &lines);
    }

    /// Writes a file of the repository.
    pub fn write(&self, name: &str, text: &str) {
        write(&self.root.join(name), text);
    }

    /// A path in the laid tree.
    pub fn laid(&self, name: &str) -> PathBuf {
        self.build.join("src").join(name)
    }

    /// Replaces `from` in a file of the laid tree.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.laid(name)).unwrap();
        assert!(text.contains(from), "{name} does not hold {from}");
        write(&self.laid(name), &text.replacen(from, to, 1));
    }

    /// Runs the driver. Creates the build directory, as `x.py` does.
    pub fn driver(&self, args: &[&str]) -> Output {
        fs::create_dir_all(&self.build).unwrap();
        let mut command = Command::new(DRIVER);
        command
            .arg("--root")
            .arg(&self.root)
            .arg("--build-dir")
            .arg(&self.build);
        command
            .args(["--started", "0", "--steps", "7"])
            .args(args)
            .output()
            .unwrap()
    }

    /// Runs the driver, which must succeed, and returns its standard output.
    pub fn succeed(&self, args: &[&str]) -> String {
        let output = self.driver(args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the driver, which must fail with exit code 1, and returns its message.
    pub fn fail(&self, args: &[&str]) -> String {
        let output = self.driver(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let message = stderr(&output);
        assert!(message.starts_with("error: "), "{message}");
        assert!(message.contains("\nhelp: "), "{message}");
        message
    }

    /// Runs git, which must succeed, and returns its output.
    pub fn git(&self, dir: &Path, args: &[&str]) -> String {
        fs::create_dir_all(dir).unwrap();
        let output = Command::new("git")
            .arg("-C")
            .arg(dir)
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {args:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// Completions for fish of some flags of `verb`, as bootstrap generates them.
fn completions(verb: &str) -> String {
    let line = |flag: &str| {
        format!("complete -c x.py -n \"__fish_x.py_using_subcommand {verb}\" {flag}\n")
    };
    [
        "-l stage -d 'stage to build' -r -f",
        "-s j -l jobs -d 'jobs' -r -f",
        "-l test-args -d 'test arguments' -r -f",
        "-l bless -d 'bless'",
    ]
    .map(line)
    .concat()
}

/// Writes a file and the folders above it.
pub fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Writes an executable shell script.
pub fn script(path: &Path, lines: &str) {
    write(path, &format!("#!/bin/sh\n{lines}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All files below `folder`.
pub fn snapshot(folder: &Path) -> Snapshot {
    let mut files = Snapshot::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with(".git") {
                folders.push(path);
            } else if path.is_file() {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                let mode = path.metadata().unwrap().permissions().mode();
                files.insert(name, (fs::read(&path).unwrap(), mode));
            }
        }
    }
    files
}
