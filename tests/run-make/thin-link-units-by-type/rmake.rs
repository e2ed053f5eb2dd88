// Under `-Cincremental`, an edit of a module that needs more drop glue and more instances of std's
// functions changes no unit but those of this module. Others would import from a unit with the drop
// glue of all types, and a linker optimizes a module again if one has changed from which it imports.
// Without a flag of ThinLTO across modules, the units are those of upstream.

//@ ignore-cross-compile
//@ needs-backends: llvm

use run_make_support::llvm::llvm_nm;
use run_make_support::rfs;
use run_make_support::rustc::Rustc;
use run_make_support::thin_link::{Files, std_lto_rustc, take_files, thin_link_rustc};

fn main() {
    edits(thin_link_rustc, "obj,thin-link-bitcode", true);
    edits(std_lto_rustc, "obj", true);
    edits(thin_link_rustc, "obj", false);
}

/// Edits the library, with the cache that all calls share. `by_type` says whether only units of the
/// edited module change.
fn edits(rustc: fn() -> Rustc, emit: &str, by_type: bool) {
    let compile = |cache, more_in_left: &str, dropped: u32| {
        rfs::write("library.rs", library(more_in_left, dropped));
        let mut rustc = rustc();
        rustc.input("library.rs").crate_type("lib").opt_level("3").codegen_units(256);
        rustc.incremental(cache).emit(emit).out_dir("out").run();
        let objects =
            take_files("out").into_iter().filter(|(name, _)| !name.ends_with(".indexing.o"));
        // Without summaries, names have a part that differs from session to session.
        let unit_of = |name: &str| name.split('.').nth(1).unwrap().to_owned();
        objects.map(|(name, object)| (unit_of(&name), object)).collect::<Files>()
    };
    let more = "pub struct More(Vec<Dropped>, Option<String>);\n\
        pub fn more(all: Vec<Vec<Dropped>>) -> Vec<More> {\n\
            let mut list = Vec::new();\n\
            all.into_iter().map(|one| More(one, None)).for_each(|one| list.push(one));\n\
            list\n\
        }\n\
        pub fn drop_more(_: Vec<More>) {}\n";
    let first = compile("cache", "", 1);
    // The cache is that of sessions with other flags.
    assert!(compile("cache-of-its-own", "", 1) == first);
    let with_more = compile("cache", more, 1);
    let with_other_drop = compile("cache", more, 2);
    for (before, after) in [(&first, &with_more), (&with_more, &with_other_drop)] {
        let functions = changed_functions(before, after);
        assert!(functions.iter().any(|name| name.contains("left")), "{functions:#?}");
        let are_of_left = functions.iter().all(|name| name.contains("left"));
        assert_eq!(are_of_left, by_type, "{functions:#?}");
    }
    rfs::remove_dir_all("cache-of-its-own");
}

/// A library with two modules that differ in names, in a number in a `Drop::drop`, and in the code
/// `more_in_left`.
fn library(more_in_left: &str, dropped_in_left: u32) -> String {
    let module = |name: &str, dropped: u32, more: &str| {
        format!(
            "pub mod {name} {{\n\
                pub struct Dropped(String);\n\
                impl Drop for Dropped {{\n\
                    fn drop(&mut self) {{ println!(\"{dropped} {{}}\", self.0) }}\n\
                }}\n\
                pub fn all(names: &[&str]) -> Vec<Dropped> {{\n\
                    let mut list = Vec::new();\n\
                    names.iter().for_each(|name| list.push(Dropped(name.to_string())));\n\
                    list\n\
                }}\n\
                pub fn drop_all(_: Vec<Dropped>) {{}}\n\
                {more}\n\
            }}\n"
        )
    };
    module("left", dropped_in_left, more_in_left) + &module("right", 1, "")
}

/// The functions that others may import, in the units that are not as they were before.
fn changed_functions(before: &Files, after: &Files) -> Vec<String> {
    let changed = after.iter().filter(|&(unit, object)| before.get(unit) != Some(object));
    let functions = changed.flat_map(|(_, object)| {
        rfs::write("object.o", object);
        let options = ["--extern-only", "--defined-only", "--just-symbol-name", "--demangle"];
        let symbols = llvm_nm().args(options).input("object.o").run().stdout_utf8();
        symbols.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    functions.collect()
}
