//! Reports on programs whose modules are known.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use thinlto_report::report::{self, Args, Report};

use crate::build::{Build, Modules, source};

pub fn args() -> Args {
    Args {
        edit: None,
        time: false,
        html: None,
        json: false,
    }
}

fn edited(build: &Build, file: PathBuf) -> anyhow::Result<Report> {
    let args = Args {
        edit: Some(file),
        ..args()
    };
    report::report(&build.tested, &args)
}

fn crates_of_backends(report: &Report) -> Vec<&str> {
    let edit = report.edit.as_ref().unwrap();
    let modules = report.modules.iter();
    let again = modules.filter(|module| edit.backends.contains(&module.module));
    again.map(|module| module.crate_name.as_str()).collect()
}

#[test]
fn counts_are_those_of_the_files() {
    let build = Build::new(Modules::Pairs, &[]);
    let report = report::report(&build.tested, &args()).unwrap();
    let json: Value = serde_json::to_value(&report).unwrap();
    let size = |suffix: &str, but: &str| -> u64 {
        let files = fs::read_dir(build.dir.path())
            .unwrap()
            .map(|file| file.unwrap());
        let files = files.filter(|file| {
            let name = file.file_name().into_string().unwrap();
            name.ends_with(suffix) && (but.is_empty() || !name.ends_with(but))
        });
        files.map(|file| file.metadata().unwrap().len()).sum()
    };
    let counts = &json["counts"];
    assert_eq!(
        (&counts["modules"], &counts["selected_modules"]),
        (&3.into(), &3.into())
    );
    assert_eq!(counts["bitcode_bytes"], size(".o", ".indexing.o"));
    assert_eq!(counts["summary_bytes"], size(".indexing.o", ""));
    let whole = report
        .modules
        .iter()
        .find(|module| module.module == "whole.o")
        .unwrap();
    let backend = whole.backend.as_ref().unwrap();
    // `small`, `like::small`, `outer`, and functions of the allocator shim.
    assert!(backend.imported_functions >= 3, "{backend:?}");
    assert!(backend.imports.contains(&"parts.o".to_owned()));
    assert!(backend.own_instructions > 20 && backend.imported_instructions >= 20);
    assert_eq!(backend.seconds, None);
    let table = report.to_string();
    assert!(
        table.contains("| modules that the linker selected | "),
        "{table}"
    );
    assert!(table.contains("| parts.o "), "{table}");
}

#[test]
fn an_edit_runs_the_backends_that_read_its_modules() {
    for modules in [Modules::Pairs, Modules::Bitcode] {
        let build = Build::new(modules, &[]);
        let parts = edited(&build, source("parts.rs")).unwrap();
        assert_eq!(crates_of_backends(&parts), ["whole", "parts"]);
        let whole = edited(&build, source("whole.rs")).unwrap();
        assert_eq!(crates_of_backends(&whole), ["whole", "whole"]);
        assert!(
            parts
                .to_string()
                .contains("at most 2 of 3 backends, because parts is compiled again:"),
            "{parts}"
        );
        let error = helped::report(&edited(&build, source("area.cpp")).unwrap_err());
        assert!(
            error.starts_with("error: no module of the program is compiled from "),
            "{error}"
        );
        let error = helped::report(&edited(&build, build.path("missing.rs")).unwrap_err());
        assert!(error.starts_with("error: cannot read "), "{error}");
    }
    let build = Build::new(Modules::Pairs, &[]);
    let module = edited(&build, build.path("parts.o")).unwrap();
    assert_eq!(crates_of_backends(&module), ["whole", "parts"]);
}

#[test]
fn times_are_those_of_the_backends() {
    let build = Build::new(Modules::Pairs, &[]);
    let args = Args {
        time: true,
        ..args()
    };
    let report = report::report(&build.tested, &args).unwrap();
    let largest = report.largest();
    let seconds: Vec<_> = largest
        .iter()
        .map(|(_, backend)| backend.seconds.unwrap())
        .collect();
    assert_eq!(seconds.len(), 3);
    assert!(seconds.iter().all(|seconds| *seconds > 0.0), "{seconds:?}");
    assert!(
        seconds.is_sorted_by(|one, other| one >= other),
        "{seconds:?}"
    );
}
