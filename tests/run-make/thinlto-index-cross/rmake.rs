// Distributed ThinLTO for another architecture: compile, thin link, a backend for each module, link.
// The import took place, and the program runs in an emulator. It uses neither std nor core, which the
// sysroot has for the host only.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-x86_64-unknown-linux-gnu
//@ needs-llvm-components: aarch64

use std::path::{Path, PathBuf};

use run_make_support::llvm::{llvm_bin_dir, llvm_nm, llvm_readobj};
use run_make_support::thin_link::{summary_of, thin_link_objects, thinlto_backend};
use run_make_support::{bare_rustc, cmd, rfs, source_root};

const TARGET: &str = "aarch64-unknown-linux-gnu";

fn main() {
    let minicore = source_root().join("tests/auxiliary/minicore.rs");
    compile(&minicore, "rlib", "link,obj,thin-link-bitcode");
    compile(Path::new("library.rs"), "rlib", "link,obj,thin-link-bitcode");
    compile(Path::new("program.rs"), "bin", "obj,thin-link-bitcode");
    let objects = thin_link_objects("bitcode");

    let summaries = objects.iter().map(summary_of).collect();
    let replace = "--thinlto-object-suffix-replace=.indexing.o;.o";
    lld(summaries, &["--thinlto-index-only", "--thinlto-emit-imports-files", replace]);
    assert_eq!(rfs::read_to_string("bitcode/program.o.imports"), "bitcode/library.o\n");

    rfs::create_dir("native");
    let native = |object: &PathBuf| Path::new("native").join(object.file_name().unwrap());
    for object in &objects {
        thinlto_backend(object).target(TARGET).emit("obj").output(native(object)).run();
    }
    let symbols = llvm_nm().input("native/program.o").arg("--demangle").run().stdout_utf8();
    assert!(!symbols.contains("library::add"), "{symbols}");
    assert!(symbols.contains("U library::TOTAL ("), "{symbols}");
    let headers = llvm_readobj().arg("--file-headers").input("native/program.o").run();
    headers.assert_stdout_contains("AArch64");

    lld(objects.iter().map(native).collect(), &["-o", "program"]);
    cmd("qemu-aarch64").arg("program").run_fail().assert_exit_code(42);
}

fn compile(source: &Path, crate_type: &str, kinds: &str) {
    let mut rustc = bare_rustc();
    rustc.target(TARGET).args(["-Zunstable-options", "-Clinker-plugin-lto"]).panic("abort");
    // Inlining is left to LLVM.
    rustc.opt().codegen_units(1).arg("-Zcross-crate-inline-threshold=never");
    rustc
        .input(source)
        .crate_type(crate_type)
        .arg("-Lbitcode")
        .out_dir("bitcode")
        .emit(kinds)
        .run();
}

fn lld(inputs: Vec<PathBuf>, options: &[&str]) {
    cmd(llvm_bin_dir().join("ld.lld")).args(inputs).args(options).run();
}
