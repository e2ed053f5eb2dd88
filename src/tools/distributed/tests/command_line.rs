//! Builds small programs with `rust-thinlto` and with the compiler that `./x.py test` has tested.
//!
//! All paths are relative to the folder of the test, as in the actions of a build system.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use distributed::plan::Plan;
use distributed::toolchain::{self, Toolchain};
use serde_json::Value;
use tempfile::TempDir;

const LINK_INPUTS: &str = "--link-inputs=out/program.link-inputs.json";
const SIGILL: i32 = 4;

/// A folder with a program, which two libraries belong to.
struct Build {
    dir: TempDir,
    tools: Toolchain,
}

impl Build {
    /// Compiles `source`, a program in the folder `programs`, and the libraries.
    fn new(source: &str, flags: &[&str]) -> Build {
        let default =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../build/host/stage1/bin/rustc");
        let rustc = env::var_os("TESTED_RUSTC").map_or(default, PathBuf::from);
        let tools = Toolchain::find(&rustc, Path::new(env!("CARGO")), None)
            .expect("`TESTED_RUSTC` is a compiler that `./x.py build` built");
        let build = Build {
            dir: tempfile::tempdir().unwrap(),
            tools,
        };
        for library in ["numbers", "unused"] {
            let kinds = "--emit=link,obj,thin-link-bitcode";
            build.compile(
                library,
                library,
                &["--crate-type=lib", kinds, "--out-dir=libs"],
                flags,
            );
        }
        let kinds = "--emit=link-inputs,obj,thin-link-bitcode";
        let crates = [
            "--extern=numbers=libs/libnumbers.rlib",
            "--extern=unused=libs/libunused.rlib",
        ];
        let options = [&["--crate-type=bin", kinds, "--out-dir=out"][..], &crates].concat();
        build.compile("program", source, &options, flags);
        build
    }

    fn compile(&self, name: &str, source: &str, options: &[&str], flags: &[&str]) {
        let source = format!("{}/tests/programs/{source}.rs", env!("CARGO_MANIFEST_DIR"));
        let mut rustc = self.command(&self.tools.rustc);
        rustc
            .args(["--crate-name", name, &source, "--edition=2021", "-O"])
            .args(["-Zunstable-options", "-Clinker-plugin-lto"])
            .args(self.tools.linker_flags())
            .args(options)
            .args(flags);
        succeed(&mut rustc);
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.dir);
        command
    }

    /// Runs `rust-thinlto`.
    fn tool(&self, arguments: &[&str]) -> Output {
        // cargo's variable has a dash in its name, and a rustc that is a shell script drops it.
        let tests = env::current_exe().unwrap();
        let tool = tests.ancestors().nth(2).unwrap().join("rust-thinlto");
        let output = self.command(&tool).args(arguments).output();
        output.unwrap()
    }

    /// Runs `rust-thinlto`, which has to succeed without a message.
    fn run(&self, arguments: &[&str]) {
        let output = self.tool(arguments);
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && messages.is_empty(),
            "{arguments:?}\n{messages}"
        );
    }

    /// The message of `rust-thinlto`, which has to fail.
    fn error(&self, arguments: &[&str]) -> String {
        let output = self.tool(arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        message
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The names of the files in a folder that end with `suffix`, sorted.
    fn names(&self, folder: &str, suffix: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.ends_with(suffix)).collect();
        names.sort();
        names
    }

    /// The paths of all pairs without suffixes.
    fn pairs(&self) -> Vec<String> {
        let pairs_in = |folder: &str| -> Vec<String> {
            let names = distributed::pairs::in_folder(&self.path(folder)).unwrap();
            names
                .iter()
                .map(|name| format!("{folder}/{name}"))
                .collect()
        };
        [pairs_in("out"), pairs_in("libs")].concat()
    }

    fn thin_link(&self) -> Plan {
        self.run(&["thin-link", LINK_INPUTS, "--out-dir=thin"]);
        Plan::read(&self.path("thin/plan.json")).unwrap()
    }

    /// Runs the backends of `plan`, each in a folder with nothing but its inputs.
    fn backends(&self, plan: &Plan) {
        fs::create_dir_all(self.path("natives")).unwrap();
        let bitcode: BTreeMap<_, _> = plan
            .modules
            .iter()
            .map(|module| (module.name.as_str(), &module.bitcode))
            .collect();
        for module in &plan.modules {
            let sandbox = tempfile::tempdir().unwrap();
            let inputs = module.imports.iter().map(|import| bitcode[import.as_str()]);
            let inputs = inputs.chain([&module.bitcode]).cloned();
            for input in inputs.chain([Path::new("thin").join(&module.index)]) {
                let copy = sandbox.path().join(&input);
                fs::create_dir_all(copy.parent().unwrap()).unwrap();
                fs::copy(self.path("").join(input), copy).unwrap();
            }
            let mut rustc = Command::new(&self.tools.rustc);
            rustc
                .args(["-Zunstable-options", "-O", "--emit=obj"])
                .arg(format!("-Zthinlto-index=thin/{}", module.index.display()))
                .arg(&module.bitcode)
                .arg("-o")
                .arg(self.path("natives").join(&module.name))
                .current_dir(&sandbox);
            succeed(&mut rustc);
        }
    }

    /// Runs the linked program.
    fn program(&self, name: &str, argument: &str) -> Output {
        let output = Command::new(self.path(name)).arg(argument).output();
        output.unwrap()
    }
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{stderr}");
}

/// The arguments of the link that the thin link has planned.
fn link_arguments<'a>(others: &[&'a str]) -> Vec<&'a str> {
    let arguments = [
        "link",
        LINK_INPUTS,
        "--plan=thin/plan.json",
        "--natives=natives",
    ];
    [&arguments[..], others].concat()
}

#[test]
fn the_program_runs_where_there_is_no_llvm() {
    let tests = env::current_exe().unwrap();
    let tool = tests.ancestors().nth(2).unwrap().join("rust-thinlto");
    let readelf = toolchain::find_llvm("llvm-readelf", "llvm").unwrap();
    let output = Command::new(readelf)
        .arg("--needed-libs")
        .arg(tool)
        .output();
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    let mut libraries: Vec<_> = output
        .lines()
        .filter_map(|line| line.strip_prefix("  lib"))
        .collect();
    libraries.sort();
    assert_eq!(libraries, ["c.so.6", "gcc_s.so.1", "m.so.6"]);
}

#[test]
fn four_steps() {
    let build = Build::new("sums", &[]);
    // Only backends read bitcode.
    let bitcode: Vec<_> = build
        .pairs()
        .iter()
        .map(|name| format!("{name}.o"))
        .collect();
    let hide = |hidden: bool| {
        for file in &bitcode {
            let (here, away) = (build.path(file), build.path(&format!("{file}.hidden")));
            let (from, to) = if hidden { (here, away) } else { (away, here) };
            fs::rename(from, to).unwrap();
        }
    };
    hide(true);
    let plan = build.thin_link();
    hide(false);

    let modules: Vec<_> = plan
        .modules
        .iter()
        .map(|module| module.name.as_str())
        .collect();
    let [program, shim, numbers] = modules.as_slice() else {
        panic!("{modules:?}");
    };
    assert_eq!((*program, *numbers), ("program.o", "numbers.o"));
    assert!(
        shim.starts_with("program.") && shim.ends_with(".rcgu.o"),
        "{shim}"
    );
    let [program, _, numbers] = plan.modules.as_slice() else {
        unreachable!()
    };
    assert_eq!(
        (&*program.crate_name, &*numbers.crate_name),
        ("program", "numbers")
    );
    assert_eq!(program.imports, ["numbers.o", *shim]);
    assert_eq!(numbers.bitcode, Path::new("libs/numbers.o"));
    assert_eq!(numbers.index, Path::new("libs/numbers.o.thinlto.bc"));
    assert_eq!(plan.regular, None);
    assert!(!build.path("thin/regular.o").exists());
    // Also of the module that is not linked.
    let indexes = ["numbers.o.thinlto.bc", "unused.o.thinlto.bc"];
    assert_eq!(build.names("thin/libs", ".thinlto.bc"), indexes);

    build.backends(&plan);
    hide(true);
    build.run(&link_arguments(&["--output=linked"]));
    assert_eq!(build.program("linked", "an argument").stdout, b"44\n");
    hide(false);

    let report = ["report", "--output=report.json", "thin", "libs", "out"];
    build.run(&report);
    let report: Value =
        serde_json::from_slice(&fs::read(build.path("report.json")).unwrap()).unwrap();
    assert_eq!(report["modules"], 4);
    assert_eq!(report["selected_modules"], 3);
    assert_eq!(report["module_imports"], 2);
    // `double` and a function of the allocator shim, both in the program.
    assert_eq!(report["imported_functions"], 2);
    let sizes = |paths: &[String]| -> u64 {
        let sizes = paths
            .iter()
            .map(|path| fs::metadata(build.path(path)).unwrap().len());
        sizes.sum()
    };
    assert_eq!(report["bitcode_bytes"], sizes(&bitcode));
    let summaries: Vec<_> = build
        .pairs()
        .iter()
        .map(|name| format!("{name}.indexing.o"))
        .collect();
    assert_eq!(report["summary_bytes"], sizes(&summaries));
    let indexes: Vec<_> = bitcode
        .iter()
        .map(|name| format!("thin/{name}.thinlto.bc"))
        .collect();
    assert_eq!(report["index_bytes"], sizes(&indexes));

    assert_eq!(
        build.error(&link_arguments(&["--output=linked", "--regular=x.o"])),
        "error: the plan has no object of regular LTO parts\n\
         help: pass `--regular` exactly if `regular` in the plan is a file\n"
    );
    fs::remove_file(build.path("natives/numbers.o")).unwrap();
    assert_eq!(
        build.error(&link_arguments(&["--output=linked"])),
        "error: there is no native object natives/numbers.o\n\
         help: the backend of libs/numbers.o makes it\n"
    );

    fs::write(build.path("libs/numbers.indexing.o"), "not a summary").unwrap();
    build.error(&["thin-link", LINK_INPUTS, "--out-dir=thin"]);
    assert_eq!(build.names("thin", ".json"), [""; 0], "the plan of before");
}

#[test]
fn the_regular_part_of_cfi_is_linked() {
    let cfi = ["-Zsanitizer=cfi", "-Cunsafe-allow-abi-mismatch=sanitizer"];
    let build = Build::new("calls", &cfi);
    let plan = build.thin_link();
    assert_eq!(plan.regular.as_deref(), Some("regular.o"));
    build.backends(&plan);
    build.run(&link_arguments(&[
        "--output=linked",
        "--regular=thin/regular.o",
    ]));
    assert_eq!(build.program("linked", "double").stdout, b"40\n");
    assert_eq!(build.program("linked", "increment").stdout, b"21\n");
    let broken = build.program("linked", "broken");
    assert_eq!(
        (broken.status.signal(), &*broken.stdout),
        (Some(SIGILL), &b""[..])
    );

    assert_eq!(
        build.error(&link_arguments(&["--output=linked"])),
        "error: the plan has `regular.o`, but there is no `--regular`\n\
         help: pass `--regular` exactly if `regular` in the plan is a file\n"
    );
    // Without it, the type checks have no symbols.
    let plan = fs::read_to_string(build.path("thin/plan.json")).unwrap();
    let plan = plan.replace("\"regular.o\"", "null");
    fs::write(build.path("thin/plan.json"), plan).unwrap();
    let message = build.error(&link_arguments(&["--output=other"]));
    assert!(
        message.starts_with("error: the linker `cc` failed (exit status: 1)\n"),
        "{message}"
    );
    assert!(
        message.contains("undefined hidden symbol: __typeid_"),
        "{message}"
    );
    assert!(message.contains("\nhelp: "), "{message}");
    assert!(!build.path("other").exists());
    assert_eq!(build.names("", "").len(), 5, "folders, and the program");
}

#[test]
fn a_build_system_names_the_modules() {
    let build = Build::new("sums", &[]);
    let pairs = build.pairs();
    fs::create_dir(build.path("bin")).unwrap();
    let places: Vec<_> = pairs
        .iter()
        .map(|pair| pair.replace(['/', '.'], "_"))
        .collect();
    for (pair, place) in pairs.iter().zip(&places) {
        build.run(&[
            "place-module",
            &format!("--module={pair}.o"),
            &format!("--summary={pair}.indexing.o"),
            &format!("--output=bin/{place}.pic.o"),
            &format!("--summary-output=bin/{place}.indexing.o"),
            &format!("--dependency-file=bin/{place}.d"),
        ]);
        let read = |path: String| fs::read(build.path(&path)).unwrap();
        assert_eq!(
            read(format!("{pair}.o")),
            read(format!("bin/{place}.pic.o"))
        );
        assert_eq!(
            read(format!("{pair}.indexing.o")),
            read(format!("bin/{place}.indexing.o"))
        );
        assert_eq!(
            read(format!("bin/{place}.d")),
            format!("bin/{place}.pic.o:\n").as_bytes()
        );
    }

    // All arguments are in a file, as Bazel passes them.
    let run_linker = |arguments: &[String]| {
        let mut text = format!("run-linker\n{LINK_INPUTS}\n");
        text += &arguments.join("\n");
        fs::write(build.path("linker.params"), text).unwrap();
        build.run(&["@linker.params"]);
    };
    let paths = |suffix: &'static str| {
        places
            .iter()
            .map(move |place| format!("bin/{place}{suffix}"))
    };
    let thin_link = [
        "-Wl,--thinlto-index-only=selected.txt,--thinlto-emit-imports-files".to_owned(),
        "-Wl,--thinlto-object-suffix-replace=.indexing.o;.pic.o".to_owned(),
    ];
    let arguments: Vec<_> = thin_link.into_iter().chain(paths(".indexing.o")).collect();
    run_linker(&arguments);
    for object in paths(".pic.o") {
        let mut rustc = build.command(&build.tools.rustc);
        rustc.args(["-Zunstable-options", "-O", "--emit=obj", &object, "-o"]);
        rustc.arg(object.replace(".pic.o", ".native.o"));
        succeed(rustc.arg(format!("-Zthinlto-index={object}.thinlto.bc")));
    }
    let output = ["-o", "linked"].map(str::to_owned);
    let arguments: Vec<_> = output.into_iter().chain(paths(".native.o")).collect();
    run_linker(&arguments);
    assert_eq!(build.program("linked", "an argument").stdout, b"44\n");

    let missing = build.error(&[
        "place-module",
        "--module=missing.o",
        "--summary=missing.indexing.o",
        "--output=bin/missing.o",
        "--summary-output=bin/missing.indexing.o",
    ]);
    assert!(
        missing.starts_with("error: cannot copy missing.o to bin/missing.o: No such file"),
        "{missing}"
    );
    let failed = build.error(&["run-linker", LINK_INPUTS, "-o", "linked", "missing.o"]);
    assert!(
        failed.starts_with("error: the linker `cc` failed (exit status: 1)\n"),
        "{failed}"
    );
    assert!(failed.contains("missing.o"), "{failed}");
}
