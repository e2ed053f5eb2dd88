// Where rustc cannot leave beside each summary the bitcode that it describes, it says so, exits
// with 1 and writes nothing, not even what else was asked for.

//@ ignore-cross-compile
//@ needs-backends: llvm

use std::path::Path;

use run_make_support::{bare_rustc, rfs, serde_json, target};

fn main() {
    refused(
        "program.rs",
        &["-Clinker-plugin-lto"],
        "error: thin-link-bitcode requested but -Zunstable-options not specified",
    );

    let native = "error: `--emit=thin-link-bitcode` needs objects that hold bitcode";
    let fat = "error: `--emit=thin-link-bitcode` cannot be used with `-Clto=fat`";
    for (flags, error) in [
        (&[][..], native),
        (&["-Clto=thin"], native),
        (&["-Clto=fat"], fat),
        (&["-Clto=fat", "-Clinker-plugin-lto"], fat),
    ] {
        refused("program.rs", &[flags, &["-Zunstable-options"]].concat(), error);
    }

    refused(
        "no_builtins.rs",
        &["-Zunstable-options", "-Clinker-plugin-lto", "--crate-type=lib"],
        "error: thin-link bitcode cannot be emitted for a `#![no_builtins]` crate",
    );

    write_fat_lto_target("fat_lto.json");
    refused(
        "no_core.rs",
        &["-Zunstable-options", "-Clinker-plugin-lto", "--crate-type=lib", "--target=fat_lto.json"],
        "error: thin-link bitcode cannot be emitted for the target `fat_lto`",
    );
}

/// Compiles `source` and checks the first line of the messages, and that no file came of it.
#[track_caller]
fn refused(source: &str, flags: &[&str], error: &str) {
    for others in ["", ",obj", ",obj,link,asm,llvm-bc,llvm-ir,dep-info,metadata,mir"] {
        println!("{source} {flags:?} {others}");
        let emit = format!("thin-link-bitcode{others}");
        rfs::create_dir("out");
        let output = bare_rustc().input(source).args(flags).emit(emit).out_dir("out").run_fail();
        output.assert_exit_code(1);
        assert_eq!(output.stderr_utf8().lines().next(), Some(error));
        // Fails if there is anything in it.
        rfs::remove_dir("out");
    }
}

/// Writes the specification of a target like this one that always runs fat LTO.
fn write_fat_lto_target(path: impl AsRef<Path>) {
    let printed = bare_rustc()
        .arg("-Zunstable-options")
        .print("target-spec-json")
        .target(target())
        .run()
        .stdout_utf8();
    let mut specification: serde_json::Value = serde_json::from_str(&printed).unwrap();
    specification["requires-lto"] = true.into();
    specification.as_object_mut().unwrap().remove("is-builtin");
    rfs::write(path, specification.to_string());
}
