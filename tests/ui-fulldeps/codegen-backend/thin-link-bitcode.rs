//@ edition: 2021
//@ run-pass

// A codegen backend that does not say that it can write thin-link bitcode, or run the ThinLTO
// backend, is not asked to: the session ends with an error, and there is no file, not even an empty
// one.

#![feature(rustc_private)]

extern crate rustc_codegen_ssa;
extern crate rustc_data_structures;
extern crate rustc_driver;
extern crate rustc_interface;
extern crate rustc_middle;
extern crate rustc_session;

use std::any::Any;
use std::process::{Command, ExitCode};
use std::{env, fs};

use rustc_codegen_ssa::CodegenResults;
use rustc_codegen_ssa::traits::CodegenBackend;
use rustc_data_structures::fx::FxIndexMap;
use rustc_driver::Callbacks;
use rustc_interface::Config;
use rustc_middle::dep_graph::{WorkProduct, WorkProductId};
use rustc_middle::ty::TyCtxt;
use rustc_session::Session;
use rustc_session::config::OutputFilenames;

struct OtherBackend;

impl CodegenBackend for OtherBackend {
    fn name(&self) -> &'static str {
        "other"
    }

    fn codegen_crate(&self, _: TyCtxt<'_>) -> Box<dyn Any> {
        unreachable!("refused before code generation")
    }

    fn join_codegen(
        &self,
        _: Box<dyn Any>,
        _: &Session,
        _: &OutputFilenames,
    ) -> (CodegenResults, FxIndexMap<WorkProductId, WorkProduct>) {
        unreachable!("refused before code generation")
    }
}

struct UseOtherBackend;

impl Callbacks for UseOtherBackend {
    fn config(&mut self, config: &mut Config) {
        config.make_codegen_backend = Some(Box::new(|_, _| Box::new(OtherBackend)));
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    if args.len() > 1 {
        return rustc_driver::catch_with_exit_code(|| {
            rustc_driver::run_compiler(&args, &mut UseOtherBackend)
        });
    }

    let folder = env::current_dir().unwrap().join("thin-link-bitcode");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    let source = folder.join("empty.rs");
    fs::write(&source, "").unwrap();
    let out = folder.join("out");
    fs::create_dir(&out).unwrap();

    for (options, error) in [
        (
            &[
                "--crate-type=lib",
                "-Clinker-plugin-lto",
                "--emit=obj,dep-info,metadata,thin-link-bitcode",
            ][..],
            "error: this codegen backend cannot emit thin-link bitcode\n  |\n  \
             = help: use the LLVM backend, or leave `thin-link-bitcode` out of `--emit`\n",
        ),
        (
            &["-Zthinlto-index=empty.o.thinlto.bc", "--emit=obj"],
            "error: this codegen backend cannot run the ThinLTO backend\n  |\n  \
             = help: leave out `-Zcodegen-backend`, so that LLVM is used\n",
        ),
    ] {
        let output = Command::new(env::current_exe().unwrap())
            .arg("-Zunstable-options")
            .args(options)
            .arg("--out-dir")
            .arg(&out)
            .arg(&source)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        // Warnings come first: the backend names no target features.
        let first = stderr.find("error: ").unwrap_or_default();
        assert!(stderr[first..].starts_with(error), "{stderr}");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    }
    ExitCode::SUCCESS
}
