// With split LTO units the writer may divide a module into a ThinLTO module and a regular LTO
// module, and it changes the module as it does so. Object and summary come from one run of the
// writer: both are divided alike and carry the same hash, which a backend checks.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::path::Path;

use run_make_support::thin_link::{summary_of, thin_link_objects, thin_link_rustc};
use run_make_support::{llvm_bcanalyzer, rfs};

const CFI: [&str; 2] = ["-Zsanitizer=cfi", "-Cunsafe-allow-abi-mismatch=sanitizer"];

fn main() {
    for level in ["-Copt-level=0", "-Copt-level=3"] {
        for units in [1, 2] {
            check(units, &["-Zsplit-lto-unit", level], false);
            check(units, &[&["-Zsplit-lto-unit", level], &CFI[..]].concat(), true);
            // CFI asks for split units by itself.
            check(units, &[&[level], &CFI[..]].concat(), true);
        }
    }
}

/// Compiles the library, and checks that objects and summaries fit, and whether the module with
/// the vtable is divided.
fn check(units: usize, flags: &[&str], divided: bool) {
    println!("{units} units, {flags:?}");
    let mut rustc = thin_link_rustc();
    rustc.input("library.rs").crate_type("lib").codegen_units(units).args(flags);
    rustc.emit("obj,thin-link-bitcode").out_dir("out").run();
    let objects = thin_link_objects("out");
    // Optimized, the library is small enough for one unit.
    assert!((1..=units).contains(&objects.len()), "{objects:?}");
    let mut modules = 0;
    for object in &objects {
        let of_object = module_records(object);
        assert_eq!(of_object, module_records(&summary_of(object)), "{}", object.display());
        modules += of_object.iter().filter(|record| *record == "<MODULE_BLOCK").count();
    }
    assert_eq!(modules > objects.len(), divided, "{modules} modules");
    rfs::remove_dir_all("out");
}

/// For each module in a bitcode file that it begins, its hash if it has one, and the flags of its
/// summary, which say that LTO units are split.
fn module_records(bitcode: &Path) -> Vec<String> {
    let dump = llvm_bcanalyzer().arg("--dump").input(bitcode).run().invalid_stdout_utf8();
    let mut records = Vec::new();
    for line in dump.lines().map(str::trim_start) {
        if line.starts_with("<MODULE_BLOCK ") {
            records.push("<MODULE_BLOCK".to_owned());
        } else if line.starts_with("<HASH ") {
            records.push(line.to_owned());
        } else if line.starts_with("<FLAGS ") {
            assert_eq!(line, "<FLAGS op0=8/>", "{}", bitcode.display());
            records.push(line.to_owned());
        }
    }
    records
}
