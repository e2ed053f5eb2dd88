//! Reads the summaries and indexes of a small C and C++ program, and compares them with what llvm-dis
//! prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use module_summary::remarks::Remark;
use module_summary::{GlobalValue, Index, Kind, ModuleSummary};
use tempfile::TempDir;

/// A folder with modules `NAME.o`, summaries `NAME.indexing.o` and indexes `NAME.o.thinlto.bc`.
struct Program(TempDir);

impl Program {
    fn new(flags: &[&str]) -> Program {
        let program = Program(tempfile::tempdir().unwrap());
        for (compiler, source) in [("clang++-22", "shapes.cpp"), ("clang-22", "scale.c")] {
            let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sources");
            let name = source.split('.').next().unwrap();
            let mut command = program.command(compiler);
            command.args(["-O2", "-flto=thin", "-c", "-o"]);
            command.arg(format!("{name}.o"));
            command.args(["-Xclang", &format!("-fthin-link-bitcode={name}.indexing.o")]);
            run(command.args(flags).arg(sources.join(source)));
        }
        run(program.command("ld.lld-22").args([
            "--thinlto-index-only=selected.txt",
            "--thinlto-object-suffix-replace=.indexing.o;.o",
            "--unresolved-symbols=ignore-all",
            "--entry=main",
            "shapes.indexing.o",
            "scale.indexing.o",
        ]));
        program
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.0);
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes the file `bad.o`, and returns the message of the reader for it.
    fn error(&self, bitcode: &[u8]) -> String {
        let path = self.path("bad.o");
        fs::write(&path, bitcode).unwrap();
        let error = helped::report(&ModuleSummary::read(&path).unwrap_err());
        let index = helped::report(&Index::read(&path).unwrap_err());
        assert_eq!(index, error.replace("the summary", "the index"));
        error.replace(&format!("{}/", self.0.path().display()), "")
    }

    /// The values in a file as llvm-dis prints them: kind, linkage and so on, without names.
    fn printed(&self, name: &str) -> BTreeSet<String> {
        let text = run(self.command("llvm-dis-22").args([name, "-o", "-"]));
        let mut values = BTreeSet::new();
        for line in text.lines().filter(|line| line.contains(" = gv: (")) {
            let after = |text: &str, key: &str| {
                let (_, rest) = text.split_once(key).unwrap_or_default();
                rest.split([',', ')', ' ']).next().unwrap().to_owned()
            };
            for kind in ["function", "variable", "alias"] {
                // A name may be that of several values in a program.
                for summary in line.split(&format!("{kind}: (")).skip(1) {
                    let summary = summary.split(", function: (").next().unwrap();
                    // Flags are printed if one of them is set.
                    let flag = |key| match (kind, after(summary, key)) {
                        ("function", flag) if flag.is_empty() => "0".to_owned(),
                        (_, flag) => flag,
                    };
                    values.insert(format!(
                        "{kind} {} eligible={} live={} type={} instructions={} noinline={} always={} \
                         calls={} references={}",
                        after(summary, "linkage: "),
                        after(summary, "notEligibleToImport: "),
                        after(summary, "live: "),
                        after(summary, "importType: "),
                        after(summary, "insts: "),
                        flag("noInline: "),
                        flag("alwaysInline: "),
                        summary.matches("callee: ").count(),
                        references(summary),
                    ));
                }
            }
        }
        values
    }
}

/// The number of references in a summary, which are a list at its end.
fn references(summary: &str) -> usize {
    let list = summary.split_once("refs: (").map(|(_, list)| list);
    list.map_or(0, |list| {
        list.split(')').next().unwrap().matches('^').count()
    })
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{messages}");
    String::from_utf8(output.stdout).unwrap()
}

/// `values` in the form of [`Program::printed`].
fn shown(values: &[GlobalValue]) -> BTreeSet<String> {
    let number = |is: bool| if is { "1" } else { "0" };
    let line = |value: &GlobalValue| {
        let mut of_function = [""; 2].map(str::to_owned);
        let mut instructions = String::new();
        let mut calls = 0;
        let kind = match &value.kind {
            Kind::Function(function) => {
                instructions = function.instructions.to_string();
                let flags = [function.is_no_inline, function.is_always_inline];
                of_function = flags.map(|is| number(is).to_owned());
                calls = function.calls.len();
                "function"
            }
            Kind::Variable => "variable",
            Kind::Alias(_) => "alias",
        };
        format!(
            "{kind} {} eligible={} live={} type={} instructions={instructions} noinline={} always={} \
             calls={calls} references={}",
            value.linkage.name(),
            number(value.is_not_eligible_to_import),
            number(value.is_live),
            if value.is_declaration {
                "declaration"
            } else {
                "definition"
            },
            of_function[0],
            of_function[1],
            value.references.len(),
        )
    };
    values.iter().map(line).collect()
}

/// The value called `name`.
fn named<'a>(module: &'a ModuleSummary, name: &str) -> &'a GlobalValue {
    let is_it = |value: &&GlobalValue| module.names[&value.guid] == name;
    let found = module.values.iter().find(is_it);
    found.unwrap_or_else(|| panic!("{name} is not in {:?}", module.names.values()))
}

#[test]
fn modules_and_indexes_are_as_llvm_dis_prints_them() {
    let program = Program::new(&[]);
    for name in ["shapes", "scale"] {
        let module = ModuleSummary::read(&program.path(&format!("{name}.o"))).unwrap();
        let summary = ModuleSummary::read(&program.path(&format!("{name}.indexing.o"))).unwrap();
        assert_eq!(module.values, summary.values);
        assert_eq!((&module.names, module.hash), (&summary.names, summary.hash));
        assert_eq!(
            shown(&summary.values),
            program.printed(&format!("{name}.o"))
        );

        let index_name = format!("{name}.o.thinlto.bc");
        let index = Index::read(&program.path(&index_name)).unwrap();
        assert!(index.is_selected);
        assert_eq!(shown(&index.values), program.printed(&index_name));
        // What tells a stale module.
        assert_eq!(index.modules[&format!("{name}.o")], module.hash);
        assert_ne!(module.hash, [0; 5]);
    }
}

#[test]
fn a_summary_has_names_sizes_linkages_and_flags() {
    let program = Program::new(&[]);
    let shapes = ModuleSummary::read(&program.path("shapes.o")).unwrap();
    let linkage = |name: &str| named(&shapes, name).linkage.name();
    assert_eq!(linkage("main"), "external");
    assert_eq!(linkage("_ZL5locali"), "internal");
    assert_eq!(linkage("replaceable"), "weak");
    assert_eq!(linkage("_ZNK6Square4areaEv"), "linkonce_odr");
    assert!(named(&shapes, "replaceable").linkage.is_interposable());
    assert!(named(&shapes, "_ZL5locali").linkage.is_local());
    let function = |name: &str| named(&shapes, name).function().unwrap();
    assert!(function("never_inlined").is_no_inline && !function("main").is_no_inline);
    assert!(function("main").instructions > function("never_inlined").instructions);
    let Kind::Alias(aliasee) = named(&shapes, "alias").kind else {
        panic!("{:?}", named(&shapes, "alias"));
    };
    assert_eq!(shapes.names[&aliasee], "aliased");
    let callees: Vec<_> = function("_ZL5locali")
        .calls
        .iter()
        .map(|call| shapes.names[&call.callee].as_str())
        .collect();
    assert_eq!(callees, ["scaled"]);
}

#[test]
fn an_index_tells_what_is_imported() {
    let program = Program::new(&[]);
    let scale = ModuleSummary::read(&program.path("scale.o")).unwrap();
    let index = Index::read(&program.path("shapes.o.thinlto.bc")).unwrap();
    let imported = index
        .values
        .iter()
        .filter(|value| value.module == "scale.o");
    let imported: Vec<_> = imported
        .map(|value| scale.names[&value.guid].as_str())
        .collect();
    assert!(
        imported.contains(&"scaled") && !imported.contains(&"unused"),
        "{imported:?}"
    );
    assert_eq!(index.bodies()["scale.o"], 1);
    let kept = BTreeMap::from([("scale.o", 2)]);
    let own = Index::read(&program.path("scale.o.thinlto.bc")).unwrap();
    assert_eq!(own.bodies(), kept);
}

#[test]
fn the_thin_lto_part_of_a_split_unit_is_read() {
    let cfi = [
        "-fsanitize=cfi",
        "-fvisibility=hidden",
        "-fsplit-lto-unit",
        "-fno-rtti",
        "-fno-sanitize-ignorelist",
    ];
    let program = Program::new(&cfi);
    let shapes = ModuleSummary::read(&program.path("shapes.o")).unwrap();
    assert!(named(&shapes, "main").function().is_some());
    let index = Index::read(&program.path("shapes.o.thinlto.bc")).unwrap();
    assert_eq!(index.modules["shapes.o"], shapes.hash);
}

#[test]
fn what_is_no_summary_is_an_error_with_a_way_out() {
    let program = Program::new(&[]);
    let again = "\nhelp: write it again, with the compiler and the linker of LLVM 22";
    let message = |cause: &str| format!("error: cannot read the summary bad.o: {cause}{again}");
    let module = fs::read(program.path("shapes.o")).unwrap();

    assert_eq!(
        program.error(b""),
        message("file too small to contain bitcode header")
    );
    assert_eq!(
        program.error(b"\x7fELF and more"),
        message("Invalid bitcode signature")
    );
    let plain = program.path("plain.bc");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sources/scale.c");
    run(program
        .command("clang-22")
        .args(["-emit-llvm", "-c", "-o"])
        .arg(&plain)
        .arg(source));
    let plain = fs::read(plain).unwrap();
    assert_eq!(
        program.error(&plain),
        message("it has no ThinLTO summary (written by LLVM22.1.8)")
    );
    for length in [module.len() / 8, module.len() / 2, module.len() - 8] {
        let error = program.error(&module[..length / 4 * 4]);
        let start = message("").replace(again, "");
        assert!(
            error.starts_with(&start) && error.ends_with(again),
            "{error}"
        );
    }
}

#[test]
fn other_versions_and_crashes_of_llvm_are_errors() {
    let program = Program::new(&[]);
    let module = fs::read(program.path("scale.indexing.o")).unwrap();
    // One of these bits is in the version of the summary, others make LLVM read beyond the end.
    let errors: BTreeSet<_> = (64..module.len() * 8)
        .filter_map(|bit| {
            let mut other = module.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let error = ModuleSummary::parse(&other, "other.o").err()?;
            Some(helped::report(&error))
        })
        .collect();
    for cause in ["Invalid summary version ", "LLVM crashed: it is damaged"] {
        let start = format!("error: cannot read the summary other.o: {cause}");
        let found = errors.iter().any(|error| error.starts_with(&start));
        assert!(found, "{errors:#?}");
    }
    assert!(ModuleSummary::parse(&module, "scale.o").is_ok());
}

#[test]
fn the_two_kinds_are_not_mixed_up() {
    let program = Program::new(&[]);
    let error = |result: anyhow::Result<()>| {
        let error = helped::report(&result.unwrap_err());
        error.replace(&format!("{}/", program.0.path().display()), "")
    };
    let index = ModuleSummary::read(&program.path("scale.o.thinlto.bc")).map(drop);
    assert_eq!(
        error(index),
        "error: scale.o.thinlto.bc is an index, not a module\n\
         help: pass the module or its summary, `NAME.o` or `NAME.indexing.o`"
    );
    let module = Index::read(&program.path("scale.o")).map(drop);
    assert_eq!(
        error(module),
        "error: scale.o is a module, not an index\n\
         help: pass the file that the thin link wrote, `NAME.o.thinlto.bc`"
    );
    let missing = ModuleSummary::read(&program.path("missing.o")).map(drop);
    assert!(error(missing).starts_with("error: cannot read missing.o: No such file"));
}

#[test]
fn remarks_have_their_arguments() {
    let program = Program::new(&[]);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sources/shapes.cpp");
    run(program
        .command("clang++-22")
        .args([
            "-O2",
            "-gline-tables-only",
            "-c",
            "-fsave-optimization-record=yaml",
        ])
        .args(["-foptimization-record-file=remarks.yaml", "-o", "native.o"])
        .arg(source));
    let remarks = Remark::read(&program.path("remarks.yaml")).unwrap();
    let inlined: Vec<_> = remarks
        .iter()
        .filter(|remark| remark.pass == "inline" && remark.function == "main")
        .map(|remark| {
            (
                remark.argument("Callee").unwrap(),
                remark.is_passed,
                &*remark.name,
            )
        })
        .collect();
    assert!(
        inlined.contains(&("aliased", true, "Inlined")),
        "{inlined:?}"
    );
    assert!(
        inlined.contains(&("never_inlined", false, "NeverInline")),
        "{inlined:?}"
    );
    let is_never = |remark: &&Remark| remark.argument("Callee") == Some("never_inlined");
    let never = remarks.iter().find(is_never).unwrap();
    assert_eq!(never.argument("Caller"), Some("main"));
    assert_eq!(
        never.argument("Reason"),
        Some("noinline function attribute")
    );
    assert!(
        never.file.ends_with("shapes.cpp") && never.line > 30,
        "{never:?}"
    );

    fs::write(program.path("remarks.yaml"), "--- !Missed\nPass: inline\n").unwrap();
    let error = helped::report(&Remark::read(&program.path("remarks.yaml")).unwrap_err());
    assert!(
        error.starts_with("error: cannot read the remarks "),
        "{error}"
    );
}
