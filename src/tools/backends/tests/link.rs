//! Links programs with lld 22, which runs `thinlto-distributor`.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs, thread};

use serde_json::Value;
use tempfile::TempDir;

const CLANG: &str = "/usr/bin/clang-22";
const LLD: &str = "/usr/bin/ld.lld-22";
const AR: &str = "/usr/bin/llvm-ar-22";

/// `main` calls functions of `odd`, in an archive, and of `even`, which call each other.
const SOURCES: [(&str, &str); 3] = [
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
const PRINTED: &str = "1 0 6\n";

fn distributor() -> PathBuf {
    // cargo's variable has a dash in its name, and a rustc that is a shell script drops it.
    let tests = env::current_exe().unwrap();
    tests
        .ancestors()
        .nth(2)
        .unwrap()
        .join("thinlto-distributor")
}

/// Folders of projects, and a cache.
struct Machine {
    dir: TempDir,
}

impl Machine {
    fn new() -> Machine {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        Machine { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Compiles the sources in the folder `name`.
    fn project(&self, name: &str) -> Project {
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
struct Project {
    dir: PathBuf,
    cache: PathBuf,
    /// Keeps what a killed process leaves.
    tmp: PathBuf,
}

impl Project {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn compile(&self, name: &str, text: &str) {
        fs::write(self.path(&format!("{name}.c")), text).unwrap();
        let mut clang = self.command(CLANG);
        clang.args(["-O2", "-flto=thin", "-c", &format!("{name}.c"), "-o"]);
        succeed(clang.arg(format!("{name}.o")));
        if name == "odd" {
            let _ = fs::remove_file(self.path("libodd.a"));
            succeed(self.command(AR).args(["rcs", "libodd.a", "odd.o"]));
        }
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(&self.dir)
            .env("THINLTO_CACHE_DIR", &self.cache)
            .env("TMPDIR", &self.tmp);
        command
    }

    /// A link of `files` by the distributor with `options`, which reports to `report.json`.
    fn linker(&self, files: &[&str], options: &[&str]) -> Command {
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
    fn link(&self, options: &[&str]) -> Counts {
        let (counts, messages) = self.link_files(&["main.o", "even.o", "libodd.a"], options);
        assert_eq!(messages, "");
        assert_eq!(self.run(), PRINTED);
        counts
    }

    /// Links files, and returns the counts of modules and the messages.
    fn link_files(&self, files: &[&str], options: &[&str]) -> (Counts, String) {
        let _ = fs::remove_file(self.path("report.json"));
        let output = succeed(&mut self.linker(files, options));
        let leftover = fs::read_dir(&self.dir).unwrap();
        let leftover = leftover.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let leftover: Vec<_> = leftover.filter(|name| name.contains("native")).collect();
        assert!(leftover.is_empty(), "{leftover:?}");
        (self.counts(), String::from_utf8(output.stderr).unwrap())
    }

    fn counts(&self) -> Counts {
        let report = fs::read(self.path("report.json")).unwrap();
        let report: BTreeMap<String, Value> = serde_json::from_slice(&report).unwrap();
        let count = |name: &str| report[name].as_u64().unwrap();
        assert_eq!((count("remote"), count("remote_cached")), (0, 0));
        assert_eq!(count("modules"), count("cached") + count("compiled"));
        Counts {
            cached: count("cached"),
            compiled: count("compiled"),
        }
    }

    fn run(&self) -> String {
        let output = succeed(&mut Command::new(self.path("program")));
        String::from_utf8(output.stdout).unwrap()
    }

    fn program(&self) -> Vec<u8> {
        fs::read(self.path("program")).unwrap()
    }

    /// The files of all results in the cache.
    fn results(&self) -> Vec<PathBuf> {
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

#[derive(Debug, PartialEq)]
struct Counts {
    cached: u64,
    compiled: u64,
}

const fn counts(cached: u64, compiled: u64) -> Counts {
    Counts { cached, compiled }
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{messages}");
    output
}

/// The messages of a command that has to fail.
fn fail(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{command:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn other_folders_and_users_hit() {
    let machine = Machine::new();
    let first = machine.project("first");
    assert_eq!(first.link(&[]), counts(0, 3));
    assert_eq!(first.link(&[]), counts(3, 0));
    let second = machine.project("home/of/another/user");
    assert_eq!(second.link(&[]), counts(3, 0));
    assert_eq!(first.program(), second.program());
    // Absolute paths are other names in lld's indexes, and sort differently beside the member of an archive.
    let absolute = |project: &Project| {
        let files = ["main.o", "even.o", "libodd.a"].map(|name| project.path(name));
        let files = files.each_ref().map(|path| path.to_str().unwrap());
        project.link_files(&files, &[]).0
    };
    absolute(&first);
    assert_eq!(absolute(&second), counts(3, 0));
    assert_eq!(first.program(), second.program());
    // So are others for the same files.
    let files = ["./main.o", "./even.o", "./libodd.a"];
    first.link_files(&files, &[]);
    assert_eq!(second.link_files(&files, &[]).0, counts(3, 0));
    assert_eq!(first.program(), second.program());
    assert_eq!(second.run(), PRINTED);
}

#[test]
fn an_edit_compiles_what_imports_it() {
    let machine = Machine::new();
    let project = machine.project("project");
    // It neither imports nor is imported.
    project.compile(
        "alone",
        "__attribute__((noinline)) int alone(void) { return 1; }",
    );
    let files = ["main.o", "even.o", "libodd.a", "alone.o"];
    assert_eq!(project.link_files(&files, &[]).0, counts(0, 4));
    let text = SOURCES[0].1.replace("printf(\"%d", "printf(\"!%d");
    project.compile("main", &text);
    let edited = project.link_files(&files, &[]).0;
    assert!(edited.compiled >= 1 && edited.cached >= 1, "{edited:?}");
    assert_eq!(project.run(), format!("!{PRINTED}"));
    project.compile("main", SOURCES[0].1);
    assert_eq!(project.link_files(&files, &[]).0, counts(4, 0));
    assert_eq!(project.run(), PRINTED);
}

#[test]
fn options_of_the_compiler_are_part_of_the_key() {
    let machine = Machine::new();
    let project = machine.project("project");
    assert_eq!(project.link(&[]), counts(0, 3));
    let files = ["main.o", "even.o", "libodd.a"];
    let mut linker = project.linker(&files, &[]);
    succeed(linker.arg("-Wl,--thinlto-remote-compiler-arg=-fno-unroll-loops"));
    assert_eq!(project.counts(), counts(0, 3));
    // A file in an option is an input.
    let profile = |text: &str| {
        fs::write(project.path("profile"), text).unwrap();
        let mut linker = project.linker(&files, &[]);
        succeed(linker.arg("-Wl,--lto-sample-profile=profile"));
        project.counts()
    };
    assert_eq!(profile("main:10:1\n 1: 10\n"), counts(0, 3));
    assert_eq!(profile("main:10:1\n 1: 10\n"), counts(3, 0));
    assert_eq!(profile("main:20:2\n 1: 20\n"), counts(0, 3));
}

#[test]
fn modules_with_the_same_content_are_different_modules() {
    let machine = Machine::new();
    let project = machine.project("project");
    let weak = "__attribute__((weak)) int twice(int n) { return 2 * n; }";
    project.compile("weak", weak);
    fs::copy(project.path("weak.o"), project.path("again.o")).unwrap();
    project.compile(
        "main",
        "int twice(int); int printf(const char *, ...);
         int main(void) { printf(\"%d\\n\", twice(21)); return 0; }",
    );
    let files = ["main.o", "weak.o", "again.o"];
    project.link_files(&files, &[]);
    assert_eq!(project.run(), "42\n");
    let program = project.program();
    assert_eq!(project.link_files(&files, &[]).0.compiled, 0);
    assert_eq!(project.program(), program);
}

#[test]
fn members_with_the_same_name_and_old_files_do_no_harm() {
    let machine = Machine::new();
    let project = machine.project("project");
    // Two members `even.o` in one archive.
    fs::create_dir(project.path("other")).unwrap();
    fs::write(
        project.path("other/even.c"),
        "int other(void) { return 5; }",
    )
    .unwrap();
    let mut clang = project.command(CLANG);
    succeed(clang.args([
        "-O2",
        "-flto=thin",
        "-c",
        "other/even.c",
        "-o",
        "other/even.o",
    ]));
    let mut ar = project.command(AR);
    succeed(ar.args(["qcs", "libboth.a", "even.o", "other/even.o", "odd.o"]));
    project.compile(
        "main",
        "int even(unsigned); int other(void); int printf(const char *, ...); int counted(int n) { return n; }
         int main(void) { printf(\"%d %d\\n\", even(4), other()); return 0; }",
    );
    fs::write(project.path("index.thinlto.bc"), "not an index").unwrap();
    fs::write(project.path("native.o"), "not an object").unwrap();
    fs::create_dir(project.path("modules")).unwrap();
    let mut linker = project.linker(&["main.o", "libboth.a"], &[]);
    succeed(&mut linker);
    assert_eq!(project.run(), "1 5\n");
    assert_eq!(
        fs::read(project.path("native.o")).unwrap(),
        b"not an object"
    );
}

#[test]
fn lld_s_own_cache_comes_first() {
    let machine = Machine::new();
    let project = machine.project("project");
    let link = || {
        let mut linker = project.linker(&["main.o", "even.o", "libodd.a"], &[]);
        succeed(linker.arg("-Wl,--thinlto-cache-dir=lld-cache"));
        assert_eq!(project.run(), PRINTED);
    };
    link();
    assert_eq!(project.counts(), counts(0, 3));
    fs::remove_file(project.path("report.json")).unwrap();
    link();
    // lld has nothing to ask for.
    if project.path("report.json").exists() {
        assert_eq!(project.counts(), counts(0, 0));
    }
}

#[test]
fn two_links_at_once_share_a_cache() {
    let machine = Machine::new();
    let projects = ["a", "b"].map(|name| machine.project(name));
    thread::scope(|scope| {
        for project in &projects {
            scope.spawn(|| project.link(&[]));
        }
    });
    assert_eq!(projects[0].program(), projects[1].program());
    assert_eq!(projects[0].results().len(), 3);
    assert_eq!(projects[0].link(&[]), counts(3, 0));
}

#[test]
fn a_link_that_is_killed_leaves_a_good_cache() {
    let machine = Machine::new();
    let project = machine.project("project");
    // A process group, as a terminal has it.
    let mut linker = project.linker(&["main.o", "even.o", "libodd.a"], &["--jobs=1"]);
    let mut child = linker
        .process_group(0)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while project.results().is_empty() && child.try_wait().unwrap().is_none() {
        thread::yield_now();
    }
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-9", "--", &group]).status();
    child.wait().unwrap();
    let before = project.results().len() as u64;
    assert!(before >= 1);
    let counted = machine.project("whole").link(&[]);
    assert!(counted.cached >= before, "{counted:?}");
    assert_eq!(counted.cached + counted.compiled, 3);
}

#[test]
fn a_damaged_entry_is_made_again() {
    let machine = Machine::new();
    let project = machine.project("project");
    project.link(&[]);
    let program = project.program();
    for damage in [
        |bytes: &mut Vec<u8>| bytes.truncate(100),
        |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1,
        |bytes: &mut Vec<u8>| bytes.clear(),
    ] {
        let path = project.results().pop().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let (counted, messages) = project.link_files(&["main.o", "even.o", "libodd.a"], &[]);
        assert_eq!(counted, counts(2, 1));
        assert!(messages.contains("damaged"), "{messages}");
        assert_eq!(project.program(), program);
    }
}

#[test]
fn a_full_disk_costs_the_cache_only() {
    let machine = Machine::new();
    let project = machine.project("project");
    fs::create_dir(&project.cache).unwrap();
    // Room for a folder or two; a namespace of its own ends with the process.
    let mut link = project.linker(&["main.o", "even.o", "libodd.a"], &[]);
    let script = "mount -t tmpfs -o size=8k full \"$THINLTO_CACHE_DIR\" && exec \"$@\"";
    let mut unshare = project.command("unshare");
    unshare.args([
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
    ]);
    unshare.arg(link.get_program()).args(link.get_args());
    link = unshare;
    let messages = String::from_utf8(succeed(&mut link).stderr).unwrap();
    assert_eq!(
        messages
            .matches("warning: objects are not cached: ")
            .count(),
        1,
        "{messages}"
    );
    assert!(messages.contains("No space left on device"), "{messages}");
    assert_eq!(project.counts(), counts(0, 3));
    assert_eq!(project.run(), PRINTED);
}

#[test]
fn errors_of_the_compiler_fail_the_link() {
    let machine = Machine::new();
    let project = machine.project("project");
    let files = ["main.o", "even.o", "libodd.a"];
    let mut linker = project.linker(&files, &[]);
    let messages = fail(linker.arg("-Wl,--thinlto-remote-compiler-arg=-fno-such-option"));
    assert!(
        messages.contains("unknown argument: '-fno-such-option'"),
        "{messages}"
    );
    assert!(messages.contains("error: the backend of "), "{messages}");
    assert!(!project.path("program").exists());
    assert!(project.results().is_empty());
    let mut linker = project.linker(&files, &[]);
    let messages = fail(linker.arg("-Wl,--thinlto-remote-compiler-arg=-march=native"));
    assert!(
        messages.contains("`-march=native` depends on the machine"),
        "{messages}"
    );
    // A script says nothing about the compiler that it starts.
    let script = project.path("clang.sh");
    fs::write(&script, format!("#!/bin/sh\nexec {CLANG} \"$@\"\n")).unwrap();
    succeed(project.command("chmod").args(["+x", "clang.sh"]));
    let mut linker = project.linker(&files, &[]);
    let option = format!("-Wl,--thinlto-remote-compiler={}", script.display());
    let messages = fail(linker.arg(option));
    assert!(
        messages.contains("clang.sh is not an ELF program"),
        "{messages}"
    );
    assert!(
        messages.contains("help: name the compiler itself"),
        "{messages}"
    );
}

#[test]
fn wrong_use_says_what_is_right() {
    let machine = Machine::new();
    let dir = machine.dir.path();
    let run = |arguments: &[&str]| {
        let mut distributor = Command::new(distributor());
        fail(distributor.current_dir(dir).args(arguments))
    };
    assert!(run(&["missing.json"]).contains("cannot read missing.json"));
    fs::write(dir.join("wrong.json"), "{}").unwrap();
    let error = run(&["wrong.json"]);
    assert!(
        error.contains("wrong.json does not have the jobs of a link"),
        "{error}"
    );
    fs::write(dir.join("settings.toml"), "cache-dri = \"x\"").unwrap();
    let error = run(&["--settings=settings.toml", "wrong.json"]);
    assert!(
        error.contains("settings.toml has an unknown key `cache-dri`"),
        "{error}"
    );
    let error = run(&["--remote-cache=http://x", "wrong.json"]);
    assert!(error.contains("it has to start with `grpc://`"), "{error}");
    let error = run(&[
        "--remote-cache=grpc://x",
        "--remote-token-file=t",
        "wrong.json",
    ]);
    assert!(error.contains("cannot read the token in t"), "{error}");
}

/// A program of two crates and a C file.
struct Rust {
    project: Project,
    rustc: PathBuf,
}

const NUMBERS: &str = "pub fn sum(numbers: &[u32]) -> u32 { numbers.iter().map(|n| n * 2).sum() }";
const PROGRAM: &str = "unsafe extern \"C\" { fn twice(n: i32) -> i32; }
    fn main() { println!(\"{} {}\", numbers::sum(&[1, 2, 3]), unsafe { twice(21) }); }";

impl Rust {
    fn new(machine: &Machine, name: &str, rustc: PathBuf) -> Rust {
        let project = machine.project(name);
        project.compile("twice", "int twice(int n) { return 2 * n; }");
        fs::write(project.path("numbers.rs"), NUMBERS).unwrap();
        fs::write(project.path("program.rs"), PROGRAM).unwrap();
        let rust = Rust { project, rustc };
        succeed(rust.compiler("numbers.rs").arg("--crate-type=lib"));
        rust
    }

    fn compiler(&self, source: &str) -> Command {
        let mut rustc = self.project.command(&self.rustc);
        rustc.args(["--edition=2024", "-O", "-Clinker-plugin-lto", "-L.", source]);
        rustc
    }

    /// Links with the distributor; returns the counts, and the log of its commands.
    fn link(&self, options: &[&str]) -> (Counts, String) {
        let mut rustc = self.compiler("program.rs");
        rustc
            .args(["--extern=numbers=libnumbers.rlib", "-Clink-arg=twice.o"])
            .arg(format!("-Clinker={CLANG}"))
            .arg(format!("-Clink-arg=--ld-path={LLD}"))
            .arg(format!("-Clink-arg=-Wl,--thinlto-remote-compiler={CLANG}"))
            .env("RUST_LOG", "tool_support=debug");
        let log = format!("{}.log", options.len());
        // rustc hides the messages of a linker that succeeds.
        let script = format!(
            "#!/bin/sh\nexec '{}' \"$@\" 2>{log}\n",
            distributor().display()
        );
        fs::write(self.project.path("logged.sh"), script).unwrap();
        succeed(self.project.command("chmod").args(["+x", "logged.sh"]));
        rustc.arg("-Clink-arg=-Wl,--thinlto-distributor=./logged.sh");
        for option in [&["--report=report.json"], options].concat() {
            rustc.arg(format!("-Clink-arg=-Wl,--thinlto-distributor-arg={option}"));
        }
        succeed(&mut rustc);
        assert_eq!(self.project.run(), "12 42\n");
        let log = fs::read_to_string(self.project.path(&log)).unwrap();
        (self.project.counts(), log)
    }
}

/// The compiler of this repository.
fn own_rustc() -> PathBuf {
    let default =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../build/host/stage1/bin/rustc");
    env::var_os("TESTED_RUSTC").map_or(default, PathBuf::from)
}

#[test]
fn rustc_is_the_backend_of_its_modules() {
    let machine = Machine::new();
    let rust = Rust::new(&machine, "first", own_rustc());
    let option = format!("--rustc={}", rust.rustc.display());
    let (first, log) = rust.link(&[&option]);
    assert!(first.cached == 0 && first.compiled >= 3, "{first:?}");
    // One module is clang's.
    let runs = |log: &str, option: &str| log.matches(option).count() as u64;
    assert_eq!(runs(&log, "-fthinlto-index="), 1, "{log}");
    assert_eq!(runs(&log, "-Zthinlto-index="), first.compiled - 1, "{log}");
    assert!(log.contains("-Copt-level="), "{log}");
    // Another folder hits, if the crates are the same there.
    let second = Rust::new(&machine, "second", own_rustc());
    let (second_counts, log) = second.link(&[&option]);
    assert_eq!(second_counts, counts(first.compiled, 0), "{log}");
    assert_eq!(rust.project.program(), second.project.program());
}

#[test]
fn a_stock_rustc_needs_clang_only() {
    let machine = Machine::new();
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let rust = Rust::new(&machine, "first", rustc.clone().into());
    let (first, log) = rust.link(&[]);
    assert!(first.cached == 0 && first.compiled >= 3, "{first:?}");
    assert_eq!(
        log.matches("-fthinlto-index=").count() as u64,
        first.compiled,
        "{log}"
    );
    let second = Rust::new(&machine, "second", rustc.into());
    assert_eq!(second.link(&[]).0, counts(first.compiled, 0));
    assert_eq!(rust.project.program(), second.project.program());
}
