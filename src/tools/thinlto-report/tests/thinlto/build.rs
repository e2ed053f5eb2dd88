//! Compiles the programs in the folder `programs`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use distributed::toolchain::{LLVM, find_llvm};
use tempfile::TempDir;

/// The ways in which modules may reach a link.
#[derive(Clone, Copy, PartialEq)]
pub enum Modules {
    /// Objects, with summaries beside them.
    Pairs,
    /// Objects and members of rlibs, without summaries.
    Bitcode,
}

/// A folder with a program.
pub struct Build {
    pub dir: TempDir,
    pub tested: thinlto_report::Build,
}

impl Build {
    /// Compiles `parts.rs` and `whole.rs`. `flags` are for both, all paths are absolute.
    pub fn new(modules: Modules, flags: &[&str]) -> Build {
        let default =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../build/host/stage1/bin/rustc");
        let dir = tempfile::tempdir().unwrap();
        let lld = find_llvm("ld.lld", "lld").unwrap().canonicalize().unwrap();
        let build = Build {
            tested: thinlto_report::Build {
                link_inputs: dir.path().join("whole.link-inputs.json"),
                rustc: env::var_os("TESTED_RUSTC").map_or(default, PathBuf::from),
                lld_folder: lld.parent().map(Path::to_owned),
            },
            dir,
        };
        let pairs = match modules {
            Modules::Pairs => ",obj,thin-link-bitcode",
            Modules::Bitcode => "",
        };
        build.compile(
            "parts",
            &["--crate-type=lib", &format!("--emit=link,dep-info{pairs}")],
            flags,
        );
        let parts = format!("--extern=parts={}", build.path("libparts.rlib").display());
        let kinds = format!("--emit=link-inputs,dep-info{pairs}");
        build.compile("whole", &[&kinds, &parts], flags);
        build
    }

    fn compile(&self, name: &str, options: &[&str], flags: &[&str]) {
        let mut rustc = Command::new(&self.tested.rustc);
        rustc
            .args([
                "-Zunstable-options",
                "-Clinker-plugin-lto",
                "-O",
                "--edition=2024",
            ])
            .args(["-Ccodegen-units=1", "-Clink-arg=-fuse-ld=lld"])
            // Functions stay in their crate until they are imported.
            .arg("-Zcross-crate-inline-threshold=never")
            .args(["--crate-name", name, "--out-dir"])
            .arg(self.dir.path())
            .arg(source(&format!("{name}.rs")))
            .args(options)
            .args(flags);
        succeed(&mut rustc);
    }

    /// Compiles `area.cpp` to bitcode, in a static library.
    pub fn cpp_library(dir: &Path) {
        let clang = format!("clang++-{LLVM}");
        let mut compiler = Command::new(clang);
        compiler
            .args(["-O2", "-flto=thin", "-c", "-o"])
            .arg(dir.join("area.o"));
        succeed(compiler.arg(source("area.cpp")));
        let mut archiver = Command::new(find_llvm("llvm-ar", "llvm").unwrap());
        archiver.arg("rcs").arg(dir.join("libarea.a"));
        succeed(archiver.arg(dir.join("area.o")));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// The path of a source file.
pub fn source(name: &str) -> PathBuf {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    programs.join(name)
}

pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{messages}");
    String::from_utf8(output.stdout).unwrap()
}
