//! Runs the tool on the compiler that compiles this test, as the release, and on scripts that run it and
//! then spoil something, as the fork.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::{env, fs};

use tempfile::TempDir;

/// Words of two combinations: without and with `-Clinker-plugin-lto`. Each of their objects has a hash that
/// differs from run to run.
const WORDS: [&str; 5] = [
    "type=bin",
    "emit=obj ",
    "units=4",
    "=unpacked",
    "incremental",
];

/// What the tool said about a fork that runs `script` after each compile of the program.
struct Said {
    output: Output,
    dir: TempDir,
}

impl Said {
    fn about(script: &str) -> Said {
        let dir = tempfile::tempdir().unwrap();
        let release = env::var("RUSTC").unwrap_or("rustc".to_owned());
        let release = fs::canonicalize(&release).unwrap_or(release.into());
        let fork = dir.path().join("fork");
        let lines = format!(
            "'{}' \"$@\"\n\
             status=$?\n\
             case \"$*\" in *program.rs*) {script};; esac\n\
             exit $status",
            release.display()
        );
        write_script(&fork, &lines);
        let output = Command::new(env!("CARGO_BIN_EXE_compare"))
            .arg("--rustc")
            .arg(fork)
            .arg("--release")
            .arg(release)
            .arg("--cargo")
            .arg(env!("CARGO"))
            .arg("--work-dir")
            .arg(dir.path().join("work"))
            .args(WORDS)
            .output()
            .unwrap();
        Said { output, dir }
    }

    /// The lines about the first of the two combinations, `count` of which have to differ.
    fn differences(&self, count: usize) -> Vec<String> {
        let stderr = String::from_utf8_lossy(&self.output.stderr);
        assert_eq!(self.output.status.code(), Some(1), "{stderr}");
        let expected = format!("error: {count} of 2 combinations differ from the release\n");
        assert!(stderr.starts_with(&expected), "{stderr}");
        let stdout = String::from_utf8_lossy(&self.output.stdout);
        let mut lines = stdout.lines();
        let command = lines.next().unwrap();
        assert!(
            command.starts_with("1: rustc --edition=2024 program.rs"),
            "{stdout}"
        );
        let lines = lines.take_while(|line| line.starts_with("    "));
        lines.map(|line| line.trim().to_owned()).collect()
    }

    fn kept(&self, name: &str) -> Vec<u8> {
        fs::read(self.dir.path().join("work/differences").join(name)).unwrap()
    }
}

#[test]
fn a_compiler_does_not_differ_from_itself() {
    let said = Said::about("true");
    let stdout = String::from_utf8_lossy(&said.output.stdout);
    let stderr = String::from_utf8_lossy(&said.output.stderr);
    assert!(said.output.status.success(), "{stdout}{stderr}");
    let row = stdout
        .lines()
        .find(|line| line.starts_with("| bin "))
        .unwrap();
    let cells: Vec<_> = row.split('|').map(str::trim).collect();
    let [_, "bin", "2", "4", files, "0", _] = cells.as_slice() else {
        panic!("{stdout}");
    };
    // At least an object, a `.dwo` and the five files of a session in each.
    assert!(files.parse::<usize>().unwrap() > 4 * 7, "{stdout}");
    let left = fs::read_dir(said.dir.path().join("work")).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn new_missing_and_executable_files_are_reported() {
    let said = Said::about("touch tmp/left && chmod +x program.rs && rm cache/*/*/dep-graph.bin");
    let found = said.differences(2);
    let [session, mode, left, ..] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert!(session.ends_with("/dep-graph.bin is missing"), "{found:?}");
    assert_eq!(mode, "program.rs: mode 755; the release: 644");
    assert_eq!(left, "tmp/left is new");
}

#[test]
fn a_flipped_byte_is_reported_although_others_are_random() {
    let spoil = "for object in *.o; do printf X | dd of=$object bs=1 seek=20 conv=notrunc; done \
                 2>/dev/null";
    let said = Said::about(spoil);
    // The bitcode of the other is not compared.
    let found = said.differences(1);
    let first = &found[0];
    let name = first.split(": byte 20 of ").next().unwrap();
    assert!(
        name.ends_with(".o") && name.len() < first.len(),
        "{found:?}"
    );
    let release = said.kept(&format!("1/run-1/release/{name}"));
    let fork = said.kept(&format!("1/run-1/fork/{name}"));
    assert_eq!((release.len(), fork[20]), (fork.len(), b'X'));
    assert_ne!(release[20], b'X');
}

#[test]
fn exit_status_and_messages_are_reported() {
    let found = Said::about("status=3; echo 'note: more' >&2").differences(2);
    assert_eq!(
        found,
        [
            "exit status: 3; the release: exit status: 0",
            "stderr: `note: more`; the release: nothing",
            "after an edit, exit status: 3; the release: exit status: 0",
            "after an edit, stderr: `note: more`; the release: nothing",
        ]
    );
}

#[test]
fn compilers_of_different_versions_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let [release, fork] = ["release", "fork"].map(|name| {
        let path = dir.path().join(name);
        write_script(&path, &format!("echo 'rustc 1.95.0 ({name})'"));
        path
    });
    let output = Command::new(env!("CARGO_BIN_EXE_compare"))
        .arg("--rustc")
        .arg(&fork)
        .arg("--release")
        .arg(&release)
        .args(["--cargo", "cargo", "--work-dir", "work"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let [release, fork] = [release.display(), fork.display()];
    let expected = format!("error: {release} and {fork} are of different versions,");
    assert!(stderr.starts_with(&expected), "{stderr}");
    assert!(stderr.contains("\nhelp: "), "{stderr}");
}

fn write_script(path: &Path, lines: &str) {
    fs::write(path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
