// A backend generates what `-Clto=thin` generates in one process.
//
// The two see the same modules: the library is the same rlib of bitcode, and the program is compiled
// for ThinLTO in both. `core`, which one process would import from as well, has nothing in it that
// the two crates call and have not instantiated themselves. What is left to differ:
// - names: what a module keeps to itself and another imports gets a hash of the module in its name.
//   The library has nothing of that kind;
// - what the linker knows of symbols: it tells the module that defines a symbol whether another one
//   may take its place, so addresses are loaded from elsewhere there. So the program's module is
//   compared as it is, and the library's by its functions and the number of their instructions.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux
//@ only-x86_64

use std::path::Path;

use run_make_support::llvm::{llvm_bin_dir, llvm_objdump};
use run_make_support::rustc::Rustc;
use run_make_support::thin_link::{thin_link_rustc, thinlto_backend};
use run_make_support::{cmd, has_suffix, rfs, rustc, shallow_find_files};

fn main() {
    for level in ["1", "2", "3", "s", "z"] {
        let folder = format!("level-{level}");
        rfs::create_dir(&folder);
        compared(level, Path::new(&folder));
    }
}

fn compared(level: &str, folder: &Path) {
    let compile = |rustc: &mut Rustc, source: &str, crate_type: &str| {
        rustc.opt_level(level).input(source).crate_type(crate_type).codegen_units(1);
        rustc.panic("abort").arg(format!("-L{}", folder.display()));
        // Inlining is left to LLVM.
        rustc.arg("-Zcross-crate-inline-threshold=never");
    };
    let mut library = thin_link_rustc();
    compile(&mut library, "library.rs", "rlib");
    library.emit("link,obj,thin-link-bitcode").out_dir(folder).run();
    let mut program = thin_link_rustc();
    compile(&mut program, "program.rs", "staticlib");
    program.emit("obj,thin-link-bitcode").out_dir(folder).run();

    cmd(llvm_bin_dir().join("ld.lld"))
        .current_dir(folder)
        .args(["-e", "entry", "program.indexing.o", "library.indexing.o"])
        .args(["--thinlto-index-only", "--thinlto-emit-imports-files"])
        .arg("--thinlto-object-suffix-replace=.indexing.o;.o")
        .run();
    assert_eq!(rfs::read_to_string(folder.join("program.o.imports")), "library.o\n");
    for module in ["program", "library"] {
        let mut backend = thinlto_backend(format!("{module}.o"));
        backend.current_dir(folder).opt_level(level).emit("obj");
        backend.output(format!("{module}.native.o")).run();
    }

    let one_process = folder.join("one-process");
    let mut program = rustc();
    compile(&mut program, "program.rs", "staticlib");
    program.args(["-Clto=thin", "-Csave-temps"]).out_dir(&one_process).run();
    let module = |of: &str| {
        let prefix = format!("program.{of}.");
        let mut found = shallow_find_files(&one_process, |path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(&prefix) && has_suffix(path, ".rcgu.o")
        });
        assert_eq!(found.len(), 1, "{prefix}: {found:?}");
        found.pop().unwrap()
    };

    let expected = disassembly(&module("program"));
    let found = disassembly(&folder.join("program.native.o"));
    assert!(found.contains("<entry>:") && !found.contains("library5weigh"), "{found}");
    assert_eq!(found, expected, "{level}");

    let expected = functions(&disassembly(&module("library")));
    let found = functions(&disassembly(&folder.join("library.native.o")));
    assert_eq!(found, expected, "{level}");
    assert!(found.iter().any(|(name, length)| name.contains("large") && *length > 20), "{found:?}");
}

/// The instructions and relocations of an object.
fn disassembly(object: &Path) -> String {
    let mut objdump = llvm_objdump();
    objdump.disassemble().arg("--reloc").arg("--no-show-raw-insn").input(object);
    let text = objdump.run().stdout_utf8();
    // The first line names the file.
    text.trim_start().split_once('\n').unwrap().1.to_owned()
}

/// The functions in a disassembly, each with the number of its instructions.
fn functions(disassembly: &str) -> Vec<(String, usize)> {
    let mut functions = Vec::new();
    for line in disassembly.lines() {
        if let Some(name) = line.strip_suffix(">:") {
            functions.push((name.split_once('<').unwrap().1.to_owned(), 0));
        } else if line.contains(":      \t") || line.trim_start().contains(":\t") {
            functions.last_mut().unwrap().1 += 1;
        }
    }
    functions
}
