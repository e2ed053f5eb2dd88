// rustc as the backend of distributed ThinLTO: compile, thin link over the summaries, a backend for
// each module, link. The program runs and the import took place; the bytes do not depend on when
// and where the backend runs; each kind of output is what it is called; and the result is what
// clang's backend makes of the same module, as far as the symbols go.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::path::{Path, PathBuf};

use run_make_support::llvm::{llvm_bin_dir, llvm_dis, llvm_nm};
use run_make_support::thin_link::{
    index_of, link_program, thin_link_objects, thin_link_program, thin_link_rustc, thinlto_backend,
};
use run_make_support::{bare_rustc, cmd, cwd, rfs, serde_json};

fn main() {
    for (source, crate_type) in [("library.rs", "rlib"), ("program.rs", "bin")] {
        let mut rustc = thin_link_rustc();
        rustc.opt().input(source).crate_type(crate_type).codegen_units(1).out_dir("bitcode");
        rustc.arg("-Lbitcode").emit("link,obj,thin-link-bitcode").run();
    }
    let objects = thin_link_objects("bitcode");
    assert_eq!(objects.len(), 3, "library, program and shim: {objects:?}");
    thin_link_program(&objects);

    rfs::create_dir("native");
    let natives: Vec<PathBuf> = objects.iter().map(|object| native(object)).collect();
    for (object, native) in objects.iter().zip(&natives) {
        thinlto_backend(object).emit("obj").output(native).run().assert_stderr_equals("");
    }
    link_program(natives.clone()).arg("-o").arg("program").run();
    cmd(cwd().join("program")).run().assert_stdout_equals("1 23");

    let program = Path::new("bitcode/program.o");
    imports_took_place(&native(program));
    deterministic(program);
    kinds(program);
    announced(program);
    remapped(program);
    empty_index(program);
    not_selected(program);
    workload();
}

fn native(object: &Path) -> PathBuf {
    Path::new("native").join(object.file_name().unwrap())
}

/// The undefined and the defined symbols of an object, a line each.
fn symbols(object: &Path) -> String {
    llvm_nm().input(object).arg("--demangle").run().stdout_utf8()
}

/// `library::weigh` is inlined into the program: its object does not mention it any more.
fn imports_took_place(native: &Path) {
    let symbols = symbols(native);
    assert!(
        symbols.contains("T program::main") || symbols.contains("t program::main"),
        "{symbols}"
    );
    assert!(!symbols.contains("library::weigh"), "{symbols}");
    // What it used of the library's own is promoted.
    assert!(symbols.contains("U library::LARGEST (.llvm."), "{symbols}");
}

/// The same bytes again, from another folder, under another name, with other threads.
fn deterministic(object: &Path) {
    let expected = rfs::read(native(object));
    rfs::create_dir_all("elsewhere/bitcode");
    for file in rfs::read_dir("bitcode") {
        let file = file.unwrap().path();
        rfs::copy(&file, Path::new("elsewhere").join(&file));
    }
    for round in 0..3 {
        let mut backend = thinlto_backend(object);
        backend.current_dir("elsewhere").emit("obj").output(format!("{round}.o")).run();
        let found = rfs::read(format!("elsewhere/{round}.o"));
        assert!(found == expected, "round {round}");
        let text = String::from_utf8_lossy(&found);
        assert!(!text.contains(cwd().to_str().unwrap()), "the path of the machine");
    }
}

/// Assembly, LLVM IR and bitcode, in one run with the object, which is the same as alone.
fn kinds(object: &Path) {
    rfs::create_dir("kinds");
    thinlto_backend(object).emit("obj,asm,llvm-ir,llvm-bc").out_dir("kinds").run();
    assert!(rfs::read("kinds/program.o") == rfs::read(native(object)));
    let assembly = rfs::read_to_string("kinds/program.s");
    assert!(assembly.contains("\nmain:\n"), "{assembly}");
    cmd(llvm_bin_dir().join("clang"))
        .args(["-c", "kinds/program.s", "-o", "kinds/assembled.o"])
        .run();
    assert_eq!(symbols(Path::new("kinds/assembled.o")), symbols(&native(object)));
    let ir = rfs::read_to_string("kinds/program.ll");
    assert!(ir.contains("\ndefine ") && ir.contains(" @main("), "{ir}");
    llvm_dis().input("kinds/program.bc").arg("-o").arg("kinds/dis.ll").run();
    assert!(rfs::read_to_string("kinds/dis.ll").contains(" @main("));
    for alone in ["asm", "llvm-ir", "llvm-bc"] {
        thinlto_backend(object).emit(alone).output("alone").run();
        // Names of values are kept where IR is asked for, so these differ from the object's run.
        let expected = rfs::read("alone");
        assert!(!expected.is_empty(), "{alone}");
        for place in ["-", "/dev/stdout"] {
            let output = thinlto_backend(object).emit(alone).output(place).run();
            assert!(output.stdout() == expected, "{alone} to {place}");
        }
    }
}

/// `--json=artifacts` names each output.
fn announced(object: &Path) {
    rfs::create_dir("announced");
    let mut backend = thinlto_backend(object);
    backend.emit("obj,asm").out_dir("announced").error_format("json").json("artifacts");
    let stderr = backend.run().stderr_utf8();
    let mut found: Vec<(String, String)> = stderr
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            (text("emit"), text("artifact"))
        })
        .collect();
    found.sort();
    let expected = [("asm", "announced/program.s"), ("obj", "announced/program.o")];
    assert_eq!(found, expected.map(|(kind, path)| (kind.to_owned(), path.to_owned())));
}

/// The bitcode is found where `-Zthinlto-remap-module` says, also by a prefix.
fn remapped(object: &Path) {
    rfs::rename("bitcode", "moved");
    let moved = Path::new("moved").join(object.file_name().unwrap());
    for map in ["bitcode=moved", "bitcode/=moved/", "./bitcode=./moved"] {
        let mut backend = thinlto_backend(&moved);
        backend.arg(format!("-Zthinlto-remap-module={map}")).emit("obj").output("moved.o").run();
        assert!(rfs::read("moved.o") == rfs::read(native(object)), "{map}");
    }
    rfs::rename("moved", "bitcode");
    // The index says `bitcode/program.o`.
    for same in ["./bitcode/program.o", "bitcode/../bitcode//program.o"] {
        let mut backend = bare_rustc();
        backend.opt().arg("-Zunstable-options").input(same).emit("obj").output("same.o");
        backend.arg(format!("-Zthinlto-index={}", index_of(object).display())).run();
        assert!(rfs::read("same.o") == rfs::read(native(object)), "{same}");
    }
}

/// An empty index asks for code without ThinLTO: nothing is imported.
fn empty_index(object: &Path) {
    rfs::rename(index_of(object), "index");
    rfs::write(index_of(object), "");
    thinlto_backend(object).emit("obj").output("empty.o").run();
    let found = symbols(Path::new("empty.o"));
    assert!(found.contains("U library::weigh"), "{found}");
    assert!(found.contains("T main"), "{found}");
    rfs::rename("index", index_of(object));
}

/// For a module that it did not select, the linker wants an object with nothing in it.
fn not_selected(object: &Path) {
    // A library that nothing refers to, in `--start-lib`, so that it is not selected.
    rfs::write("unused.rs", "#[no_mangle] pub fn unused() {}");
    let mut rustc = thin_link_rustc();
    rustc.opt().input("unused.rs").crate_type("lib").codegen_units(1);
    rustc.emit("obj,thin-link-bitcode").run();
    let mut link = link_program([]);
    link.arg("-Wl,--thinlto-index-only=linked.txt")
        .arg("-Wl,--thinlto-object-suffix-replace=.indexing.o;.o")
        .arg("-Wl,--start-lib")
        .arg("unused.indexing.o")
        .arg("-Wl,--end-lib")
        .arg(object.with_extension("indexing.o"))
        .arg("bitcode/library.indexing.o")
        .arg("-Wl,--unresolved-symbols=ignore-all")
        .run();
    thinlto_backend("unused.o").emit("obj").output("unused.native.o").run();
    let ours = symbols(Path::new("unused.native.o"));
    cmd(llvm_bin_dir().join("clang"))
        .args(["-O2", "-c", "-x", "ir", "unused.o", "-fthinlto-index=unused.o.thinlto.bc"])
        .args(["-Wno-override-module", "-o", "unused.clang.o"])
        .run();
    assert_eq!(ours, symbols(Path::new("unused.clang.o")));
    assert_eq!(ours, "");
}

/// The linker can be told what the module of a function imports. That may be unrelated to the
/// function, or call it, so that each of the two modules imports the whole other one.
fn workload() {
    let listed = "#[no_mangle] pub fn listed(x: u32) -> u32";
    imports_listed("unrelated", &format!("{listed} {{ x ^ 5 }}"));
    let root = "extern \"Rust\" { fn root(x: u32) -> u32; }";
    imports_listed("calls_root", &format!("{root} {listed} {{ unsafe {{ root(x) ^ 5 }} }}"));
}

fn imports_listed(folder: &str, listed: &str) {
    rfs::create_dir(folder);
    let root = "#[no_mangle] pub fn root(x: u32) -> u32 { x ^ 3 }";
    for (name, code) in [("root", root), ("listed", listed)] {
        let source = format!("{folder}/{name}.rs");
        rfs::write(&source, code);
        let mut rustc = thin_link_rustc();
        rustc.opt().input(source).crate_type("lib").codegen_units(1).out_dir(folder);
        rustc.emit("obj,thin-link-bitcode").run();
    }
    rfs::write(format!("{folder}/imports.json"), r#"{"root": ["listed"]}"#);
    cmd(llvm_bin_dir().join("ld.lld"))
        .args(["-shared", "-o", "shared.so", "-mllvm"])
        .arg(format!("-thinlto-workload-def={folder}/imports.json"))
        .args(["--thinlto-index-only", "--thinlto-object-suffix-replace=.indexing.o;.o"])
        .arg(format!("{folder}/root.indexing.o"))
        .arg(format!("{folder}/listed.indexing.o"))
        .run();
    let mut backend = thinlto_backend(format!("{folder}/root.o"));
    backend.arg("-Csave-temps").emit("obj").output(format!("{folder}/native.o")).run();
    let imported = format!("{folder}/native.thin-lto-after-import.bc");
    llvm_dis().input(imported).arg("-o").arg("imported.ll").run();
    let ir = rfs::read_to_string("imported.ll");
    let listed = ir.lines().find(|line| line.contains(" @listed(")).unwrap();
    assert!(listed.starts_with("define available_externally "), "{ir}");
    let symbols = symbols(&Path::new(folder).join("native.o"));
    assert_eq!(symbols, "0000000000000000 T root\n");
}
