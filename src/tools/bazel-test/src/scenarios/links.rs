//! What the rules link, compared with what rules_rust itself links of the same targets.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use anyhow::{Context, ensure};
use tool_support::command;

use crate::environment::Environment;
use crate::workspace::Workspace;

/// The scenarios of this file.
pub const SCENARIOS: &[super::Named] = &[
    ("links", links),
    ("modes", modes),
    ("cross-language", cross_language),
    ("workspace-file", workspace_file),
];

/// Programs of `src/bazel/tests/links`, with arguments and exit status; a signal counts as 128 and more.
const PROGRAMS: &[(&str, &[&str], i32)] = &[
    ("units", &["1", "5", "6"], 0),
    ("abort", &[], 134),
    ("unwind", &[], 101),
    ("native_program", &[], 0),
    ("long", &[], 0),
];

/// Programs, a library and tests: native libraries of all kinds, flags from everywhere.
fn links(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let workspace = Workspace::new(environment, name, "tests/links")?;
    workspace.build(&["-c", "opt", "//..."])?;
    for &(program, arguments, status) in PROGRAMS {
        compare(&workspace, program, arguments, status)
            .with_context(|| format!("program {program}"))?;
    }
    let (ours, rustcs) = (
        "bazel-bin/for_c_thinlto/libfor_c.so",
        "bazel-bin/libfor_c.so",
    );
    ensure!(
        symbols(&workspace, ours)? == symbols(&workspace, rustcs)?,
        "symbols of libfor_c.so"
    );
    ensure!(
        symbols(&workspace, ours)?.contains("exported_by_dependency"),
        "the library exports nothing of its dependency"
    );
    // It has a run path from its own folder as well.
    let needed = |file| -> anyhow::Result<Vec<String>> {
        let mut lines = dynamic(&workspace, file)?.into_iter().collect::<Vec<_>>();
        lines.retain(|line| !line.contains("runpath"));
        Ok(lines)
    };
    ensure!(needed(ours)? == needed(rustcs)?, "needs of libfor_c.so");
    let loaded = tool(&workspace, &["ldd", ours])?;
    let line = loaded.lines().find(|line| line.contains("libshared.so"));
    ensure!(
        line.is_some_and(|line| line.contains("_solib_")),
        "{loaded}"
    );

    // The environment of the program.
    let run = |target: &str| -> anyhow::Result<String> {
        let mut bazel = workspace.bazel("run")?;
        let ended = command::run(bazel.args(["-c", "opt", target, "--", "3"]))?;
        Ok(String::from_utf8(ended.stdout)?)
    };
    let text = run("//:units_thinlto")?;
    ensure!(
        text.contains("GREETING Some(\"hello\")"),
        "the environment: {text}"
    );
    ensure!(text == run("//:units")?, "{text}");

    let mut bazel = workspace.bazel("test")?;
    let tests = ["//:numbers_test_thinlto", "//:failing_test_thinlto"];
    let ended = command::run_to_any_end(bazel.args(["-c", "opt", "--keep_going"]).args(tests))?;
    let text = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    let line = |target: &str| {
        text.lines()
            .find(|line| line.starts_with(target))
            .unwrap_or_default()
    };
    ensure!(line(tests[0]).contains("PASSED"), "{text}");
    ensure!(
        line(tests[1]).contains("FAILED") && ended.status.code() == Some(3),
        "{text}"
    );
    Ok(())
}

/// Compilation modes, and pipelined compilation.
fn modes(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let workspace = Workspace::new(environment, name, "tests/links")?;
    let pipelined = "--@rules_rust//rust/settings:pipelined_compilation=True";
    for options in [&["-c", "fastbuild", pipelined][..], &["-c", "dbg"]] {
        let targets = [
            "//:units",
            "//:units_thinlto",
            "//:native_program",
            "//:native_program_thinlto",
        ];
        let log = workspace.build(&[options, &targets].concat())?;
        let compiles = log.ran("RustThinLtoCompile").len();
        ensure!(compiles == 5, "{options:?}: {compiles} compiles");
        for &(program, arguments, status) in PROGRAMS
            .iter()
            .filter(|it| it.0 == "units" || it.0 == "native_program")
        {
            compare(&workspace, program, arguments, status)
                .with_context(|| format!("program {program}, {options:?}"))?;
        }
        let debug = sections(&workspace, "bazel-bin/units_thinlto")?.contains(".debug_info");
        ensure!(debug == (options[1] == "dbg"), "{options:?}: debug info");
    }
    let targets = ["//:numbers_test_thinlto", "//:unwind", "//:unwind_thinlto"];
    workspace.build(&[&["-c", "fastbuild", pipelined, RENAME][..], &targets].concat())?;
    let output = workspace.run("bazel-bin/numbers_test_thinlto", &[])?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(text.contains("test result: ok. 1 passed"), "{output:?}");
    compare(&workspace, "unwind", &[], 101)
}

/// Crates that rules_rust renames.
const RENAME: &str = "--@rules_rust//rust/settings:rename_first_party_crates=True";

/// The rules in a WORKSPACE, without modules of Bazel.
fn workspace_file(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let workspace = Workspace::new(environment, name, "tests/workspace")?;
    workspace.build(&["//..."])?;
    compare(&workspace, "hello", &[], 0)
}

/// Rust and C++ are inlined into each other, whichever of them the program is written in.
fn cross_language(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let workspace = Workspace::new(environment, name, "example")?;
    workspace.build(&[
        "-c",
        "opt",
        "--config=clang",
        "//program:census",
        "//plugin:host",
        "//plugin:static_host",
    ])?;
    let program = code(&workspace, "bazel-bin/program/census")?;
    ensure!(
        !program.contains("checksum_step"),
        "the function in C++ is not inlined"
    );
    // Its factor, 16777619.
    ensure!(
        program.contains("$0x1000193"),
        "the function in C++ is missing"
    );
    for program in ["host", "static_host"] {
        let output = workspace.run(&format!("bazel-bin/plugin/{program}"), &[])?;
        ensure!(
            output.status.success() && output.stdout == b"2\n",
            "{program}: {output:?}"
        );
    }
    let static_host = code(&workspace, "bazel-bin/plugin/static_host")?;
    ensure!(
        static_host.contains("<census_words>\n") && !static_host.contains("<census_is_valid>\n"),
        "the small function in Rust is not inlined into the program in C"
    );
    let needed = dynamic(&workspace, "bazel-bin/plugin/static_host")?;
    ensure!(
        !needed.iter().any(|name| name.contains("plugin")),
        "{needed:?}"
    );
    Ok(())
}

/// A program behaves and is linked as rules_rust's.
fn compare(
    workspace: &Workspace,
    program: &str,
    arguments: &[&str],
    status: i32,
) -> anyhow::Result<()> {
    let paths = [
        format!("bazel-bin/{program}_thinlto"),
        format!("bazel-bin/{program}"),
    ];
    let mut outputs = Vec::new();
    for path in &paths {
        let output = workspace.run(path, arguments)?;
        let signal = output.status.signal().map(|signal| 128 + signal);
        ensure!(
            output.status.code().or(signal) == Some(status),
            "{path}: {output:?}"
        );
        outputs.push(output.stdout);
    }
    ensure!(outputs[0] == outputs[1], "{outputs:?}");
    let [ours, rustcs] = &paths;
    ensure!(
        dynamic(workspace, ours)? == dynamic(workspace, rustcs)?,
        "needed libraries"
    );
    ensure!(
        symbols(workspace, ours)? == symbols(workspace, rustcs)?,
        "dynamic symbols"
    );
    Ok(())
}

/// The needed libraries, the run path and the name of a file. The linker of GNU names the dynamic linker
/// as well; lld does not if the program refers to no symbol of it.
fn dynamic(workspace: &Workspace, file: &str) -> anyhow::Result<BTreeSet<String>> {
    let kinds = ["(NEEDED)", "(RUNPATH)", "(SONAME)"];
    let text = tool(workspace, &["readelf", "-dW", file])?;
    let lines = text
        .lines()
        .filter(|line| kinds.iter().any(|kind| line.contains(kind)));
    let values = lines.filter_map(|line| line.split_once(") "));
    let values = values.map(|(_, value)| value.trim().to_owned());
    Ok(values.filter(|value| !value.contains("ld-linux")).collect())
}

/// The names of the dynamic symbols that a file defines.
fn symbols(workspace: &Workspace, file: &str) -> anyhow::Result<BTreeSet<String>> {
    let text = tool(
        workspace,
        &["nm", "-D", "--defined-only", "--format=posix", file],
    )?;
    let names = text.lines().filter_map(|line| line.split_once(' '));
    Ok(names.map(|(name, _)| name.to_owned()).collect())
}

fn sections(workspace: &Workspace, file: &str) -> anyhow::Result<String> {
    tool(workspace, &["readelf", "-SW", file])
}

fn code(workspace: &Workspace, file: &str) -> anyhow::Result<String> {
    tool(workspace, &["objdump", "-d", "--no-show-raw-insn", file])
}

/// What a program of binutils prints.
fn tool(workspace: &Workspace, command: &[&str]) -> anyhow::Result<String> {
    let mut tool = Command::new(command[0]);
    let ended = command::run(tool.args(&command[1..]).current_dir(&workspace.dir))?;
    Ok(String::from_utf8(ended.stdout)?)
}
