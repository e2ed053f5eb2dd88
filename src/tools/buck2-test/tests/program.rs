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

#[test]
fn actions_have_exactly_their_inputs() {
    let project = Project::new().unwrap();
    let build = project.build(APP).unwrap();
    assert_eq!(output(&build.output), OUTPUT);

    // A backend reads its module, its index, and the modules that it imports from.
    let planned = imports(&build);
    let backends = actions(&build, "thinlto_backend");
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
    let crates: BTreeSet<_> = read(&build, "plan.json")["modules"]
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
    let [thin_link] = actions(&build, "thinlto_thin_link")[..] else {
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

    // A second build in another folder writes the same program.
    let other = Project::new().unwrap().build(APP).unwrap();
    assert!(fs::read(&build.output).unwrap() == fs::read(&other.output).unwrap());
}

/// What ran again, by category, with the number of each.
fn counts(build: &Build) -> BTreeMap<&str, usize> {
    build
        .ran
        .iter()
        .map(|(category, ran)| (category.as_str(), ran.len()))
        .collect()
}

/// The crates whose modules had their backends run again.
fn backends(build: &Build) -> BTreeSet<String> {
    let none = BTreeSet::new();
    let ran = build.ran.get("thinlto_backend").unwrap_or(&none);
    ran.iter()
        .map(|module| module.split('.').next().unwrap().to_owned())
        .collect()
}

#[test]
fn an_edit_runs_what_it_changes() {
    let project = Project::new().unwrap();
    project.build(APP).unwrap();
    let unchanged = project.build(APP).unwrap();
    assert_eq!(counts(&unchanged), BTreeMap::new());

    let numbers = "example/numbers/src/lib.rs";
    project
        .edit(
            numbers,
            "/// The product of two",
            "/// What is the product of two",
        )
        .unwrap();
    let comment = project.build(APP).unwrap();
    println!("comment: {:?}", comment.ran);

    project
        .edit(
            "example/app/src/report.rs",
            "\"{shape}: {}\"",
            "\"{shape} = {}\"",
        )
        .unwrap();
    let private = project.build(APP).unwrap();
    println!("private: {:?}", private.ran);

    project
        .edit(
            numbers,
            "[left, right].iter().product()",
            "[right, left, 1].iter().product()",
        )
        .unwrap();
    let imported = project.build(APP).unwrap();
    println!("imported: {:?}", imported.ran);

    let add = "\n/// The difference of two numbers.\npub fn difference(left: u64, right: u64) -> u64 {\n    left - right\n}\n\nfn start()";
    project.edit(numbers, "\nfn start()", add).unwrap();
    let function = project.build(APP).unwrap();
    println!("function: {:?}", function.ran);
    println!("{:?}", backends(&function));
}
