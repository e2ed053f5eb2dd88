// Modules of clang and rustc take part in one thin link, Rust importing C and C importing Rust. The
// backends of rustc and of clang each take the modules of both compilers: every mix of backends links
// and runs.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::path::{Path, PathBuf};

use run_make_support::llvm::{llvm_bin_dir, llvm_nm};
use run_make_support::thin_link::{index_of, link_program, thin_link_rustc, thinlto_backend};
use run_make_support::{cmd, cwd, has_suffix, rfs, shallow_find_files, target};

fn main() {
    rfs::create_dir("bitcode");
    clang(&["-O2", "-flto=thin", "-fPIC", "-c", "helper.c", "-o", "bitcode/helper.o"]);
    for (source, crate_type) in [("scale.rs", "lib"), ("program.rs", "bin")] {
        let mut rustc = thin_link_rustc();
        rustc.opt().input(source).crate_type(crate_type).codegen_units(1);
        rustc.emit("obj,thin-link-bitcode").out_dir("bitcode").run();
    }
    let mut objects = shallow_find_files("bitcode", |path| {
        has_suffix(path, ".o") && !has_suffix(path, ".indexing.o")
    });
    objects.sort();
    assert_eq!(objects.len(), 4, "helper, scale, program and shim: {objects:?}");
    link_program(objects.clone())
        .arg("-Wl,--thinlto-index-only=linked.txt,--thinlto-emit-imports-files")
        .run();
    for (importer, imported) in [("program", "helper"), ("helper", "scale")] {
        let imports = rfs::read_to_string(format!("bitcode/{importer}.o.imports"));
        assert!(imports.contains(&format!("bitcode/{imported}.o\n")), "{importer}: {imports}");
    }

    for folder in ["rustc", "clang"] {
        rfs::create_dir(folder);
    }
    for object in &objects {
        thinlto_backend(object)
            .emit("obj")
            .output(in_folder("rustc", object))
            .run()
            .assert_stderr_equals("");
        clang(&[
            &format!("--target={}", target()),
            &format!("-fthinlto-index={}", index_of(object).display()),
            "-O3",
            "-fPIC",
            "-c",
            "-x",
            "ir",
            object.to_str().unwrap(),
            "-o",
            in_folder("clang", object).to_str().unwrap(),
        ]);
    }
    // Imported code is inlined, so the calls between the languages are gone.
    for compiler in ["rustc", "clang"] {
        for (module, callee) in [("program", "U helper\n"), ("helper", "U scale\n")] {
            let object = format!("{compiler}/{module}.o");
            let symbols = llvm_nm().input(&object).run().stdout_utf8();
            assert!(!symbols.contains(callee), "{object}: {symbols}");
        }
    }

    for mix in 0..1 << objects.len() {
        let natives = objects.iter().enumerate().map(|(number, object)| {
            in_folder(if mix >> number & 1 == 0 { "rustc" } else { "clang" }, object)
        });
        link_program(natives).args(["-o", "program"]).run();
        cmd(cwd().join("program")).run().assert_stdout_equals("5 15");
    }
}

fn clang(arguments: &[&str]) {
    cmd(llvm_bin_dir().join("clang")).args(arguments).run();
}

fn in_folder(folder: &str, object: &Path) -> PathBuf {
    Path::new(folder).join(object.file_name().unwrap())
}
