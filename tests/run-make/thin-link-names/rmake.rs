// A build system has to know the files of a crate before the next compile: their names depend on
// the crate and its codegen units alone, with `-Cincremental` too.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use run_make_support::thin_link::{Files, take_files, thin_link_objects, thin_link_rustc};
use run_make_support::{Rustc, rfs};

const EVERY_KIND: &str = "obj,asm,llvm-bc,llvm-ir,metadata,link,thin-link-bitcode";

fn main() {
    for (crate_type, units) in [("lib", 16), ("lib", 1), ("cdylib", 16), ("cdylib", 1)] {
        for emit in ["obj,thin-link-bitcode", EVERY_KIND] {
            println!("{crate_type} {units} {emit}");
            incremental(crate_type, units, emit);
        }
    }
    one_folder_for_two_caches();
}

fn compile(crate_type: &str, units: usize) -> Rustc {
    let mut rustc = thin_link_rustc();
    rustc.input("library.rs").crate_type(crate_type).codegen_units(units).out_dir("out");
    rustc
}

/// Runs the session, checks what it leaves in `out`, and returns it.
fn run(rustc: &mut Rustc) -> Files {
    rustc.run();
    thin_link_objects("out");
    take_files("out")
}

/// With an empty cache, with another one, and with one that is full.
fn incremental(crate_type: &str, units: usize, emit: &str) {
    let compile = |cache| run(compile(crate_type, units).emit(emit).incremental(cache));
    let first = compile("cache");
    assert!(first.len() >= 2, "{:?}", first.keys());
    for cache in ["another", "cache"] {
        let other = compile(cache);
        assert!(other.keys().eq(first.keys()), "{:?} {:?}", other.keys(), first.keys());
    }
    rfs::remove_dir_all("cache");
    rfs::remove_dir_all("another");
}

/// An output may be a hard link into the cache of the session that wrote it. A session with another
/// cache replaces it, and does not write through it.
fn one_folder_for_two_caches() {
    let compile = |cache| {
        let mut rustc = compile("cdylib", 16);
        rustc.emit(EVERY_KIND).incremental(cache).arg("-g").arg("-Csplit-debuginfo=unpacked");
        rustc
    };
    compile("cache").run();
    let source = rfs::read_to_string("library.rs");
    rfs::write("library.rs", source.replace("value * 2", "value * 3"));
    compile("another").run();
    rfs::write("library.rs", source);
    rfs::remove_dir_all("out");
    let found = run(&mut compile("cache"));
    let expected = run(&mut compile("fresh"));
    assert!(found.keys().eq(expected.keys()), "{:?} {:?}", found.keys(), expected.keys());
    for (name, content) in &expected {
        assert!(found[name] == *content, "{name}");
    }
}
