//! Links on one machine.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use crate::project::{
    AR, CLANG, Machine, PRINTED, Project, SOURCES, WITH_SLOW, counts, distributor, fail, succeed,
};
use crate::rust::{Rust, own_rustc};

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
fn a_signal_ends_the_backends_and_leaves_nothing() {
    let machine = Machine::new();
    let project = machine.project("project");
    project.add_slow_module(1);
    // This process may ignore signals.
    let script = format!(
        "#!/bin/sh\necho $$ > pid\nexec env --default-signal '{}' \"$@\"\n",
        distributor().display()
    );
    fs::write(project.path("distributor.sh"), script).unwrap();
    succeed(project.command("chmod").args(["+x", "distributor.sh"]));
    for signal in ["-TERM", "-INT", "-HUP"] {
        let mut linker = project.linker(&WITH_SLOW, &["--jobs=2"]);
        linker.arg("-Wl,--thinlto-distributor=./distributor.sh");
        let mut child = linker.stderr(Stdio::piped()).spawn().unwrap();
        while project.backends() == 0 {
            assert!(child.try_wait().unwrap().is_none());
            thread::yield_now();
        }
        let pid = fs::read_to_string(project.path("pid")).unwrap();
        succeed(Command::new("kill").args([signal, pid.trim()]));
        let output = child.wait_with_output().unwrap();
        let messages = String::from_utf8(output.stderr).unwrap();
        assert!(messages.contains("error: interrupted"), "{messages}");
        assert!(!output.status.success());
        assert_eq!(project.backends(), 0);
        let left = [&project.tmp, &project.cache.join("writing")]
            .map(|folder| fs::read_dir(folder).map_or(0, |entries| entries.count()));
        assert_eq!(left, [0, 0]);
    }
    let (counted, _) = project.link_files(&WITH_SLOW, &[]);
    assert!(
        counted.compiled >= 1 && counted.modules() == 4,
        "{counted:?}"
    );
    assert_eq!(project.run(), PRINTED);
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
    let link =
        r#"{"common":{"args":["","-c"]},"jobs":[{"args":["a.o","-fthinlto-index=a","-o","b.o"]}]}"#;
    fs::write(dir.join("no-compiler.json"), link).unwrap();
    let error = run(&["no-compiler.json"]);
    assert!(
        error.contains("lld names no compiler\nhelp: pass lld `--thinlto-remote-compiler="),
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
