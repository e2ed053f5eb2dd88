// Distributed ThinLTO from the file of `--emit=link-inputs` and nothing else: the file names the
// summary of each module, finds the modules of upstream crates beside their rlibs, and has an archive
// of what is native in an rlib, so that the thin link reads no bitcode and the last link no rlib of
// them. The folder can be moved as a whole between compilation and link.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-x86_64-unknown-linux-gnu

use std::path::Path;

use run_make_support::env::set_current_dir;
use run_make_support::link_inputs::{Distributed, link_distributed, list, read_link_inputs, text};
use run_make_support::llvm::{llvm_ar, llvm_bin_dir};
use run_make_support::serde_json::Value;
use run_make_support::{Rustc, bare_rustc, build_native_static_lib, cmd, cwd, rfs};

fn main() {
    build_native_static_lib("native");
    for units in [1, 4] {
        rfs::create_dir_all("here/out");
        let compile = |source: &str| -> Rustc {
            let mut rustc = bare_rustc();
            rustc.arg("-Zunstable-options").arg("-Clinker-plugin-lto").opt().edition("2021");
            rustc.linker(llvm_bin_dir().join("clang").to_str().unwrap());
            rustc.link_arg("-fuse-ld=lld").arg("-L../").current_dir("here");
            rustc.input(format!("../{source}")).out_dir("out").codegen_units(units);
            rustc
        };
        let mut library = compile("native.rs");
        library.crate_type("rlib").emit("link,obj,thin-link-bitcode").run();
        let mut program = compile("program.rs");
        program.arg("--extern=native=out/libnative.rlib");
        program.emit("link-inputs,obj,thin-link-bitcode").run();

        // Where it was compiled is not in it.
        rfs::rename("here", "moved");
        set_current_dir("moved");
        let inputs = read_link_inputs("out/program.link-inputs.json");
        check_inputs(&inputs, units);
        let distributed = link_distributed(&inputs, "made");
        check_files(&distributed);
        let ran = cmd(cwd().join(&distributed.output)).run_fail();
        ran.assert_stdout_equals("6 4").assert_exit_code(7);
        set_current_dir("..");
        rfs::remove_dir_all("moved");
    }
}

fn check_inputs(inputs: &Value, units: usize) {
    let own = list(&inputs["modules"]).iter().chain([&inputs["allocator_module"]]);
    let crates = list(&inputs["links"][0]["upstream_crates"]);
    let upstream = |name: &str| crates.iter().find(|it| it["name"] == name).unwrap();
    let native = upstream("native");
    assert_eq!(list(&native["modules"]).len(), units.min(2), "{native}");
    for module in own.chain(list(&native["modules"])) {
        let (object, summary) = (text(&module["object"]), text(&module["thin_link_bitcode"]));
        assert_eq!(object.replace(".o", ".indexing.o"), summary);
        assert!(object.starts_with("out/") && rfs::read(object).starts_with(b"BC"), "{object}");
        assert!(rfs::read(summary).starts_with(b"BC"), "{summary}");
    }
    let archive = text(&native["native_archive"]);
    assert_eq!(archive, "out/program.link-inputs/bin/libnative.native.a");
    let members = llvm_ar().table_of_contents().arg(archive).run();
    members.assert_stdout_equals("native.o");

    let builtins = upstream("compiler_builtins");
    assert_eq!(builtins["native_archive"], builtins["path"], "it stays native");
    for module in list(&builtins["modules"]) {
        assert!(module["object"].is_null() && module["thin_link_bitcode"].is_null(), "{module}");
    }
}

/// The thin link reads no bitcode, and the last link nothing but native code.
fn check_files(distributed: &Distributed) {
    let read = |trace: &str, file: &Path| trace.lines().any(|line| Path::new(line) == file);
    for object in &distributed.modules {
        assert!(!read(&distributed.read_by_thin_link, object), "{object:?}");
        assert!(!read(&distributed.read_by_link, object), "{object:?}");
    }
    for trace in [&distributed.read_by_thin_link, &distributed.read_by_link] {
        assert!(trace.contains("libnative.native.a"), "{trace}");
        assert!(!trace.contains("libnative.rlib"), "{trace}");
    }
    assert!(
        read(&distributed.read_by_thin_link, Path::new("out/program.indexing.o"))
            || distributed.read_by_thin_link.contains(".rcgu.indexing.o")
    );
}
