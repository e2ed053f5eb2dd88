//! Builds the example's program, with every action in a sandbox, and builds it again after edits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use buck2_test::build::Build;
use buck2_test::graph::{Action, Kind};
use buck2_test::project::Project;
use serde_json::Value;
use walkdir::WalkDir;

const NUMBERS: &str = "example/numbers/src/lib.rs";
const APP: &str = "//example/app:app";
const OUTPUT: &str = "Rectangle: 6\nSquare: 140\nchecksum 4c740746\n";

/// The standard output of a program, which has to succeed.
fn output(program: &Path) -> String {
    let ended = Command::new(program).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8(ended.stdout).unwrap()
}

/// A JSON file that a build wrote beside the program.
fn read(build: &Build, name: &str) -> Value {
    let path = build.output.with_file_name("__thinlto__").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The names of the modules in the plan with those that they import from.
fn imports(build: &Build) -> BTreeMap<String, BTreeSet<String>> {
    let plan = read(build, "plan.json");
    let modules = plan["modules"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    modules
        .map(|module| {
            let imports = module["imports"].as_array().unwrap();
            (text(&module["name"]), imports.iter().map(text).collect())
        })
        .collect()
}

fn actions<'a>(build: &'a Build, category: &str) -> Vec<&'a Action> {
    build
        .actions
        .iter()
        .filter(|action| action.category == category)
        .collect()
}

/// The paths of the inputs of an action that are not the compiler's.
fn inputs(action: &Action) -> BTreeSet<String> {
    let paths = action.inputs.iter().map(|input| input.path());
    paths
        .filter(|path| !path.starts_with("toolchains/rustc/bin/") && !path.contains(".so"))
        .collect()
}

fn name(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

/// Checks the inputs of backends and of the thin link.
fn check_inputs(project: &Project, build: &Build) {
    // A backend reads its module, its index, and the modules that it imports from.
    let planned = imports(build);
    let backends = actions(build, "thinlto_backend");
    assert_eq!(backends.len(), planned.len());
    for backend in backends {
        let mut wanted = planned[&backend.identifier].clone();
        wanted.insert(backend.identifier.clone());
        wanted.insert(format!("{}.thinlto.bc", backend.identifier));
        let names: BTreeSet<_> = inputs(backend).iter().map(|path| name(path)).collect();
        assert_eq!(names, wanted, "{}", backend.name());
        let Kind::Run { words, .. } = &backend.kind else {
            panic!("{backend:?}")
        };
        assert!(words[0].ends_with("bin/rustc"), "{words:?}");
    }

    // All crates take part, those of std as well, and the program imports from others.
    let crates: BTreeSet<_> = read(build, "plan.json")["modules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|module| module["crate"].as_str().unwrap().to_owned())
        .collect();
    for wanted in [
        "app", "numbers", "shapes", "checksum", "std", "core", "alloc",
    ] {
        assert!(crates.contains(wanted), "{wanted} is not in {crates:?}");
    }
    let own = &planned["app.o"];
    assert!(
        own.iter().any(|module| module.starts_with("numbers.")),
        "{own:?}"
    );

    // The thin link reads no bitcode.
    let [thin_link] = actions(build, "thinlto_thin_link")[..] else {
        panic!()
    };
    for input in inputs(thin_link) {
        for entry in WalkDir::new(project.root().join(input)) {
            let path = entry.unwrap().into_path();
            let summary = path.to_str().unwrap().ends_with(".indexing.o");
            let bitcode = path.is_file() && fs::read(&path).unwrap().starts_with(b"BC");
            assert_eq!(bitcode, summary, "{path:?}");
        }
    }
}

/// The bitcode and the index of each module in the plan, by name.
fn modules(project: &Project, build: &Build) -> BTreeMap<String, [Vec<u8>; 2]> {
    let plan = read(build, "plan.json");
    let thin = build.output.with_file_name("__thinlto__/thin");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let modules = plan["modules"].as_array().unwrap().iter();
    modules
        .map(|module| {
            let bitcode = project.root().join(text(&module["bitcode"]));
            let index = thin.join(text(&module["index"]));
            let files = [bitcode, index].map(|path| fs::read(path).unwrap());
            (text(&module["name"]), files)
        })
        .collect()
}

/// What ran in a build, by category.
fn ran(build: &Build, category: &str) -> BTreeSet<String> {
    build.ran.get(category).cloned().unwrap_or_default()
}

/// The crates of modules.
fn crates(modules: &BTreeSet<String>) -> BTreeSet<&str> {
    modules
        .iter()
        .filter_map(|module| module.split('.').next())
        .collect()
}

/// Builds again after an edit. Backends of exactly those modules have to run that changed, or whose
/// index changed. Returns what ran.
fn rebuild(project: &Project, before: &mut BTreeMap<String, [Vec<u8>; 2]>) -> Build {
    let build = project.build(APP).unwrap();
    let after = modules(project, &build);
    let changed = after
        .iter()
        .filter(|(name, files)| before.get(*name) != Some(files));
    let changed: BTreeSet<_> = changed.map(|(name, _)| name.clone()).collect();
    assert_eq!(ran(&build, "thinlto_backend"), changed);
    let counts: BTreeMap<_, _> = build
        .ran
        .iter()
        .map(|(name, ran)| (name, ran.len()))
        .collect();
    println!("{counts:?}");
    *before = after;
    build
}

#[test]
fn the_program_is_built_from_exact_inputs() {
    let project = Project::new().unwrap();
    let build = project.build(APP).unwrap();
    assert_eq!(output(&build.output), OUTPUT);
    check_inputs(&project, &build);
    let mut before = modules(&project, &build);

    let unchanged = rebuild(&project, &mut before);
    assert_eq!(unchanged.ran, BTreeMap::new());

    // A comment changes the metadata of a library, so its dependents are compiled, and no more.
    let (from, to) = ("/// The product of two", "/// What is the product of two");
    project.edit(NUMBERS, from, to).unwrap();
    let comment = rebuild(&project, &mut before);
    assert_eq!(
        crates(&ran(&comment, "rustc")),
        BTreeSet::from(["numbers", "shapes"])
    );
    assert_eq!(ran(&comment, "thinlto_link"), BTreeSet::new());

    let report = "example/app/src/report.rs";
    project
        .edit(report, "\"{shape}: {}\"", "\"{shape} = {}\"")
        .unwrap();
    let private = rebuild(&project, &mut before);
    assert_eq!(ran(&private, "rustc"), BTreeSet::new());
    assert_eq!(ran(&private, "thinlto_modules"), BTreeSet::new());
    assert_eq!(
        crates(&ran(&private, "thinlto_backend")),
        BTreeSet::from(["app"])
    );
    assert_eq!(
        output(&private.output),
        OUTPUT.replace("Square:", "Square =")
    );

    let (from, to) = (
        "[left, right].iter().product()",
        "[left, right, 2].iter().product()",
    );
    project.edit(NUMBERS, from, to).unwrap();
    project
        .edit(
            "example/app/src/main.rs",
            "    assert_eq!(areas, SQUARES);\n",
            "",
        )
        .unwrap();
    let imported = rebuild(&project, &mut before);
    let expected = BTreeSet::from(["app", "numbers", "shapes"]);
    assert_eq!(crates(&ran(&imported, "thinlto_backend")), expected);
    assert!(output(&imported.output).starts_with("Rectangle: 12\nSquare = 280\n"));

    let function = "/// One.\npub fn one() -> u64 {\n    sum(&[1])\n}\n\nfn start()";
    project.edit(NUMBERS, "fn start()", function).unwrap();
    let function = rebuild(&project, &mut before);
    assert_eq!(crates(&ran(&function, "thinlto_backend")), expected);

    let library = "rust_library(name = \"extra\", srcs = [\"lib.rs\"], crate_root = \"lib.rs\")";
    project.add("example/extra/BUCK", library).unwrap();
    let source = "pub fn extra(numbers: &[u64]) -> u64 {\n    numbers.iter().sum()\n}\n";
    project.add("example/extra/lib.rs", source).unwrap();
    let deps = "\"//example/shapes:shapes\",";
    project
        .edit(
            "example/app/BUCK",
            deps,
            &format!("{deps} \"//example/extra:extra\","),
        )
        .unwrap();
    let print = "println!(\"extra: {}\", extra::extra(&SQUARES));\n    println!(\"checksum";
    project
        .edit("example/app/src/main.rs", "println!(\"checksum", print)
        .unwrap();
    let dependency = rebuild(&project, &mut before);
    assert_eq!(
        ran(&dependency, "rustc"),
        BTreeSet::from(["extra".to_owned()])
    );
    let expected = BTreeSet::from(["app", "extra"]);
    assert_eq!(crates(&ran(&dependency, "thinlto_backend")), expected);
    assert!(output(&dependency.output).contains("\nextra: 140\n"));
}
