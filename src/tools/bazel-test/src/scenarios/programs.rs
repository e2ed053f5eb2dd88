//! Programs of crates.io: built by the workers, and compared with cargo's build.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use distributed::fetch::{self, Package, RIPGREP, Source};
use distributed::toolchain::Toolchain;
use tool_support::command;

use crate::cargo_workspace;
use crate::environment::Environment;
use crate::scenarios::remote;
use crate::workspace::Workspace;

/// The test of this file: a build by distributed ThinLTO.
pub const SCENARIOS: &[super::Named] = &[("program-oxipng", |environment, name| {
    build(environment, name, &OXIPNG_COMPRESSES, &WAYS[..1])
})];

/// The same of a larger program, and with builds by rules_rust for comparison. They take long.
pub const ON_REQUEST: &[super::Named] = &[
    ("program-ripgrep", |environment, name| {
        build(environment, name, &RIPGREP_SEARCHES, &WAYS[..1])
    }),
    ("times-ripgrep", |environment, name| {
        build(environment, name, &RIPGREP_SEARCHES, &WAYS)
    }),
    ("times-oxipng", |environment, name| {
        build(environment, name, &OXIPNG_COMPRESSES, &WAYS)
    }),
];

/// The ways of building a program, and the suffixes of their targets.
const WAYS: [(&str, &str); 3] = [
    ("distributed ThinLTO", "_thinlto"),
    ("rules_rust, without LTO", "_by_rustc"),
    ("rules_rust, `-Clto=thin`", "_thin"),
];

/// Its build script compiles libdeflate, which is written in C.
const OXIPNG: Package = Package {
    name: "oxipng",
    version: "10.2.1",
    program: "oxipng",
};

/// A program, what it is asked, and functions that are edited.
struct Program {
    package: Package,
    queries: &'static [&'static [&'static str]],
    /// A function of the program's own crate: the file in its package, and its first line.
    last: (&'static str, &'static str),
    /// A function of a crate that many others depend on: the crate, the file, and its first line.
    leaf: (&'static str, &'static str, &'static str),
}

/// ripgrep searches the sources of its crates.
const RIPGREP_SEARCHES: Program = Program {
    package: RIPGREP,
    queries: &[
        &["--version"],
        &[
            "--no-config",
            "--sort=path",
            "--line-number",
            r"fn \w+_bytes\(",
            "crates",
        ],
        &[
            "--no-config",
            "--sort=path",
            "--count-matches",
            r"(\w+)ing\s+\w+ed",
            "crates",
        ],
        &["--no-config", "no such words", "MODULE.bazel"],
    ],
    last: (
        "crates/core/main.rs",
        "fn search(args: &HiArgs, mode: SearchMode) -> anyhow::Result<bool> {",
    ),
    leaf: (
        "memchr",
        "src/arch/all/twoway.rs",
        "fn forward(needle: &[u8], kind: SuffixKind) -> Suffix {",
    ),
};

/// oxipng compresses an image by libdeflate and by Zopfli.
const OXIPNG_COMPRESSES: Program = Program {
    package: OXIPNG,
    queries: &[
        &["--version"],
        &["--opt=4", "--stdout", "image.png"],
        &["--opt=1", "--zopfli", "--zi=1", "--stdout", "image.png"],
        &["--stdout", "MODULE.bazel"],
    ],
    last: (
        "src/main.rs",
        "fn process_file(input: &InFile, output: &OutFile, opts: &Options) -> OptimizationResult {",
    ),
    leaf: (
        "simd-adler32",
        "src/imp/scalar.rs",
        "pub fn update(a: u16, b: u16, data: &[u8]) -> (u16, u16) {",
    ),
};

/// Builds a program by the workers in `ways`, the first of which is ours, and by cargo. Compares what ours and
/// cargo's print, and prints a table of the time and of the bytes of builds by the workers.
fn build(
    environment: &Environment,
    name: &str,
    program: &Program,
    ways: &[(&str, &str)],
) -> anyhow::Result<()> {
    let tools = Toolchain::find(&environment.rustc, &environment.cargo, None)?;
    let source = fetch::source(&tools, &program.package, &environment.work_dir)?;
    let mut label = String::new();
    let mut workspace = Workspace::make(environment, name, |dir| {
        label = cargo_workspace::write(&tools, &source, dir)?;
        image(&dir.join("image.png"))
    })?;
    let service = remote::start(environment, name)?;
    let mut options = remote::options(&service);
    // Each build does all of its work, whatever others have left in the store.
    options.extend(["--compilation_mode=opt", "--noremote_accept_cached"].map(str::to_owned));
    workspace.use_options(&options);

    // A folder of cargo's registry is called NAME-VERSION too.
    let package = |name: &str| -> anyhow::Result<String> {
        let found = source.packages.iter().find(|(found, _)| found == name);
        let (_, folder) = found.with_context(|| format!("there is no crate {name}"))?;
        let folder = folder.file_name().context("a package has no folder")?;
        Ok(format!("crates/{}", folder.to_string_lossy()))
    };
    let edits = [
        (
            format!("{}/{}", package(program.package.name)?, program.last.0),
            program.last.1,
        ),
        (
            format!("{}/{}", package(program.leaf.0)?, program.leaf.1),
            program.leaf.2,
        ),
    ];
    println!(
        "| {} | clean | own crate | {} |\n| --- | ---: | ---: | ---: |",
        program.package, program.leaf.0
    );
    for (number, (way, suffix)) in ways.iter().enumerate() {
        workspace.use_output_base(&format!("output-base-{number}"))?;
        let target = format!("{label}:{}{suffix}", program.package.program);
        workspace.build(&["--nobuild", &target])?;
        let mut cells = vec![cell(&workspace, &target)?];
        if number == 0 {
            compare(
                &workspace,
                &target,
                program,
                &cargo(&tools, &source, &environment.folder(name).join("cargo"))?,
            )?;
        }
        for (file, line) in &edits {
            // Edits of before stay: each is another one.
            let edited = format!("{line}\n    std::hint::black_box({number});");
            workspace.edit(file, line, &edited)?;
            cells.push(cell(&workspace, &target)?);
        }
        println!("| {way} | {} |", cells.join(" | "));
    }
    Ok(())
}

/// Builds a target by the workers: the seconds, the number of actions, and the bytes that workers without
/// files of their own get.
fn cell(workspace: &Workspace, target: &str) -> anyhow::Result<String> {
    let start = Instant::now();
    let log = workspace.build(&[target])?;
    let seconds = start.elapsed().as_secs_f64();
    remote::all_in(&log, "remote")?;
    let [_, bytes] = log.bytes_read()?;
    Ok(format!(
        "{seconds:.0} s, {} actions, {} MB",
        log.0.len(),
        bytes / 1_000_000
    ))
}

/// Compares what the program that was built for `target` prints with what cargo's does.
fn compare(
    workspace: &Workspace,
    target: &str,
    program: &Program,
    cargos: &Path,
) -> anyhow::Result<()> {
    let ours = target.replacen("//", "bazel-bin/", 1).replace(':', "/");
    for query in program.queries {
        let ours = workspace.run(&ours, query)?;
        let cargos = Command::new(cargos)
            .args(*query)
            .current_dir(&workspace.dir)
            .output()?;
        let same = ours.status.code() == cargos.status.code()
            && ours.stdout == cargos.stdout
            && ours.stderr == cargos.stderr;
        ensure!(same, "{query:?}: {ours:?} is not {cargos:?}");
    }
    Ok(())
}

/// Builds the program by cargo in `dir`, without LTO.
fn cargo(tools: &Toolchain, source: &Source, dir: &Path) -> anyhow::Result<PathBuf> {
    let mut cargo = tools.cargo("build", &[]);
    cargo
        .args(["--release", "--locked", "--bin", source.program])
        .current_dir(&source.root)
        .env("CARGO_TARGET_DIR", dir);
    command::run(&mut cargo)?;
    Ok(dir.join("release").join(source.program))
}

/// Writes an image of smooth colors.
fn image(path: &Path) -> anyhow::Result<()> {
    let side = 64u32;
    let pixels: Vec<u8> = (0..side * side)
        .flat_map(|at| [at / side, at % side, at * at / side].map(|value| value as u8))
        .collect();
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(())
}
