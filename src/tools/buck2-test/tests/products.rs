//! Shared libraries and tests.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use buck2_test::project::Project;
use object::read::elf::ElfFile64;
use object::{Object, ObjectSymbol};

const CALLER: &str = "\
#include <stdint.h>
#include <stdio.h>
uint64_t capi_product(uint64_t, uint64_t);
int main(void) { printf(\"%lu\\n\", capi_product(6, 7)); }
";

#[test]
fn a_shared_library_is_used_by_c() {
    let project = Project::new().unwrap();
    let library = project.build("//example/capi:capi").unwrap().output;
    let data = fs::read(&library).unwrap();
    let file: ElfFile64 = ElfFile64::parse(&*data).unwrap();
    let exported: BTreeSet<_> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition())
        .map(|symbol| symbol.name().unwrap())
        .collect();
    assert_eq!(exported, BTreeSet::from(["capi_product"]));
    // No relocation is left for the function that was imported from another crate.
    assert!(
        !file
            .symbols()
            .any(|symbol| symbol.name().unwrap().contains("product")
                && symbol.name().unwrap() != "capi_product")
    );

    project.add("caller.c", CALLER).unwrap();
    let root = project.root();
    let folder = library.parent().unwrap();
    let compiled = Command::new("clang-22")
        .args(["caller.c", "-o", "caller", "-lcapi", "-L"])
        .arg(folder)
        .current_dir(&root)
        .status();
    assert!(compiled.unwrap().success());
    let ended = Command::new(root.join("caller"))
        .env("LD_LIBRARY_PATH", folder)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), "42\n");
}

#[test]
fn a_test_runs_and_fails() {
    let project = Project::new().unwrap();
    let run = || {
        let test = project
            .build("//example/numbers:numbers-test")
            .unwrap()
            .output;
        let ended = Command::new(test).output().unwrap();
        (
            ended.status.success(),
            String::from_utf8(ended.stdout).unwrap(),
        )
    };
    let (success, text) = run();
    assert!(
        success && text.contains("test result: ok. 2 passed"),
        "{text}"
    );
    project
        .edit(
            "example/numbers/src/lib.rs",
            "[left, right].iter().product()",
            "left + right",
        )
        .unwrap();
    let (success, text) = run();
    assert!(
        !success && text.contains("test tests::products ... FAILED"),
        "{text}"
    );
}
