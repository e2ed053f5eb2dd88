//! Runs the tool on a program of ten modules, with the compiler that `./x.py test` has tested. Without
//! it, with the one that compiles this test: a release writes pairs as well in the mode that the tool
//! uses, if the linker can read its LLVM's summaries.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::{env, fs};

use serde_json::Value;

fn scale(work_dir: &Path) -> Output {
    let tested = env::var_os("TESTED_RUSTC").or_else(|| env::var_os("RUSTC"));
    let rustc = tested.unwrap_or("rustc".into());
    let output = Command::new(env!("CARGO_BIN_EXE_scale"))
        .arg("--rustc")
        .arg(rustc)
        .arg("--cargo")
        .arg(env!("CARGO"))
        .arg("--work-dir")
        .arg(work_dir)
        .args(["--modules", "10", "--runs", "2"])
        // For `-Z` on a release.
        .env("RUSTC_BOOTSTRAP", "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    output
}

/// The sizes of the files in `dir` that end with `suffix` but not with `other`.
fn sizes(dir: &Path, suffix: &str, other: &str) -> Vec<u64> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| {
        let name = entry.file_name().into_string().unwrap();
        name.ends_with(suffix) && !name.ends_with(other)
    });
    files.map(|entry| entry.metadata().unwrap().len()).collect()
}

#[test]
fn measures_both_thin_links() {
    let dir = tempfile::tempdir().unwrap();
    let first = scale(dir.path());
    let told = String::from_utf8_lossy(&first.stderr);
    assert!(told.contains("10 modules: thin links"), "{told}");
    assert!(told.contains("Checking c000"), "{told}");

    let json = fs::read_to_string(dir.path().join("scale.json")).unwrap();
    let report: Value = serde_json::from_str(&json).unwrap();
    let [program] = report["programs"].as_array().unwrap().as_slice() else {
        panic!("{json}");
    };
    assert_eq!(program["modules"], 10);
    // Modules of a real program import from others.
    assert!(program["imports"].as_u64().unwrap() >= 10, "{json}");
    assert!(program["index_bytes"].as_u64().unwrap() > 1000, "{json}");

    // The thin links read the files that the compiler wrote.
    let target = dir.path().join("10/target");
    let hosts = fs::read_dir(target)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let deps: Vec<_> = hosts
        .map(|host| host.join("release/deps"))
        .filter(|deps| deps.exists() && !sizes(deps, ".indexing.o", "-").is_empty())
        .collect();
    let [deps] = deps.as_slice() else {
        panic!("{deps:?}")
    };
    for (input, files) in [
        ("summaries", sizes(deps, ".indexing.o", "-")),
        ("bitcode", sizes(deps, ".o", ".indexing.o")),
    ] {
        let measured = &program[input];
        assert_eq!(files.len(), 10);
        assert_eq!(measured["input_bytes"], files.iter().sum::<u64>());
        // lld needs more than the lower bound, and far less than the upper.
        let peak = measured["peak_bytes"]["median"].as_f64().unwrap();
        assert!((1e6..1e9).contains(&peak), "{json}");
        let seconds = &measured["seconds"];
        let [least, median, most] =
            ["least", "median", "most"].map(|of| seconds[of].as_f64().unwrap());
        assert!(0.0 < least && least <= median && median <= most, "{json}");
    }

    let svg = fs::read_to_string(dir.path().join("scale.svg")).unwrap();
    for text in ["over summaries", "over bitcode", "Bytes read", "modules"] {
        assert!(svg.contains(text), "{text} is not in the chart");
    }
    let table = String::from_utf8(first.stdout).unwrap();
    let rows: Vec<_> = table
        .lines()
        .filter(|line| line.contains(" |      10 |"))
        .collect();
    assert_eq!(rows.len(), 2, "{table}");

    // Only results and programs stay.
    let names = || {
        let entries = fs::read_dir(dir.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect::<BTreeSet<_>>()
    };
    let expected = ["10", "scale.json", "scale.svg"].map(str::to_owned);
    assert_eq!(names(), BTreeSet::from(expected));

    let again = scale(dir.path());
    let told = String::from_utf8_lossy(&again.stderr);
    assert!(!told.contains("Checking"), "{told}");
}
