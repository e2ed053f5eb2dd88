//! Which actions run again after an edit of the example, as Bazel's execution log counts them.

use anyhow::ensure;

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
    /// The crates and C++ files whose backends run again. If a module imports from another one than
    /// before, backends of std may run as well: lld numbers the imports of all modules, and the order in
    /// an index depends on the numbers.
    backends: &'static [&'static str],
}

/// The edit after which a module imports from another one than before.
const NEW_IMPORT: &str = "a new dependency";

/// The targets of the program's crates.
const CRATES: &[&str] = &[
    "arguments",
    "census_by_rustc",
    "characters",
    "checksum",
    "count",
    "layout",
    "rank",
    "report",
    "summary",
    "units",
    "words",
];
/// These crates, and the file in C++.
const MODULES: &[&str] = &[
    "arguments",
    "census",
    "characters",
    "checksum",
    "count",
    "layout",
    "rank",
    "report",
    "step",
    "summary",
    "units",
    "words",
];
/// The crate `characters`, and those that depend on it.
const AFTER_CHARACTERS: &[&str] = &[
    "census_by_rustc",
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
        compiles: &["census_by_rustc", "rank", "report", "summary"],
        backends: &["rank"],
    },
    Edit {
        name: "a function that another crate imports",
        changes: &[("report/layout.rs", "{name:<12}", "{name:<14}")],
        compiles: &["census_by_rustc", "layout", "report"],
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
        name: NEW_IMPORT,
        changes: &[
            (
                "text/BUILD.bazel",
                "deps = [\":count\"]",
                "deps = [\":characters\", \":count\"]",
            ),
            (
                "text/rank.rs",
                "ranks.truncate(limit);",
                "ranks.truncate(limit + usize::from(characters::is_part_of_word(b'-')));",
            ),
        ],
        compiles: &["census_by_rustc", "rank", "report", "summary"],
        backends: &["rank"],
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
    ensure!(
        compiled(&clean) == CRATES,
        "compiles: {:?}",
        compiled(&clean)
    );
    let mut own = backends(&clean, true);
    own.dedup();
    ensure!(own == MODULES, "backends: {own:?}");
    ensure!(
        backends(&clean, false).contains(&"core"),
        "std takes no part"
    );
    ensure!(
        clean
            .ran("Rustc")
            .iter()
            .all(|output| output.contains("-exec")),
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
        let links = usize::from(!edit.backends.is_empty());
        let ran = (
            compiled(&log),
            backends(&log, edit.name == NEW_IMPORT),
            ["CppLTOIndexing", "CppLink"].map(|kind| log.ran(kind).len()),
        );
        let wanted = (edit.compiles.to_vec(), edit.backends.to_vec(), [links; 2]);
        ensure!(
            ran == wanted,
            "after an edit of {}: {ran:?}, not {wanted:?}",
            edit.name
        );
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

/// The crates that were compiled, by their targets.
fn compiled(log: &ExecutionLog) -> Vec<&str> {
    let compiles = log.0.iter().filter(|spawn| spawn.mnemonic == COMPILES);
    let mut crates: Vec<&str> = compiles
        .filter_map(|spawn| spawn.target_label.rsplit([':', '/']).next())
        .collect();
    crates.sort_unstable();
    crates
}

/// The crates and C++ files whose backends ran, or those that are not std's. An object of the crate `x`
/// is named `x-HASH.o`, or `x.o` if it is a program.
fn backends(log: &ExecutionLog, without_std: bool) -> Vec<&str> {
    let mut outputs = log.ran(BACKENDS);
    outputs.retain(|output| !(without_std && output.contains("/_objs/std/")));
    let names = outputs
        .into_iter()
        .filter_map(|output| output.rsplit('/').next());
    let mut names: Vec<&str> = names
        .map(|name| name.split(['-', '.']).next().unwrap_or(name))
        .collect();
    names.sort_unstable();
    names
}
