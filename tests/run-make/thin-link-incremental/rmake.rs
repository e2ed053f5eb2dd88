// Under `-Cincremental` summaries are work products like the objects beside them: every session
// leaves all of them, whether it compiles a codegen unit or takes it from the cache, and they are
// those of a session that had no cache. Their names depend on nothing but the crate and its units.

//@ ignore-cross-compile
//@ needs-backends: llvm

use std::path::Path;

use run_make_support::thin_link::{Files, take_files, thin_link_objects, thin_link_rustc};
use run_make_support::{has_suffix, rfs, shallow_find_files};

fn main() {
    for crate_type in ["lib", "cdylib"] {
        edits_of_a_library(crate_type, 1);
        edits_of_a_library(crate_type, 64);
    }
    cache_without_summaries();
}

/// Compiles a library again and again with one cache: as it was, with one function changed, with
/// one unit removed.
fn edits_of_a_library(crate_type: &str, units: usize) {
    let compile = |cache| compile(crate_type, units, cache);
    write_library(&[("one", 1), ("two", 2), ("three", 3)]);
    let first = compile("cache");
    let shims = usize::from(crate_type == "cdylib");
    let pairs = first.len() / 2 - shims;
    assert!(if units == 1 { pairs == 1 } else { pairs >= 3 }, "{:?}", first.keys());
    assert!(compile("cache") == first, "nothing changed");
    assert!(compile("cache-of-its-own") == first);

    write_library(&[("one", 1), ("two", 20), ("three", 3)]);
    let changed = compile("cache");
    let changed_files = changed.iter().filter(|&(name, content)| first[name] != *content);
    assert_eq!(changed_files.count(), 2, "an object and its summary");
    assert!(compile("cache-of-its-own") == changed);

    write_library(&[("one", 1), ("three", 3)]);
    let removed = compile("cache");
    let removed_files = if units == 1 { 0 } else { 2 };
    assert_eq!(removed.len(), first.len() - removed_files, "{:?}", removed.keys());
    assert!(removed.keys().all(|name| first.contains_key(name)), "{:?}", removed.keys());
    assert!(compile("cache-of-its-own") == removed);

    rfs::remove_dir_all("cache");
}

/// A cache that lost its summaries, or was filled by sessions that wrote none, is no reason to
/// leave one out.
fn cache_without_summaries() {
    write_library(&[("one", 1), ("two", 2)]);
    rustc_library("cdylib", 16, "cache", "obj");
    rfs::remove_dir_all("out");
    let modules = compile("cdylib", 16, "cache");
    assert!(compile("cdylib", 16, "cache-of-its-own") == modules);

    let mut lost = 0;
    rfs::read_dir_entries("cache", |of_crate| {
        rfs::read_dir_entries(of_crate, |session| {
            if session.is_dir() {
                lost += remove_summaries(session);
            }
        });
    });
    assert!(lost > 0);
    assert!(compile("cdylib", 16, "cache") == modules);
}

fn remove_summaries(folder: &Path) -> usize {
    let summaries = shallow_find_files(folder, |path| has_suffix(path, ".indexing.o"));
    summaries.iter().for_each(rfs::remove_file);
    summaries.len()
}

/// Writes a library with a module of one function for each name; each formats its number.
fn write_library(modules: &[(&str, u32)]) {
    let mut library = String::new();
    for (name, number) in modules {
        library += &format!(
            "pub mod {name} {{\n\
                 #[no_mangle]\n\
                 pub extern \"C\" fn {name}() -> usize {{ format!(\"{{}}\", {number}).len() }}\n\
             }}\n"
        );
    }
    rfs::write("library.rs", library);
}

/// Compiles the library with summaries and returns what it left in its output folder, once it was
/// checked that each object has its summary.
fn compile(crate_type: &str, units: usize, cache: &str) -> Files {
    rustc_library(crate_type, units, cache, "obj,thin-link-bitcode");
    thin_link_objects("out");
    take_files("out")
}

/// Runs rustc on the library. The cache called `cache-of-its-own` is empty each time.
fn rustc_library(crate_type: &str, units: usize, cache: &str, emit: &str) {
    if Path::new("cache-of-its-own").exists() {
        rfs::remove_dir_all("cache-of-its-own");
    }
    thin_link_rustc()
        .input("library.rs")
        .crate_type(crate_type)
        .incremental(cache)
        .codegen_units(units)
        .emit(emit)
        .out_dir("out")
        .run();
}
