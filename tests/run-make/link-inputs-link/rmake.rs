// `--emit=link-inputs` names all that a link takes: programs, cdylibs, staticlibs, proc-macros and
// dylibs are built here from that file alone, with nothing but the linker (for a staticlib, the
// archiver), and are what rustc links itself. Among what they hold: C code that calls back, a global
// allocator, `#[used]`, `#[no_mangle]`, thread-locals, inline assembly, panics that unwind and that
// abort; one codegen unit and several; native objects, and bitcode for the linker's LTO.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-x86_64-unknown-linux-gnu

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use run_make_support::link_inputs::{linker, list, read_link_inputs, text};
use run_make_support::llvm::{llvm_bin_dir, llvm_nm};
use run_make_support::regex::Regex;
use run_make_support::serde_json::Value;
use run_make_support::{Rustc, bare_rustc, build_native_static_lib, cc, cwd, rfs};

fn main() {
    build_native_static_lib("native");
    for (lto, units, panic) in [
        ("", 1, "unwind"),
        ("", 4, "unwind"),
        ("", 4, "abort"),
        ("linker-plugin", 1, "unwind"),
        ("linker-plugin", 4, "abort"),
        ("thin", 4, "unwind"),
        ("fat", 1, "abort"),
    ] {
        println!("LTO `{lto}`, {units} units, panic={panic}");
        rfs::create_dir_all("deps");
        let compile = || {
            let mut rustc = relative_rustc();
            match lto {
                "" => {}
                "linker-plugin" => {
                    rustc.arg("-Clinker-plugin-lto");
                    rustc.linker(llvm_bin_dir().join("clang").to_str().unwrap());
                    rustc.link_arg("-fuse-ld=lld");
                }
                lto => drop(rustc.arg(format!("-Clto={lto}"))),
            }
            rustc.opt().codegen_units(units).panic(panic);
            rustc
        };
        compile().input("native.rs").crate_type("rlib").out_dir("deps").run();
        program(&compile, lto);
        cdylib(&compile, lto);
        if matches!(lto, "" | "linker-plugin") {
            staticlib(&compile);
        }
        if panic == "unwind" && lto != "thin" {
            proc_macro(&compile);
        }
        rfs::remove_dir_all("deps");
    }
    dylib();
}

/// A rustc that is given no path of this folder.
fn relative_rustc() -> Rustc {
    let mut rustc = bare_rustc();
    rustc.arg("-Zunstable-options").edition("2021").arg("-Ldeps").arg("-L.");
    rustc
}

/// Compiles `source` twice, once linked by rustc in the folder `expected` and once with its link
/// inputs in `found`, and returns these.
fn compile_both(compile: &dyn Fn() -> Rustc, source: &str, crate_type: &str) -> Value {
    for folder in ["expected", "found"] {
        let _ = std::fs::remove_dir_all(folder);
        rfs::create_dir(folder);
    }
    compile().input(source).crate_type(crate_type).out_dir("expected").run();
    compile().input(source).crate_type(crate_type).out_dir("found").emit("link-inputs").run();
    let stem = Path::new(source).file_stem().unwrap().to_str().unwrap();
    let path = format!("found/{stem}.link-inputs.json");
    let file = rfs::read_to_string(&path);
    assert!(!file.contains(cwd().to_str().unwrap()), "all paths are relative:\n{file}");
    let inputs = read_link_inputs(path);
    assert_eq!(inputs["crate_name"], stem);
    assert_eq!(inputs["target"], "x86_64-unknown-linux-gnu");
    assert_eq!(inputs["links"][0]["crate_type"], crate_type);
    named_files_are_there(&inputs);
    inputs
}

/// Every path in the file is that of a file, but for the output.
fn named_files_are_there(inputs: &Value) {
    let mut named = Vec::new();
    let link = &inputs["links"][0];
    let local = list(&inputs["modules"]).iter();
    for module in local.chain(Some(&inputs["allocator_module"]).filter(|it| !it.is_null())) {
        named.push(&module["object"]);
        assert!(module["thin_link_bitcode"].is_null());
    }
    for upstream in list(&link["upstream_crates"]) {
        named.extend([&upstream["path"], &upstream["native_archive"]]);
    }
    named.extend([&link["symbols_object"], &link["metadata_object"]]);
    for path in named.into_iter().filter(|path| !path.is_null()) {
        assert!(Path::new(text(path)).is_file(), "{path}");
    }
    let linked = format!("found/{}", text(&link["output"]).strip_prefix("found/").unwrap());
    assert!(!Path::new(&linked).exists(), "the linker was not run");
}

/// Runs the linker as the file says, and returns the path of what it made.
fn link(inputs: &Value) -> String {
    linker(inputs, |argument| vec![argument.to_owned()]).run();
    text(&inputs["links"][0]["output"]).to_owned()
}

/// The same symbols and libraries as in what rustc links.
fn assert_same(found: &str) {
    let expected = found.replace("found/", "expected/");
    for flags in [&["--format=just-symbols"][..], &["--format=just-symbols", "--dynamic"]] {
        let symbols = |path: &str| -> BTreeSet<String> {
            let mut nm = llvm_nm();
            nm.args(flags).input(path);
            nm.run().stdout_utf8().lines().map(str::to_owned).collect()
        };
        let (found, expected) = (symbols(found), symbols(&expected));
        assert_eq!(found, expected);
        assert!(!found.is_empty());
    }
    let needed = |path: &str| {
        let mut readobj = Command::new(llvm_bin_dir().join("llvm-readobj"));
        let listed = readobj.args(["--needed-libs", path]).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        listed.lines().filter(|line| !line.starts_with("File:")).map(str::to_owned).collect()
    };
    let (found, expected): (Vec<String>, Vec<String>) = (needed(found), needed(&expected));
    assert_eq!(found, expected);
    assert!(found.iter().any(|line| line.contains("libc.so")), "{found:?}");
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(cwd().join(program)).args(arguments).env("RUST_BACKTRACE", "0").output().unwrap()
}

/// Standard error without the numbers of threads.
fn messages(output: &Output) -> String {
    let thread = Regex::new(r"(?m)^(thread '.*') \(\d+\) panicked").unwrap();
    thread.replace_all(str::from_utf8(&output.stderr).unwrap(), "$1 panicked").into_owned()
}

fn program(compile: &dyn Fn() -> Rustc, lto: &str) {
    // The others find the crate through a search path.
    let compile = || {
        let mut rustc = compile();
        rustc.arg("--extern=native=deps/libnative.rlib");
        rustc
    };
    let inputs = compile_both(&compile, "program.rs", "bin");
    let in_process = matches!(lto, "thin" | "fat");
    // A global allocator of its own: the shim calls it. In-process LTO takes the shim in.
    assert_eq!(inputs["allocator_module"].is_null(), in_process);
    let found = link(&inputs);
    assert_same(&found);
    let ran = run(&found, &[]);
    assert_eq!(ran.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "24 42 6 6 true 7\n");
    for arguments in [&[][..], &["more"]] {
        let (ran, expected) = (run(&found, arguments), run("expected/program", arguments));
        assert_eq!(ran.status.code(), expected.status.code());
        assert_eq!(ran.status.signal(), expected.status.signal());
        assert_eq!(ran.stdout, expected.stdout);
        assert_eq!(messages(&ran), messages(&expected));
    }

    let libraries = list(&inputs["links"][0]["native_libraries"]);
    let native = libraries.iter().find(|library| library["name"] == "native").unwrap();
    assert_eq!(native["crate"], "native");
    assert_eq!(native["kind"], "static");
    let crates = list(&inputs["links"][0]["upstream_crates"]);
    let names: Vec<&str> = crates.iter().map(|it| text(&it["name"])).collect();
    let place = |name| names.iter().position(|it| *it == name).unwrap();
    assert!(place("native") < place("std"), "in link order: {names:?}");
    assert_eq!(names.last(), Some(&"compiler_builtins"));
    let upstream = &crates[place("native")];
    assert_eq!(upstream["path"], "deps/libnative.rlib");
    assert_eq!(upstream["kind"], "rlib");
    assert!(!list(&upstream["modules"]).is_empty());
    let arguments = list(&inputs["links"][0]["arguments"]);
    // In-process LTO leaves of an rlib what was not in LTO.
    for upstream in crates.iter().filter(|_| !in_process) {
        assert!(arguments.contains(&upstream["path"]), "{} stands for its crate", upstream["path"]);
    }
    for module in list(&inputs["modules"]) {
        assert!(arguments.contains(&module["object"]), "{module}");
    }
}

fn cdylib(compile: &dyn Fn() -> Rustc, lto: &str) {
    let inputs = compile_both(compile, "library.rs", "cdylib");
    let exported = list(&inputs["links"][0]["exported_symbols"]);
    assert!(exported.iter().any(|symbol| symbol == "library_answer"), "{exported:?}");
    let symbols_object = &inputs["links"][0]["symbols_object"];
    // In-process LTO leaves no symbol of an rlib for the linker to keep.
    if matches!(lto, "thin" | "fat") {
        assert!(symbols_object.is_null(), "{symbols_object}");
    } else {
        assert_eq!(symbols_object, "found/library.link-inputs/cdylib/symbols.o");
    }
    let found = link(&inputs);
    assert_same(&found);
    use_from_c(&found);
}

/// Links a C program with a library, and runs it.
fn use_from_c(library: &str) {
    let libraries = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"];
    cc().input("user.c").arg(library).args(libraries).out_exe("user").run();
    // A cdylib may be found by its name alone.
    let ran = Command::new(cwd().join("user")).env("LD_LIBRARY_PATH", "found").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "16\n");
    assert_eq!(ran.status.code(), Some(1));
}

fn staticlib(compile: &dyn Fn() -> Rustc) {
    let inputs = compile_both(compile, "library.rs", "staticlib");
    let link = &inputs["links"][0];
    assert!(link["linker"].is_null());
    assert_eq!(list(&link["arguments"]).len(), 0);
    let found = text(&link["output"]);

    // What rustc puts into it: its own objects, and the rlibs without their metadata.
    let own = list(&inputs["modules"]).iter().chain([&inputs["allocator_module"]]);
    let objects = own.map(|module| text(&module["object"]));
    let rlibs = list(&link["upstream_crates"]).iter().map(|it| text(&it["path"]));
    let mut ar = Command::new(llvm_bin_dir().join("llvm-ar"));
    assert!(ar.arg("qcL").arg(found).args(objects).args(rlibs).status().unwrap().success());
    while members(found).contains(&"lib.rmeta".to_owned()) {
        let mut ar = Command::new(llvm_bin_dir().join("llvm-ar"));
        assert!(ar.args(["d", found, "lib.rmeta"]).status().unwrap().success());
    }

    assert_eq!(members(found), members("expected/liblibrary.a"));
    let defined = |path: &str| -> BTreeSet<String> {
        let mut nm = llvm_nm();
        nm.args(["--format=just-symbols", "--defined-only", "--quiet"]).input(path);
        nm.run().stdout_utf8().lines().map(str::to_owned).collect()
    };
    assert_eq!(defined(found), defined("expected/liblibrary.a"));
    // Objects of bitcode are for a linker that knows LTO.
    if !rfs::read(text(&inputs["modules"][0]["object"])).starts_with(b"BC") {
        use_from_c(found);
    }
}

/// The names of an archive's members, sorted.
fn members(archive: &str) -> Vec<String> {
    let listed = Command::new(llvm_bin_dir().join("llvm-ar")).arg("t").arg(archive).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let mut members: Vec<String> = listed.lines().map(str::to_owned).collect();
    members.sort();
    members
}

fn proc_macro(compile: &dyn Fn() -> Rustc) {
    let inputs = compile_both(compile, "macros.rs", "proc-macro");
    assert!(!inputs["links"][0]["metadata_object"].is_null());
    let found = link(&inputs);
    assert_same(&found);
    relative_rustc().input("uses_macros.rs").arg("--extern").arg(format!("macros={found}")).run();
    assert_eq!(run("uses_macros", &[]).status.code(), Some(42));
}

/// std from its shared library, and a library that another crate is compiled against.
fn dylib() {
    rfs::create_dir_all("deps");
    let compile = || {
        let mut rustc = relative_rustc();
        rustc.arg("-Cprefer-dynamic");
        rustc
    };
    compile().input("native.rs").crate_type("rlib").out_dir("deps").run();
    let inputs = compile_both(&compile, "library.rs", "dylib");
    let crates = list(&inputs["links"][0]["upstream_crates"]);
    let std = crates.iter().find(|upstream| upstream["name"] == "std").unwrap();
    assert_eq!(std["kind"], "dylib");
    assert!(text(&std["path"]).ends_with(".so"), "{std}");
    let found = link(&inputs);
    assert_same(&found);
}
