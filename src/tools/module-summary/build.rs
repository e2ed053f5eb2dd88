//! Builds the C++ part, and links it with the LLVM of `LLVM_CONFIG`.
//!
//! LLVM's libraries are linked statically: a program needs no LLVM when it runs, and starts without
//! loading one.

use std::env;
use std::process::Command;

/// The major version of the LLVM that rustc is built with.
const LLVM: &str = "22";

fn main() {
    println!("cargo::rerun-if-env-changed=LLVM_CONFIG");
    println!("cargo::rerun-if-changed=llvm-wrapper");
    let llvm_config = env::var("LLVM_CONFIG").unwrap_or_else(|_| format!("llvm-config-{LLVM}"));
    let llvm = |arguments: &[&str]| ask(&llvm_config, arguments);
    let version = llvm(&["--version"]);
    assert!(
        version.split('.').next() == Some(LLVM),
        "{llvm_config} is LLVM {version}, not {LLVM}: set LLVM_CONFIG to the right one"
    );

    let mut build = cc::Build::new();
    build.cpp(true).cpp_link_stdlib(None);
    for flag in llvm(&["--cxxflags"]).split_whitespace() {
        build.flag(flag);
    }
    // The flags have LLVM's headers in `-I`, which would warn.
    build.flag(format!("-isystem{}", llvm(&["--includedir"])));
    for file in ["Remarks.cpp", "Summary.cpp"] {
        build.file(format!("llvm-wrapper/{file}"));
    }
    build.compile("module_summary");

    println!("cargo::rustc-link-search=native={}", llvm(&["--libdir"]));
    for library in llvm(&["--link-static", "--libnames", "bitreader", "remarks"]).split_whitespace()
    {
        let name = library.trim_start_matches("lib").trim_end_matches(".a");
        println!("cargo::rustc-link-lib=static:-bundle={name}");
    }
    let compiler = build.get_compiler();
    let mut compiler = compiler.to_command();
    let library = "libstdc++.a";
    let path = stdout(compiler.arg(format!("-print-file-name={library}")));
    let folder = path.strip_suffix(library).expect("it ends with the name");
    println!("cargo::rustc-link-search=native={folder}");
    println!("cargo::rustc-link-lib=static:-bundle=stdc++");
}

/// The output of llvm-config.
fn ask(llvm_config: &str, arguments: &[&str]) -> String {
    stdout(Command::new(llvm_config).args(arguments))
}

fn stdout(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "cannot start {command:?}: {error}; set LLVM_CONFIG to an llvm-config of LLVM {LLVM}"
        )
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}");
    String::from_utf8(output.stdout)
        .expect("paths are UTF-8")
        .trim()
        .to_owned()
}
