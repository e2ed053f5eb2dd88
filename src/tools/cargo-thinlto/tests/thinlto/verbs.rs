//! The other verbs, and their exit codes.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::project::{Project, counts, succeed, texts, with_signals};

const SIGABRT: i32 = 6;

#[test]
fn run_ends_as_the_program_does() {
    let project = Project::new("workspace");
    let (stdout, stderr) = succeed(&mut project.thinlto("run"));
    assert_eq!(stdout, "2 2 10 8\n");
    assert!(counts(&stderr).is_some(), "{stderr}");
    let (stdout, stderr) = succeed(&mut project.thinlto("run -q"));
    assert_eq!((stdout.as_str(), stderr.as_str()), ("2 2 10 8\n", ""));
    let output = project.thinlto("run --bin app -- 7").output().unwrap();
    assert_eq!(
        (output.status.code(), &*output.stdout),
        (Some(7), &b"4 3 10 8\n"[..])
    );
    let output = project.thinlto("run --bin app -- abort").output().unwrap();
    let plain = project
        .cargo("run --release --bin app -- abort")
        .output()
        .unwrap();
    assert_eq!(output.status.signal(), Some(SIGABRT));
    assert_eq!(plain.status.signal(), Some(SIGABRT));
    let (stdout, _) = succeed(&mut project.thinlto("run --example show"));
    assert_eq!(stdout, "example 2\n");
}

/// Runs `command`, which starts `tool`, sends a signal when the program runs, and waits for the end of both.
fn interrupted(mut command: Command, send: impl Fn(Pid)) -> ExitStatus {
    command.process_group(0).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "tool 4\n");
    send(Pid::from_child(&child));
    // The program has the other end.
    assert_eq!(stdout.read_to_end(&mut Vec::new()).unwrap(), 0);
    child.wait().unwrap()
}

#[test]
fn signals_end_the_program_and_cargo() {
    let project = Project::new("workspace");
    let words = "run -q --bin tool -- wait";
    let ctrl_c = |pid| kill_process_group(pid, Signal::INT).unwrap();
    // This process may ignore some.
    let with_all = |command| with_signals("--default-signal", &command);
    let ended = interrupted(with_all(project.thinlto(words)), ctrl_c);
    let plain = project.cargo(&words.replace("run", "run --release"));
    assert_eq!(interrupted(with_all(plain), ctrl_c), ended);
    assert_eq!(ended.signal(), Some(Signal::INT.as_raw()));
    let term = |pid| kill_process(pid, Signal::TERM).unwrap();
    let ended = interrupted(with_all(project.thinlto(words)), term);
    assert_eq!(ended.signal(), Some(Signal::TERM.as_raw()));
}

#[test]
fn ignored_signals_stay_so() {
    let project = Project::new("workspace");
    let without = |command| with_signals("--ignore-signal=INT", &command);
    let both = |pid| {
        for signal in [Signal::INT, Signal::TERM] {
            kill_process_group(pid, signal).unwrap();
        }
    };
    let words = "run -q --bin tool -- wait";
    let ended = interrupted(without(project.thinlto(words)), both);
    assert_eq!(ended.signal(), Some(Signal::TERM.as_raw()));
    let plain = project.cargo(&words.replace("run", "run --release"));
    assert_eq!(interrupted(without(plain), both), ended);
}

#[test]
fn errors_are_cargo_s() {
    let project = Project::new("workspace");
    let same = |words: &str| {
        let [mut plain, mut lto] = [
            project.cargo(words),
            project.thinlto(&words.replace(" --release", "")),
        ];
        let (plain, lto) = (plain.output().unwrap(), lto.output().unwrap());
        assert_eq!(lto.status.code(), plain.status.code(), "{words}");
        assert_ne!(lto.status.code(), Some(0), "{words}");
        // Other tests use the same home of cargo.
        let errors = |output| -> Vec<String> {
            let lines = texts(output).1;
            let lines = lines
                .lines()
                .filter(|line| !line.contains("Blocking waiting"));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(errors(&lto), errors(&plain), "{words}");
    };
    same("build --release --bin missing");
    same("build --release --no-such-option");
    same("build --release --manifest-path missing/Cargo.toml");
    same("build --profile missing/name");
    same("build --profile missing");
    project.edit("app/src/bin/tool.rs", "numbers::twice", "numbers::thrice");
    same("build --release -q --bin tool");
    project.edit("app/src/bin/tool.rs", "numbers::thrice", "numbers::twice");
    project.edit("Cargo.toml", "resolver = \"2\"", "resolver = ");
    same("build --release");
}

#[test]
fn help_is_cargo_s() {
    let project = Project::new("workspace");
    let (lto, _) = succeed(&mut project.thinlto("build -h"));
    let (plain, _) = succeed(&mut project.cargo("build -h"));
    assert_eq!(lto, plain);
    let (own, _) = succeed(&mut project.thinlto("--help"));
    for verb in ["build", "run", "test", "bench", "rustc", "install", "cache"] {
        assert!(own.contains(&format!("\n  {verb} ")), "{own}");
    }
}

#[test]
fn tests_pass_as_without_lto() {
    let project = Project::new("workspace");
    // The tests of a program run on several threads.
    let results = |stdout: &str| -> Vec<String> {
        let lines = stdout.lines().filter(|line| line.starts_with("test "));
        let mut lines: Vec<_> = lines
            .map(|line| line.split("; finished in").next().unwrap().to_owned())
            .collect();
        lines.sort();
        lines
    };
    let (lto, stderr) = succeed(&mut project.thinlto("test --workspace"));
    let (plain, _) = succeed(&mut project.cargo("test --release --workspace"));
    assert_eq!(results(&lto), results(&plain));
    assert!(results(&lto).len() > 8, "{lto}");
    assert!(lto.contains("numbers/src/lib.rs - twice"), "{lto}");
    assert!(counts(&stderr).is_some(), "{stderr}");

    project.edit("app/tests/doubles.rs", "42", "43");
    let output = project.thinlto("test --test doubles").output().unwrap();
    assert_eq!(output.status.code(), Some(101));
    let (stdout, _) = texts(&output);
    assert!(
        stdout.contains("test result: FAILED. 1 passed; 1 failed; 1 ignored"),
        "{stdout}"
    );
}

#[test]
fn benches_run() {
    let project = Project::new("workspace");
    let (stdout, stderr) = succeed(&mut project.thinlto("bench --bench counts"));
    assert_eq!(stdout, "bench 6\n");
    assert!(counts(&stderr).is_some(), "{stderr}");
}

#[test]
fn rustc_takes_more_flags() {
    let project = Project::new("workspace");
    let (_, stderr) =
        succeed(&mut project.thinlto("rustc -p app --bin app -- --cfg feature=\"loud\""));
    assert!(counts(&stderr).is_some(), "{stderr}");
    let (stdout, _) = succeed(&mut project.command(project.path("target/release/app")));
    assert_eq!(stdout, "2 2 10 8!\n");
}

#[test]
fn a_program_is_installed() {
    let project = Project::new("workspace");
    let (_, stderr) = succeed(&mut project.thinlto("install --path app --root installed"));
    assert!(stderr.contains("Installed package `app v0.1.0"), "{stderr}");
    assert!(counts(&stderr).is_some(), "{stderr}");
    let (stdout, _) = succeed(&mut project.command(project.path("installed/bin/tool")));
    assert_eq!(stdout, "tool 2\n");
}
