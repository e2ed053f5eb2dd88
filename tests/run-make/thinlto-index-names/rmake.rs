// A backend names its files after the module, or after `-o`, and replaces only an extension that says
// what is in the file. So modules or outputs with different names do not share files, even if the
// names have other dots.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::path::Path;

use run_make_support::llvm::llvm_nm;
use run_make_support::thin_link::{Files, index_of, take_files, thin_link_rustc, thinlto_backend};
use run_make_support::{rfs, rustc};

/// Modules, each with a function, in files that differ before the last dot only.
const MODULES: [(&str, &str); 3] = [("main.c.o", "c"), ("main.cc.o", "cc"), ("main.rs.bc", "rs")];

fn main() {
    for (module, function) in MODULES {
        let source = format!("{function}.rs");
        rfs::write(&source, format!("#![no_std] #[no_mangle] pub fn {function}() {{}}"));
        let mut rustc = thin_link_rustc();
        rustc.opt().arg("-g").input(source).crate_type("lib").codegen_units(1);
        rustc.emit("obj").output(module).run();
        // Asks for code without ThinLTO.
        rfs::write(index_of(module), "");
    }

    of_modules();
    of_dash_o();
    as_a_compile();
}

fn names(files: &Files) -> Vec<&str> {
    files.keys().map(String::as_str).collect()
}

/// `--out-dir`: one folder for all.
fn of_modules() {
    for (module, _) in MODULES {
        let mut backend = thinlto_backend(module);
        backend.args(["-Csplit-debuginfo=unpacked", "-Zllvm-time-trace", "-Csave-temps"]);
        backend.args(["-Cremark=all", "-Zremark-dir=remarks"]);
        backend.emit("obj,asm,llvm-ir,llvm-bc").out_dir("out").run();
    }
    for (stem, function) in [("main.c", "c"), ("main.cc", "cc"), ("main.rs", "rs")] {
        let symbols = llvm_nm().input(format!("out/{stem}.o")).run().stdout_utf8();
        assert_eq!(symbols, format!("0000000000000000 T {function}\n"));
    }
    let expected = ["main.c", "main.cc", "main.rs"].map(|stem| {
        ["bc", "dwo", "ll", "llvm_timings.json", "o", "s", "thin-lto-after-pm.bc"]
            .map(|extension| format!("{stem}.{extension}"))
    });
    assert_eq!(names(&take_files("out")), expected.as_flattened());
    assert_eq!(
        names(&take_files("remarks")),
        ["main.c.lto.opt.yaml", "main.cc.lto.opt.yaml", "main.rs.lto.opt.yaml"]
    );

    let mut backend = thinlto_backend("main.c.o");
    backend.crate_name("named").extra_filename("-1.2").emit("obj").out_dir("out").run();
    assert_eq!(names(&take_files("out")), ["named-1.2.o"]);
}

/// Files beside `-o`. The last dot need not begin an extension.
fn of_dash_o() {
    rfs::create_dir("out");
    for output in ["x.native.o", "x.other.o", "native.one", "native.two"] {
        let mut backend = thinlto_backend("main.c.o");
        backend.args(["-Csplit-debuginfo=unpacked", "-Zllvm-time-trace"]);
        backend.emit("obj").output(Path::new("out").join(output)).run();
    }
    let files = take_files("out");
    let expected = ["native.one", "native.two", "x.native", "x.other"].map(|stem| {
        let object = if stem.starts_with("x.") { format!("{stem}.o") } else { stem.to_owned() };
        [object, format!("{stem}.dwo"), format!("{stem}.llvm_timings.json")]
    });
    let mut expected = expected.concat();
    expected.sort();
    assert_eq!(names(&files), expected);
    let text = String::from_utf8_lossy(&files["native.one"]);
    assert!(text.contains("\0out/native.one.dwo\0"), "the object does not name its debug info");

    // With several outputs, each gets its own extension.
    rfs::create_dir("out");
    let mut backend = thinlto_backend("main.c.o");
    backend
        .emit("obj,asm")
        .output("out/x.native.o")
        .run()
        .assert_stderr_contains("will be adapted");
    assert_eq!(names(&take_files("out")), ["x.native.o", "x.native.s"]);
}

/// Where a name has no other dots, the trace has the name that it has in a compile.
fn as_a_compile() {
    for folder in ["backend", "compile"] {
        rfs::create_dir(folder);
    }
    let mut backend = thinlto_backend("main.c.o");
    backend.arg("-Zllvm-time-trace").emit("obj").output("backend/x.o").run();
    let mut compile = rustc();
    compile.arg("-Zllvm-time-trace").input("c.rs").crate_type("lib").codegen_units(1);
    compile.emit("obj").output("compile/x.o").run();
    let [backend, compile] = ["backend", "compile"].map(take_files);
    assert_eq!(names(&backend), ["x.llvm_timings.json", "x.o"]);
    assert_eq!(names(&backend), names(&compile));
}
