//! `x.py` itself, offline: apt is a script that serves small packages from a folder.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::fixture::{Fixture, script, stderr, write};

/// The root of the repository. It is looked up when the tests run, because clones of the repository can
/// share a build directory, and so these tests.
fn repository() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    Path::new(&package).join("../..")
}

/// A fixture with `x.py` in it and a folder of programs that come before the machine's.
struct Launcher {
    fixture: Fixture,
    programs: PathBuf,
}

impl Launcher {
    fn new() -> Launcher {
        let fixture = Fixture::new();
        for name in ["x.py", "src/overlay/fetch.py", "src/overlay/help.txt"] {
            let to = fixture.root.join(name);
            fs::copy(repository().join(name), to).unwrap();
        }
        let programs = fixture.root.with_file_name("programs");
        fs::create_dir(&programs).unwrap();
        Launcher { fixture, programs }
    }

    /// `x.py`, started by `program`, which may change the user.
    fn through(&self, program: &[&str], args: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut words = program.iter().map(PathBuf::from).collect::<Vec<_>>();
        words.push(self.fixture.root.join("x.py"));
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(args)
            .arg("--build-dir")
            .arg(&self.fixture.build);
        command.env("PATH", format!("{}:{path}", self.programs.display()));
        command
    }

    fn x(&self, args: &[&str]) -> Output {
        self.through(&[], args).output().unwrap()
    }

    /// `x.py` as a user who is not root.
    fn x_as_user(&self, args: &[&str]) -> Output {
        let setpriv = [
            "setpriv",
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
        ];
        self.through(if is_root() { &setpriv } else { &[] }, args)
            .output()
            .unwrap()
    }

    /// `x.py` as root, if necessary in a user namespace.
    fn x_as_root(&self, args: &[&str]) -> Output {
        let unshare = ["unshare", "--user", "--map-root-user"];
        self.through(if is_root() { &[] } else { &unshare }, args)
            .output()
            .unwrap()
    }

    /// Replaces dpkg-query by a script that reports all packages except these as installed.
    fn packages_missing(&self, missing: &[&str]) {
        let list = self.programs.join("missing");
        write(
            &list,
            &missing
                .iter()
                .map(|name| format!("{name}\n"))
                .collect::<String>(),
        );
        let query =
            "shift 3\nfor name; do grep -qx -- \"$name\" {} || echo \"$name installed\"; done";
        script(
            &self.programs.join("dpkg-query"),
            &query.replace("{}", list.to_str().unwrap()),
        );
    }

    /// Sets up apt with an archive that has a pinned stage 0 and a pinned source, and removes `source`
    /// and `stage0` from `config.toml`.
    fn serve(&self) {
        self.packages_missing(&[]);
        let (fixture, served) = (&self.fixture, self.served());
        fs::create_dir_all(&served).unwrap();
        let package = fixture.root.with_file_name("package");
        write(
            &package.join("DEBIAN/control"),
            "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: t\nDescription: t\n",
        );
        fs::create_dir_all(package.join("usr/bin")).unwrap();
        for (program, from) in [
            ("cargo", "cargo"),
            ("rustc", "rustc"),
            ("rustdoc", "rustc"),
            ("cargo-clippy", "rustc"),
            ("cargo-fmt", "rustc"),
            ("rustfmt", "rustc"),
        ] {
            let from = fixture.stage0.join("bin").join(from);
            fs::copy(from, package.join("usr/bin").join(program)).unwrap();
        }
        fs::create_dir_all(package.join("usr/lib/x86_64-linux-gnu")).unwrap();
        run(Command::new("dpkg-deb")
            .args(["--root-owner-group", "-b"])
            .arg(&package)
            .arg(served.join("p_1.deb")));

        let tar = |name: &str, folder: &Path, part: &str| {
            run(Command::new("tar")
                .arg("-cJf")
                .arg(served.join(name))
                .arg("-C")
                .arg(folder)
                .arg(part));
        };
        tar("s.orig.tar.xz", fixture.source.parent().unwrap(), "source");
        let debian = fixture.root.with_file_name("packaging");
        write(&debian.join("debian/patches/series"), "one.patch\n");
        let patch = "--- a/compiler/b.rs\n+++ b/compiler/b.rs\n@@ -1,2 +1,2 @@\n-line 1\n+debian\n line 2\n";
        write(&debian.join("debian/patches/one.patch"), patch);
        tar("s.debian.tar.xz", &debian, "debian");

        let all = include_str!("../../pins.toml");
        let mut pins = all[..all.find("# The source package").unwrap()].to_owned();
        pins += "[source]\npackage = \"s\"\nversion = \"1\"\n";
        for (kind, name) in [
            ("source", "s.orig.tar.xz"),
            ("source", "s.debian.tar.xz"),
            ("stage0", "p_1.deb"),
        ] {
            let sha256 = sha256(&served.join(name));
            pins += &format!("[[{kind}.file]]\npath = \"s/{name}\"\nsha256 = \"{sha256}\"\n");
        }
        pins += &all[all.find("[packages]").unwrap()..];
        fixture.write("src/overlay/pins.toml", &pins);
        fixture.write(
            "config.toml",
            &format!("llvm-config = {:?}\n", fixture.llvm_config()),
        );

        // The archive is the second of two, and its packages are in the second of two folders.
        let archive = served.ancestors().nth(4).unwrap().display();
        let apt = format!(
            "case \"$1\" in indextargets) echo copy:/nowhere; echo copy:{archive}; echo copy:{archive};; esac"
        );
        script(&self.programs.join("apt-get"), &apt);
    }

    fn served(&self) -> PathBuf {
        let archive = self.fixture.root.with_file_name("archive");
        archive.join("pool/updates/main/s")
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
}

fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn help_comes_at_once_and_changes_nothing() {
    let launcher = Launcher::new();
    let help = include_str!("../../help.txt");
    for args in [
        &[][..],
        &["--help"],
        &["-h"],
        &["help"],
        &["build", "--help"],
        &["help", "bench"],
    ] {
        let output = launcher.x(args);
        assert_eq!(
            (output.status.code(), stdout(&output).as_str()),
            (Some(0), help),
            "{args:?}"
        );
    }
    let output = launcher.x(&["biuld"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).starts_with("error: no verb `biuld`\n\nusage: ./x.py"),
        "{}",
        stderr(&output)
    );
    assert!(!launcher.fixture.build.exists());
}

#[test]
fn a_tool_explains_itself_without_source_and_compiler() {
    let launcher = Launcher::new();
    launcher.serve();
    fs::create_dir_all(launcher.fixture.root.join("src/tools/bench")).unwrap();
    // This cargo builds the driver, and prints its arguments if it has to run a tool.
    let cargo = launcher.fixture.stage0.join("bin/cargo");
    let driver = fs::read_to_string(&cargo).unwrap();
    script(
        &cargo,
        &format!("case $1 in run) echo \"$@\";; *) {driver};; esac"),
    );
    launcher.fixture.write(
        "config.toml",
        &format!("stage0 = {:?}\n", launcher.fixture.stage0),
    );
    let output = launcher.x(&["bench", "--help"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let told = stdout(&output);
    let last = told.lines().last().unwrap();
    assert!(
        last.starts_with("run --quiet --locked --release --package bench -- --rustc "),
        "{told}"
    );
    assert!(last.ends_with(" --help"), "{told}");
    assert!(!launcher.fixture.laid("").exists());
    assert!(!launcher.fixture.build.join("download").exists());
}

#[test]
fn without_root_one_message_names_every_missing_package() {
    let launcher = Launcher::new();
    launcher.serve();
    launcher.packages_missing(&["lld-22", "valgrind", "g++"]);
    let output = launcher.x_as_user(&["build"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "error: 3 Debian packages are missing: g++ lld-22 valgrind\n\
         help: sudo apt-get update && sudo apt-get install --no-install-recommends g++ lld-22 valgrind\n"
    );
    assert_eq!(stdout(&output), "");
    assert!(!launcher.fixture.build.exists());
}

#[test]
fn tests_in_another_root_need_root_and_tell_their_cost_once() {
    let launcher = Launcher::new();
    launcher.packages_missing(&[]);
    let output = launcher.x_as_user(&["test", "src/bazel/"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "error: the tests with Bazel need root: they run in a root folder of another Debian release\n\
         help: sudo ./x.py test src/bazel\n"
    );
    assert!(!launcher.fixture.build.join("src").exists());

    let cost = |args: &[&str]| {
        stdout(&launcher.x_as_root(args))
            .matches("with Bazel")
            .count()
    };
    assert_eq!(cost(&["test", "src/bazel"]), 1);
    assert_eq!(cost(&["test", "--no-fail-fast"]), 1);
    assert_eq!(cost(&["test", "tests/ui"]), 0);
    fs::create_dir(launcher.fixture.build.join("forky")).unwrap();
    assert_eq!(cost(&["test", "src/bazel"]), 0);
}

#[test]
fn ci_runs_both_parts_and_ends_with_their_sum() {
    let fixture = Fixture::new();
    let ci = fs::read_to_string(repository().join(".ci/run")).unwrap();
    fixture.write(".ci/run", &ci);
    let run = |first: &str, second: &str| {
        let lines = format!("case $2 in src/bazel) {second};; *) {first};; esac");
        script(&fixture.root.join("x.py"), &lines);
        let mut ci = Command::new("sh");
        ci.arg(fixture.root.join(".ci/run"))
            .arg("--build-dir")
            .arg(&fixture.build);
        let output = ci.output().unwrap();
        let told = stdout(&output);
        let last = told.lines().last().unwrap().to_owned();
        (output.status.code(), last)
    };
    let good = "echo 5 passed, 0 failed, 2 skipped";
    let bad = "echo 3 passed, 1 failed, 0 skipped; exit 1";
    let ended = |code: i32, line: &str| (Some(code), line.to_owned());
    assert_eq!(run(good, good), ended(0, "10 passed, 0 failed, 4 skipped"));
    assert_eq!(run(bad, good), ended(1, "8 passed, 1 failed, 2 skipped"));
    assert_eq!(run(good, bad), ended(1, "8 passed, 1 failed, 2 skipped"));
    // A part that stops before its last line has failed.
    assert_eq!(
        run("exit 1", good),
        ended(1, "5 passed, 1 failed, 2 skipped")
    );
    assert_eq!(run(good, "true"), ended(1, "5 passed, 1 failed, 2 skipped"));
}

#[test]
fn root_installs_what_is_missing() {
    let launcher = Launcher::new();
    launcher.serve();
    launcher.packages_missing(&["lld-22", "g++"]);
    let log = launcher.programs.join("log");
    let apt = fs::read_to_string(launcher.programs.join("apt-get")).unwrap();
    let logged = apt.replacen('\n', &format!("\necho \"$*\" >> {}\n", log.display()), 1);
    write(&launcher.programs.join("apt-get"), &logged);
    let output = launcher.x_as_root(&["setup"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let told = stdout(&output);
    assert!(
        told.contains("[1/5] installing 2 Debian packages  (0:0"),
        "{told}"
    );
    let log = fs::read_to_string(log).unwrap();
    let mut lines = log.lines();
    assert_eq!(lines.next(), Some("-q update"));
    assert_eq!(
        lines.next(),
        Some("install -q -y --no-install-recommends g++ lld-22")
    );
}

#[test]
fn setup_fetches_unpacks_and_says_so_once() {
    let launcher = Launcher::new();
    launcher.serve();
    let output = launcher.x(&["setup"]);
    assert!(
        output.status.success(),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    let told = stdout(&output);
    let steps: Vec<&str> = told.lines().filter(|line| line.starts_with('[')).collect();
    let names = [
        "[2/5] fetching source and stage0",
        "[3/5] unpacking stage 0",
        "[4/5] building the driver",
        "[5/5] unpacking the source",
    ];
    assert_eq!(steps.len(), names.len(), "{told}");
    assert!(
        steps
            .iter()
            .zip(names)
            .all(|(step, name)| step.starts_with(name)),
        "{told}"
    );
    assert!(
        told.lines()
            .next()
            .unwrap()
            .contains("164 MB to download, 2.0 GB on disk"),
        "{told}"
    );

    let laid = |name: &str| fs::read_to_string(launcher.fixture.laid(name)).unwrap();
    assert!(laid("compiler/b.rs").starts_with("debian\nline 2\n"));
    assert_eq!(laid("vendor/x/.cargo-checksum.json"), r#"{"files":{}}"#);
    assert!(!launcher.fixture.laid("Cargo.lock").exists());
    for program in ["rustc", "rustdoc", "cargo-clippy", "cargo-fmt", "rustfmt"] {
        let program = launcher.fixture.build.join("stage0/bin").join(program);
        let version = Command::new(program).arg("-vV").output().unwrap();
        assert!(stdout(&version).contains("release: 1.95.0\n"));
    }

    let again = launcher.x(&["setup"]);
    assert_eq!(stdout(&again).lines().count(), 1, "{}", stdout(&again));
    assert!(stdout(&again).starts_with("ready: "), "{}", stdout(&again));
}

#[test]
fn a_wrong_hash_is_refused_and_the_right_file_taken_next() {
    let launcher = Launcher::new();
    launcher.serve();
    let served = launcher.served().join("s.orig.tar.xz");
    let right = fs::read(&served).unwrap();
    fs::write(&served, &right[..right.len() / 2]).unwrap();
    let output = launcher.x(&["setup"]);
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    let download = launcher.fixture.build.join("download");
    let part = download.join("s.orig.tar.xz.part");
    assert!(
        message.contains(&format!("error: wrong SHA-256 of {}: ", part.display())),
        "{message}"
    );
    assert!(message.contains("\nhelp: delete it"), "{message}");
    assert!(!download.join("s.orig.tar.xz").exists());
    assert!(!launcher.fixture.laid("").exists());

    // The truncated file still exists under its temporary name, but is not used.
    fs::write(&served, right).unwrap();
    let output = launcher.x(&["setup"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!part.exists());
    assert!(launcher.fixture.laid("compiler/a.rs").exists());
}

#[test]
fn a_download_that_was_changed_is_not_used() {
    let launcher = Launcher::new();
    launcher.serve();
    let path = launcher.fixture.build.join("download/s.debian.tar.xz");
    write(&path, "other");
    let output = launcher.x(&["setup"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains(&format!("error: wrong SHA-256 of {}: ", path.display())),
        "{}",
        stderr(&output)
    );
}

#[test]
fn files_that_no_archive_has_are_named_with_the_ways_out() {
    let launcher = Launcher::new();
    launcher.serve();
    fs::remove_file(launcher.served().join("s.orig.tar.xz")).unwrap();
    let output = launcher.x(&["setup"]);
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    let source = "help: use a checkout of the tag 1.95.0 of rust-lang/rust, with this line in config.toml:\n    \
                  source = \"/path/to/rust\"\n\
                  help: or unpack the release's own source tarball, rustc-1.95.0-src.tar.xz:\n    \
                  source = \"/path/to/rustc-1.95.0-src\"\n";
    let error = "error: the archives that apt uses on this machine do not have";
    assert!(
        message.ends_with(&format!("{error} s.orig.tar.xz\n{source}")),
        "{message}"
    );
    // apt's reason for each folder of each archive.
    let reasons = message
        .lines()
        .filter(|line| line.contains("s.orig.tar.xz"));
    assert_eq!(reasons.count(), 5, "{message}");

    // The other files have been downloaded already.
    fs::remove_file(launcher.served().join("p_1.deb")).unwrap();
    fs::remove_file(launcher.fixture.build.join("download/p_1.deb")).unwrap();
    let message = stderr(&launcher.x(&["setup"]));
    let stage0 = "help: `rustup toolchain install 1.95.0`, then in config.toml the output of \
                  `rustc +1.95.0 --print sysroot`:\n    stage0 = \"/path/to/sysroot\"\n";
    assert!(
        message.ends_with(&format!("{error} s.orig.tar.xz, p_1.deb\n{source}{stage0}")),
        "{message}"
    );
}

#[test]
fn without_the_archive_an_unpacked_source_and_a_toolchain_do() {
    let launcher = Launcher::new();
    launcher.serve();
    fs::remove_dir_all(launcher.served()).unwrap();
    let fixture = &launcher.fixture;
    fixture.write(
        "config.toml",
        &format!(
            "llvm-config = {:?}\nsource = {:?}\nstage0 = {:?}\n",
            fixture.llvm_config(),
            fixture.source,
            fixture.stage0
        ),
    );
    let output = launcher.x(&["build"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let told = stdout(&output);
    assert!(
        told.contains("\nbootstrap build --stage 1 library src/tools/rustdoc --config "),
        "{told}"
    );
    assert!(!fixture.build.join("download").exists());
}

#[test]
fn a_disk_that_is_too_small_is_said_before_anything_is_fetched() {
    let launcher = Launcher::new();
    launcher.serve();
    let build = &launcher.fixture.build;
    fs::create_dir_all(build).unwrap();
    let small = format!(
        "mount -t tmpfs -o size=64m none {0} && \"$0\" \"$@\"; status=$?; ls {0}; exit $status",
        build.display()
    );
    let mut unshare = vec!["unshare", "--mount", "sh", "-c", &small];
    if !is_root() {
        unshare.insert(1, "--map-root-user");
    }
    let output = launcher.through(&unshare, &["setup"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        format!(
            "error: {} has 0.1 GB free, and this needs 2.0 GB\n\
             help: make room, or choose another place with --build-dir\n",
            build.display()
        )
    );
    // Only the lock is there.
    assert_eq!(stdout(&output).lines().last(), Some("x.py.lock"));
}

#[test]
fn compare_announces_the_build_of_the_release() {
    let launcher = Launcher::new();
    let announced = |args: &[&str]| stdout(&launcher.x(args)).contains("  build the release,");
    assert!(announced(&["compare"]));
    assert!(!announced(&["compare", "--release=/rustc"]));
    assert!(!announced(&["build"]));
    write(&launcher.fixture.build.join("release/built"), "");
    assert!(!announced(&["compare"]));
}

#[test]
fn a_half_unpacked_stage_0_is_started_again() {
    let launcher = Launcher::new();
    launcher.serve();
    write(&launcher.fixture.build.join("stage0.tmp/usr/bin/torn"), "");
    let output = launcher.x(&["setup"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!launcher.fixture.build.join("stage0/usr/bin/torn").exists());
    assert!(!launcher.fixture.build.join("stage0.tmp").exists());
}

#[test]
fn a_stage_0_of_other_packages_is_replaced() {
    let launcher = Launcher::new();
    launcher.serve();
    assert!(launcher.x(&["setup"]).status.success());
    let stage0 = launcher.fixture.build.join("stage0");
    assert_eq!(
        fs::read_to_string(stage0.join("packages")).unwrap(),
        "p_1.deb\n"
    );
    // As an x.py that pins other packages leaves it.
    write(&stage0.join("packages"), "p_0.deb\n");
    write(&stage0.join("usr/bin/old"), "");
    let output = launcher.x(&["setup"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("[3/5] unpacking stage 0"));
    assert!(!stage0.join("usr/bin/old").exists());
    assert!(stage0.join("bin/rustc").exists());
}

#[test]
fn with_all_of_ones_own_no_apt_is_needed() {
    let launcher = Launcher::new();
    for name in ["apt-get", "dpkg-query", "dpkg"] {
        script(
            &launcher.programs.join(name),
            "echo no apt here >&2; exit 1",
        );
    }
    let output = launcher.x(&["overlay"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(launcher.fixture.laid("compiler/a.rs").exists());
}

#[test]
fn a_stage_0_of_another_release_is_refused() {
    let launcher = Launcher::new();
    launcher.fixture.stage0_release("1.94.1");
    let output = launcher.x(&["overlay"]);
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    let rustc = launcher.fixture.stage0.join("bin/rustc");
    assert!(
        message.starts_with(&format!(
            "error: stage 0 {} is 1.94.1, not 1.95.0 or 1.96.0\nhelp: ",
            rustc.display()
        )),
        "{message}"
    );
}

#[test]
fn a_second_x_py_waits_and_says_so() {
    let launcher = Launcher::new();
    fs::create_dir_all(&launcher.fixture.build).unwrap();
    let mut first = Command::new("flock");
    first
        .arg(launcher.fixture.build.join("x.py.lock"))
        .args(["-c", "echo held; cat"]);
    let mut first = first
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut held = String::new();
    BufReader::new(first.stdout.as_mut().unwrap())
        .read_line(&mut held)
        .unwrap();
    assert_eq!(held, "held\n");

    let mut second = launcher
        .through(&[], &["setup"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(second.stdout.take().unwrap()).lines();
    let told = lines.next().unwrap().unwrap();
    assert_eq!(
        told,
        format!(
            "waiting for another x.py that uses {}",
            launcher.fixture.build.display()
        )
    );
    assert!(!launcher.fixture.laid("").exists());

    drop(first.stdin.take());
    assert!(first.wait().unwrap().success());
    let last = lines.map(Result::unwrap).last().unwrap();
    assert!(last.starts_with("ready: "), "{last}");
    assert!(second.wait().unwrap().success());
}
