// A summary is what LLVM's own tools make of the bitcode beside it.
//
// `opt` writes a summary while it writes bitcode, and cannot write the very bytes of the object
// again: it adds a module flag (`EnableSplitLTOUnit`) and resets the attributes of intrinsics, so
// the hash of the module is another. Hence two comparisons, which together leave no byte out:
//
// - Every record and every blob of the summary is the one in the summary that
//   `opt -thinlto-bc -thin-link-bitcode-file=` makes from the object, but for the module hash.
// - That hash, in the object and in the summary, is the one that `llvm-bcanalyzer --check-hash`
//   computes from the object.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::path::Path;

use run_make_support::llvm::llvm_bin_dir;
use run_make_support::regex::Regex;
use run_make_support::thin_link::{
    bitcode_records, summary_of, thin_link_objects, thin_link_rustc,
};
use run_make_support::{cmd, llvm_bcanalyzer, rfs};

fn main() {
    for level in ["0", "1", "2", "3", "s", "z"] {
        for debuginfo in ["0", "2"] {
            for units in [1, 3] {
                println!("level {level}, debuginfo {debuginfo}, {units} units");
                check_modules(
                    units,
                    &[&format!("-Copt-level={level}"), &format!("-Cdebuginfo={debuginfo}")],
                );
            }
        }
    }
}

fn check_modules(units: usize, flags: &[&str]) {
    thin_link_rustc()
        .args(flags)
        .codegen_units(units)
        .input("program.rs")
        .emit("obj,thin-link-bitcode")
        .out_dir("out")
        .run();
    let objects = thin_link_objects("out");
    assert_eq!(objects.len(), units + 1, "the units and the allocator shim: {objects:?}");
    for object in objects {
        let summary = bitcode_records(&summary_of(&object));
        assert_eq!(without_hash(&summary), without_hash(&summary_by_opt(&object)), "{object:?}");
        assert!(checked_hash(&object).ends_with("(match)/>"), "{object:?}");
    }
    rfs::remove_dir_all("out");
}

/// Returns the records of the summary that `opt` makes from `object` without running a pass.
fn summary_by_opt(object: &Path) -> String {
    cmd(llvm_bin_dir().join("opt"))
        .arg("-thinlto-bc")
        .arg("-thin-link-bitcode-file=by-opt.indexing.o")
        .args(["-o", "by-opt.o"])
        .arg(object)
        .run();
    bitcode_records(Path::new("by-opt.indexing.o"))
}

/// Leaves out the module hash, and the size of the module block, which depends on how many bits the
/// hash takes.
fn without_hash(records: &str) -> String {
    let hash_or_size = Regex::new(r"<HASH [^>]*>|<MODULE_BLOCK NumWords=\d+").unwrap();
    hash_or_size.replace_all(records, "").into_owned()
}

/// Returns the hash record of `object` with the judgement of `llvm-bcanalyzer`, which wants the
/// names of the symbols: they precede the rest of the string table.
fn checked_hash(object: &Path) -> String {
    let records = bitcode_records(object);
    let (_, table) = records.split_once("<STRTAB_BLOCK ").unwrap();
    let (_, strings) = table.split_once("blob data = '").unwrap();
    let names_end = Regex::new(r"<(?:GLOBALVAR|FUNCTION|ALIAS)\b.* op0=(\d+) op1=(\d+)")
        .unwrap()
        .captures_iter(&records)
        .map(|symbol| symbol[1].parse::<usize>().unwrap() + symbol[2].parse::<usize>().unwrap())
        .max()
        .unwrap();
    let dump = llvm_bcanalyzer()
        .arg("--dump")
        .arg(format!("--check-hash={}", &strings[..names_end]))
        .input(object)
        .run()
        .invalid_stdout_utf8();
    dump.lines().find(|line| line.contains("<HASH ")).unwrap().to_owned()
}
