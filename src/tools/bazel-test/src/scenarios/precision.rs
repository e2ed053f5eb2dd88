//! Which actions run again after an edit of the example, as Bazel's execution log counts them.

use anyhow::{Context, ensure};

use crate::environment::Environment;
use crate::execution_log::ExecutionLog;
use crate::workspace::Workspace;

/// The scenarios of this file.
pub const SCENARIOS: &[super::Named] = &[("precision", precision)];

/// clang compiles C++ for ThinLTO.
const TARGETS: [&str; 3] = ["-c", "opt", "--config=clang"];

const COMPILES: &str = "RustThinLtoCompile";
const BACKENDS: &str = "CcLtoBackendCompile";

/// A change of the workspace, on top of the earlier ones.
struct Edit {
    name: &'static str,
    /// Files, with a text that they have once and the text that replaces it.
    changes: &'static [(&'static str, &'static str, &'static str)],
    /// The crates that are compiled again.
    compiles: &'static [&'static str],
    /// The crates and C++ files whose backends run again.
    backends: &'static [&'static str],
}

const AFTER_CHARACTERS: &[&str] = &[
    "census",
    "characters",
    "count",
    "rank",
    "report",
    "summary",
    "words",
];

const EDITS: &[Edit] = &[
    Edit {
        name: "a comment",
        changes: &[(
            "text/characters.rs",
            "//! Classes of",
            "//! Some classes of",
        )],
        compiles: AFTER_CHARACTERS,
        backends: &[],
    },
    Edit {
        name: "a private function",
        changes: &[(
            "text/rank.rs",
            "b.count.cmp(&a.count)",
            "a.count.cmp(&b.count)",
        )],
        compiles: &["census", "rank", "report", "summary"],
        backends: &["rank"],
    },
    Edit {
        name: "a function that another crate imports",
        changes: &[("report/layout.rs", "{name:<12}", "{name:<14}")],
        compiles: &["census", "layout", "report"],
        backends: &["layout", "report"],
    },
    Edit {
        name: "a new public function",
        changes: &[(
            "text/characters.rs",
            "#[inline(never)]",
            "/// Whether a text has letters only.\n\
             pub fn all_letters(text: &str) -> bool {\n    text.bytes().all(is_letter)\n}\n\n\
             #[inline(never)]",
        )],
        compiles: AFTER_CHARACTERS,
        backends: &["characters", "words"],
    },
    Edit {
        name: "a new dependency",
        changes: &[
            (
                "text/BUILD.bazel",
                "deps = [\":count\"]",
                "deps = [\":characters\", \":count\"]",
            ),
            (
                "text/rank.rs",
                "ranks.truncate(limit);",
                "ranks.retain(|rank| characters::is_part_of_word(rank.word.as_bytes()[0]));\n    ranks.truncate(limit);",
            ),
        ],
        compiles: &["census", "rank", "report", "summary"],
        backends: &["characters", "rank"],
    },
    Edit {
        name: "a function in C++ that Rust imports",
        changes: &[("checksum/step.cc", "16777619u", "16777621u")],
        compiles: &[],
        backends: &["checksum", "report", "step", "summary"],
    },
];

/// After an edit, exactly these compiles and backends run, and the program has the edit.
fn precision(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let workspace = Workspace::new(environment, name, "example")?;
    let build = |target: &str| workspace.build(&[&TARGETS[..], &[target]].concat());
    let clean = build("//program:census")?;
    let compiles = names(&clean, COMPILES);
    ensure!(compiles.len() == 11, "compiles: {compiles:?}");
    let backends = names(&clean, BACKENDS);
    for own in ["step", "census.allocator", "core"].iter().chain(&compiles) {
        ensure!(
            backends.iter().any(|name| name == own),
            "no backend for {own}: {backends:?}"
        );
    }
    ensure!(
        clean.ran("Rustc").iter().all(|output| output.contains("-exec")),
        "rules_rust compiled for the target: {:?}",
        clean.ran("Rustc")
    );

    let nothing = build("//program:census")?;
    ensure!(nothing.0.is_empty(), "without a change: {nothing:?}");
    for edit in EDITS {
        for (file, from, to) in edit.changes {
            workspace.edit(file, from, to)?;
        }
        let log = build("//program:census")?;
        expect(&log, COMPILES, edit.compiles)
            .and_then(|()| expect(&log, BACKENDS, edit.backends))
            .and_then(|()| {
                let links = usize::from(!edit.backends.is_empty());
                let counts = ["CppLTOIndexing", "CppLink"].map(|kind| log.ran(kind).len());
                ensure!(counts == [links; 2], "thin links and links: {counts:?}");
                Ok(())
            })
            .with_context(|| format!("after an edit of {}", edit.name))?;
    }

    let ours = workspace.run("bazel-bin/program/census", &["program/poem.txt"])?;
    build("//program:census_by_rustc")?;
    let rustcs = workspace.run("bazel-bin/program/census_by_rustc", &["program/poem.txt"])?;
    ensure!(
        ours.status.success() && ours.stdout == rustcs.stdout && !ours.stdout.is_empty(),
        "{ours:?} is not {rustcs:?}"
    );
    Ok(())
}

fn expect(log: &ExecutionLog, kind: &str, wanted: &[&str]) -> anyhow::Result<()> {
    let names = names(log, kind);
    ensure!(
        names == wanted,
        "{kind} ran for {names:?}, not for {wanted:?}"
    );
    Ok(())
}

/// The crates or C++ files of the actions of a kind that ran. An output of the crate `x` is named
/// `x-HASH.o`, `libx-HASH.rlib`, or `x.o` if it is a program.
fn names(log: &ExecutionLog, kind: &str) -> Vec<String> {
    let ran = log.ran(kind).into_iter();
    let mut names: Vec<String> = ran
        .map(|output| {
            let name = output.rsplit('/').next().unwrap_or(output);
            let end = if kind == COMPILES { name.find(['-', '.']) } else { None };
            let name = match (end, name.split_once('-')) {
                (Some(end), _) => &name[..end],
                (None, Some((name, _))) => name,
                (None, None) => name.split(".rcgu").next().unwrap_or(name),
            };
            let name = name.strip_suffix(".o").unwrap_or(name);
            let name = if kind == COMPILES { name.strip_prefix("lib").unwrap_or(name) } else { name };
            name.to_owned()
        })
        .collect();
    names.sort();
    names
}
