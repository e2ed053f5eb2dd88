//! Programs of C, and their links.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;

pub const CLANG: &str = "/usr/bin/clang-22";
pub const LLD: &str = "/usr/bin/ld.lld-22";
pub const AR: &str = "/usr/bin/llvm-ar-22";

/// `main` calls functions of `odd`, in an archive, and of `even`, which call each other.
pub const SOURCES: [(&str, &str); 3] = [
    (
        "main",
        "int odd(unsigned); int even(unsigned); int printf(const char *, ...);
         static int calls; __attribute__((noinline)) static int count(int n) { return calls += n; }
         int counted(int n) { return count(n) * 2; }
         int main(void) { printf(\"%d %d %d\\n\", odd(7), even(7), counted(3)); return 0; }",
    ),
    (
        "even",
        "int odd(unsigned); __attribute__((noinline)) static int count(int n) { return n - 1; }
         int even(unsigned n) { return n == 0 ? 1 : odd(count(n)); }",
    ),
    (
        "odd",
        "int even(unsigned); int counted(int);
         int odd(unsigned n) { return n == 0 ? counted(0) : even(n - 1); }",
    ),
];
pub const FILES: [&str; 3] = ["main.o", "even.o", "libodd.a"];
pub const PRINTED: &str = "1 0 6\n";

pub fn distributor() -> PathBuf {
    // cargo's variable has a dash in its name, and a rustc that is a shell script drops it.
    let tests = env::current_exe().unwrap();
    tests
        .ancestors()
        .nth(2)
        .unwrap()
        .join("thinlto-distributor")
}

/// Folders of projects, and a cache.
pub struct Machine {
    pub dir: TempDir,
}

impl Machine {
    pub fn new() -> Machine {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        Machine { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Compiles the sources in the folder `name`.
    pub fn project(&self, name: &str) -> Project {
        let project = Project {
            dir: self.path(name),
            cache: self.path("cache"),
            tmp: self.path("tmp"),
        };
        fs::create_dir_all(&project.dir).unwrap();
        for (name, text) in SOURCES {
            project.compile(name, text);
        }
        project
    }
}

/// A folder with a program of three modules.
pub struct Project {
    pub dir: PathBuf,
    pub cache: PathBuf,
    /// Keeps what a killed process leaves.
    tmp: PathBuf,
}

impl Project {
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub fn compile(&self, name: &str, text: &str) {
        fs::write(self.path(&format!("{name}.c")), text).unwrap();
        let mut clang = self.command(CLANG);
        clang.args(["-O2", "-flto=thin", "-c", &format!("{name}.c"), "-o"]);
        succeed(clang.arg(format!("{name}.o")));
        if name == "odd" {
            let _ = fs::remove_file(self.path("libodd.a"));
            succeed(self.command(AR).args(["rcs", "libodd.a", "odd.o"]));
        }
    }

    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(&self.dir)
            .env("THINLTO_CACHE_DIR", &self.cache)
            // Not the user's settings.
            .env("XDG_CONFIG_HOME", &self.tmp)
            .env("TMPDIR", &self.tmp);
        command
    }

    /// A link of `files` by the distributor with `options`, which reports to `report.json`.
    pub fn linker(&self, files: &[&str], options: &[&str]) -> Command {
        let mut clang = self.command(CLANG);
        clang
            .args(["-O2", "-flto=thin"])
            .arg(format!("--ld-path={LLD}"))
            .args(files)
            .args(["-o", "program"])
            .arg(format!(
                "-Wl,--thinlto-distributor={}",
                distributor().display()
            ))
            .arg(format!("-Wl,--thinlto-remote-compiler={CLANG}"));
        for option in [&["--report=report.json"], options].concat() {
            clang.arg(format!("-Wl,--thinlto-distributor-arg={option}"));
        }
        clang
    }

    /// Links the program, runs it, and returns the counts of modules.
    pub fn link(&self, options: &[&str]) -> Counts {
        let (counts, messages) = self.link_files(&FILES, options);
        assert_eq!(messages, "");
        assert_eq!(self.run(), PRINTED);
        counts
    }

    /// Links files, and returns the counts of modules and the messages.
    pub fn link_files(&self, files: &[&str], options: &[&str]) -> (Counts, String) {
        let _ = fs::remove_file(self.path("report.json"));
        let output = succeed(&mut self.linker(files, options));
        let leftover = fs::read_dir(&self.dir).unwrap();
        let leftover = leftover.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let leftover: Vec<_> = leftover.filter(|name| name.contains("native")).collect();
        assert!(leftover.is_empty(), "{leftover:?}");
        (self.counts(), String::from_utf8(output.stderr).unwrap())
    }

    pub fn counts(&self) -> Counts {
        let report = fs::read(self.path("report.json")).unwrap();
        let report: BTreeMap<String, Value> = serde_json::from_slice(&report).unwrap();
        let count = |name: &str| report[name].as_u64().unwrap();
        let counts = Counts {
            cached: count("cached"),
            remote_cached: count("remote_cached"),
            remote: count("remote"),
            compiled: count("compiled"),
        };
        assert_eq!(count("modules"), counts.modules());
        counts
    }

    pub fn run(&self) -> String {
        let output = succeed(&mut Command::new(self.path("program")));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn program(&self) -> Vec<u8> {
        fs::read(self.path("program")).unwrap()
    }

    /// The files of all results in the cache.
    pub fn results(&self) -> Vec<PathBuf> {
        let entries = |dir: &Path| -> Vec<PathBuf> {
            match fs::read_dir(dir) {
                Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
                Err(_) => Vec::new(),
            }
        };
        let folders = entries(&self.cache.join("results"));
        folders.iter().flat_map(|folder| entries(folder)).collect()
    }
}

/// Numbers of modules, by where their objects came from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counts {
    pub cached: u64,
    pub remote_cached: u64,
    pub remote: u64,
    pub compiled: u64,
}

impl Counts {
    pub fn modules(self) -> u64 {
        self.cached + self.remote_cached + self.remote + self.compiled
    }
}

/// Those without a server.
pub const fn counts(cached: u64, compiled: u64) -> Counts {
    Counts {
        cached,
        remote_cached: 0,
        remote: 0,
        compiled,
    }
}

pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{messages}");
    output
}

/// The messages of a command that has to fail.
pub fn fail(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{command:?}");
    String::from_utf8(output.stderr).unwrap()
}
