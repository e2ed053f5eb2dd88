//! Programs of Rust and C, and their links.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::project::{CLANG, Counts, LLD, Machine, Project, distributor, succeed};

/// A program of two crates and a C file.
pub struct Rust {
    pub project: Project,
    pub rustc: PathBuf,
}

const NUMBERS: &str = "pub fn sum(numbers: &[u32]) -> u32 { numbers.iter().map(|n| n * 2).sum() }";
const PROGRAM: &str = "unsafe extern \"C\" { fn twice(n: i32) -> i32; }
    fn main() { println!(\"{} {}\", numbers::sum(&[1, 2, 3]), unsafe { twice(21) }); }";

impl Rust {
    pub fn new(machine: &Machine, name: &str, rustc: PathBuf) -> Rust {
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
    pub fn link(&self, options: &[&str]) -> (Counts, String) {
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
pub fn own_rustc() -> PathBuf {
    let default =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../build/host/stage1/bin/rustc");
    env::var_os("TESTED_RUSTC").map_or(default, PathBuf::from)
}
