//! Why functions are and are not imported.

use std::fs;
use std::process::Command;

use distributed::toolchain::find_llvm;
use serde_json::Value;
use thinlto_report::explain::answer::{Explanation, Module, Outcome};
use thinlto_report::explain::{self, Args};
use thinlto_report::linked::Linked;

use crate::build::{Build, Modules, succeed};

fn args(function: &str) -> Args {
    Args {
        function: function.to_owned(),
        into: None,
        json: false,
    }
}

fn explained(build: &Build, function: &str) -> Explanation {
    explain::explain(&build.tested, &args(function)).unwrap()
}

/// The lines of the answer behind the names and symbols of functions.
fn lines(explanation: &Explanation) -> Vec<String> {
    let text = explanation.to_string();
    let lines = text.lines().map(|line| line.trim().to_owned());
    lines
        .filter(|line| !line.starts_with("symbol ") && !line.is_empty())
        .collect()
}

fn error(build: &Build, function: &str) -> String {
    helped::report(&explain::explain(&build.tested, &args(function)).unwrap_err())
}

#[test]
fn each_reason_is_told() {
    for modules in [Modules::Pairs, Modules::Bitcode] {
        let build = Build::new(modules, &[]);
        let answer = |function: &str| lines(&explained(&build, function)).join("\n");

        let small = answer("parts::small");
        assert!(small.starts_with("parts::small\ndefined in "), "{small}");
        assert!(
            small.contains(" of parts: 8 instructions, linkage external\n"),
            "{small}"
        );
        assert!(
            small.contains("\ncalled in 1 module, imported into 1\n"),
            "{small}"
        );
        assert!(small.contains(" of whole\nimports it from "), "{small}");
        assert!(
            small.contains(", limit 100 instructions\ncalled by whole::main\n"),
            "{small}"
        );
        assert!(
            small.contains("\ninlined into whole::main with (cost="),
            "{small}"
        );

        for (function, reason) in [
            (
                "large",
                "its 481 instructions exceed the limit 100 (TooLarge)",
            ),
            (
                "never",
                "it is `noinline`, so that an import would be in vain (NoInline)",
            ),
            (
                "weak",
                "its linkage `weak` lets the linker choose another definition (InterposableLinkage)",
            ),
            (
                "middling",
                "its 89 instructions exceed the limit 70 = 100 × 0.7 (TooLarge)\n\
                 called by parts::outer, itself imported from ",
            ),
        ] {
            let answer = answer(function);
            let expected = format!("\ndoes not import it: {reason}");
            assert!(answer.contains(&expected), "{answer}");
            assert!(answer.contains(", imported into 0\n"), "{answer}");
        }
    }
}

#[test]
fn functions_of_like_names_are_told_apart() {
    let build = Build::new(Modules::Pairs, &[]);
    let names = |function: &str| {
        let functions = explained(&build, function).functions.into_iter();
        functions.map(|function| function.name).collect::<Vec<_>>()
    };
    assert_eq!(names("small"), ["parts::like::small", "parts::small"]);
    assert_eq!(names("like::small"), ["parts::like::small"]);
    assert_eq!(names("parts::small"), ["parts::small"]);
    let symbol = explained(&build, "parts::small").functions[0]
        .symbol
        .clone();
    assert_eq!(names(&symbol), ["parts::small"]);
    assert_eq!(
        error(&build, "smal"),
        "error: no function of the program is called smal\n\
         help: similar names: parts::like::small, parts::small\n\
         help: a function that the compiler inlined everywhere is in no summary"
    );
}

#[test]
fn a_promoted_function_and_an_unused_one_are_told() {
    let build = Build::new(Modules::Pairs, &[]);
    let local = &explained(&build, "parts::local").functions[0];
    let [definition] = local.definitions.as_slice() else {
        panic!("{local}");
    };
    assert_eq!(
        (definition.linkage, definition.is_promoted),
        ("internal", true)
    );
    assert!(definition.is_no_inline && definition.is_live);
    let unused = &explained(&build, "parts::unused").functions[0];
    assert!(
        !unused.definitions[0].is_live && unused.modules.is_empty(),
        "{unused}"
    );
}

#[test]
fn imports_are_those_that_llvm_dis_prints() {
    let build = Build::new(Modules::Pairs, &[]);
    let linked = Linked::new(&build.tested).unwrap();
    let llvm_dis = find_llvm("llvm-dis", "llvm").unwrap();
    for function in [
        "parts::small",
        "large",
        "never",
        "weak",
        "outer",
        "middling",
        "local",
    ] {
        let explained = &explained(&build, function).functions[0];
        for (number, module) in linked.program.modules.iter().enumerate() {
            let Some(planned) = linked.planned(number) else {
                continue;
            };
            let mut dis = Command::new(&llvm_dis);
            let index = succeed(dis.arg(linked.thin.index(planned)).args(["-o", "-"]));
            let value = format!("gv: (guid: {}, ", explained.guid);
            let line = index
                .lines()
                .find(|line| line.contains(&value))
                .unwrap_or_default();
            let own = format!("(path: \"{}\"", module.bitcode.display());
            let own = index.lines().find(|line| line.contains(&own)).unwrap();
            let own = format!("module: {},", own.split(' ').next().unwrap());
            let is_imported = line.contains("importType: definition") && !line.contains(&own);
            let row = explained
                .modules
                .iter()
                .find(|row| row.module == module.name);
            let imported = |row: &Module| matches!(row.result, Outcome::Imported { .. });
            assert_eq!(row.is_some_and(imported), is_imported, "{function}: {line}");
        }
    }
}

#[test]
fn the_limit_of_the_link_is_the_one_that_is_told() {
    let limit = "-Clink-arg=-Wl,-mllvm,-import-instr-limit=7";
    let build = Build::new(Modules::Pairs, &[limit]);
    let small = lines(&explained(&build, "parts::small")).join("\n");
    assert!(
        small.contains("its 8 instructions exceed the limit 7 (TooLarge)"),
        "{small}"
    );
}

#[test]
fn a_hot_call_has_a_limit_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let profile = dir.path().join("profile.txt");
    // The lines of the loop in `work`, counted from that of the function.
    fs::write(&profile, "work:20000000:1000\n 2: 1000000\n 3: 1000000\n").unwrap();
    let profile = format!("-Zprofile-sample-use={}", profile.display());
    let flags = [
        "--cfg=profile",
        "-Cdebuginfo=1",
        "-Zdebug-info-for-profiling",
        &profile,
    ];
    let build = Build::new(Modules::Pairs, &flags);
    let large = lines(&explained(&build, "large")).join("\n");
    assert!(
        large.contains("imports it from parts.o, limit 1000 instructions"),
        "{large}"
    );
    assert!(large.contains("\ncalled by work (hot)\n"), "{large}");
    // With debug information, remarks have their places.
    assert!(large.contains("whole.rs:13"), "{large}");
}

#[test]
fn functions_of_cpp_and_std_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    Build::cpp_library(dir.path());
    let search = format!("-L{}", dir.path().display());
    let flags = ["--cfg=cpp", &search, "-Zlink-embedded-bitcode"];
    let build = Build::new(Modules::Bitcode, &flags);
    let area = lines(&explained(&build, "area")).join("\n");
    assert!(area.contains("defined in area.o of "), "{area}");
    assert!(
        area.contains("\nimports it from area.o, limit 100 instructions"),
        "{area}"
    );
    let square = lines(&explained(&build, "square")).join("\n");
    assert!(square.starts_with("square(int)\n"), "{square}");
    assert!(
        square.contains("linkage internal, noinline, promoted"),
        "{square}"
    );
    let print = lines(&explained(&build, "std::io::stdio::_print")).join("\n");
    assert!(print.contains(" of std: "), "{print}");
    assert!(print.contains("called by whole::main"), "{print}");
}

#[test]
fn the_parts_of_cfi_are_explained() {
    let cfi = ["-Zsanitizer=cfi", "-Cunsafe-allow-abi-mismatch=sanitizer"];
    let build = Build::new(Modules::Pairs, &cfi);
    let large = lines(&explained(&build, "large")).join("\n");
    assert!(large.contains("exceed the limit 100 (TooLarge)"), "{large}");
}

#[test]
fn one_module_may_be_asked_about() {
    let build = Build::new(Modules::Pairs, &[]);
    let into = |module: &str| {
        let args = Args {
            into: Some(module.to_owned()),
            ..args("middling")
        };
        explain::explain(&build.tested, &args)
    };
    let modules = |module: &str| -> Vec<String> {
        let modules = &into(module).unwrap().functions[0].modules;
        modules
            .iter()
            .map(|module| module.crate_name.clone())
            .collect()
    };
    assert_eq!(modules("whole"), ["whole"]);
    assert_eq!(modules("parts.o"), ["parts"]);
    assert_eq!(
        helped::report(&into("other").unwrap_err()),
        "error: the program has no module other\nhelp: `report` lists the modules"
    );
}

#[test]
fn json_has_the_facts() {
    let build = Build::new(Modules::Pairs, &[]);
    let json: Value = serde_json::to_value(explained(&build, "large")).unwrap();
    let large = &json["functions"][0];
    assert_eq!(
        (&json["version"], &large["name"]),
        (&1.into(), &"parts::large".into())
    );
    assert_eq!(large["definitions"][0]["crate"], "parts");
    let module = &large["modules"][0];
    assert_eq!(module["crate"], "whole");
    let result = &module["result"];
    assert_eq!(result["kind"], "not-imported");
    assert_eq!(
        (&result["reason"], &result["limit"]["instructions"]),
        (&"TooLarge".into(), &100.into())
    );
    assert_eq!(module["callers"][0]["name"], "whole::main");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let build = Build::new(Modules::Pairs, &[]);
    let missing = thinlto_report::Build {
        link_inputs: build.path("missing.json"),
        rustc: build.tested.rustc.clone(),
        lld_folder: None,
    };
    let missing = helped::report(&explain::explain(&missing, &args("small")).unwrap_err());
    assert!(
        missing.starts_with("error: cannot read the link inputs "),
        "{missing}"
    );
    // A damaged summary is noticed by the linker.
    let summary = build.path("parts.indexing.o");
    let content = fs::read(&summary).unwrap();
    fs::write(&summary, &content[..content.len() / 8 * 4]).unwrap();
    let damaged = error(&build, "small");
    assert!(
        damaged.starts_with("error: the linker `cc` failed "),
        "{damaged}"
    );
    assert!(damaged.contains("parts.indexing.o"), "{damaged}");
    fs::remove_file(&summary).unwrap();
    assert!(error(&build, "small").contains("parts.indexing.o"));
    fs::write(&summary, content).unwrap();
    fs::copy(build.path("whole.o"), build.path("parts.o")).unwrap();
    let (summary, module) = (summary.display(), build.path("parts.o"));
    assert_eq!(
        error(&build, "small"),
        format!(
            "error: {summary} is not the summary of {}\n\
             help: compile parts again: one of them is stale",
            module.display()
        )
    );
    let natives = Build::new(Modules::Bitcode, &["-Clinker-plugin-lto=no"]);
    assert_eq!(
        error(&natives, "small"),
        "error: no module of whole takes part in ThinLTO\nhelp: compile with `-Clinker-plugin-lto`"
    );
}
