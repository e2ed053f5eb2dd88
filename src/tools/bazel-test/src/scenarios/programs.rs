//! Programs of crates.io: built by the workers, and compared with cargo's build.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use distributed::fetch::{self, Package, RIPGREP, Source};
use distributed::toolchain::Toolchain;
use tool_support::command;

use crate::cargo_workspace;
use crate::environment::Environment;
use crate::scenarios::remote;
use crate::workspace::Workspace;

/// The scenarios of this file.
pub const SCENARIOS: &[super::Named] = &[("program-ripgrep", ripgrep), ("program-oxipng", oxipng)];

/// Its build script compiles libdeflate, which is written in C.
const OXIPNG: Package = Package {
    name: "oxipng",
    version: "10.2.1",
    program: "oxipng",
};

/// ripgrep searches the sources of its crates.
fn ripgrep(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let queries: [&[&str]; 4] = [
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
            "--ignore-case",
            r"(\w+)ing\s+\w+ed",
            "crates",
        ],
        &["--no-config", "no such words", "MODULE.bazel"],
    ];
    compare(environment, name, &RIPGREP, &queries)
}

/// oxipng compresses an image by libdeflate and by Zopfli.
fn oxipng(environment: &Environment, name: &str) -> anyhow::Result<()> {
    let queries: [&[&str]; 4] = [
        &["--version"],
        &["--opt=4", "--stdout", "image.png"],
        &["--opt=1", "--zopfli", "--zi=1", "--stdout", "image.png"],
        &["--stdout", "MODULE.bazel"],
    ];
    compare(environment, name, &OXIPNG, &queries)
}

/// Builds `package` by the workers and by cargo, and compares what the programs print.
fn compare(
    environment: &Environment,
    name: &str,
    package: &Package,
    queries: &[&[&str]],
) -> anyhow::Result<()> {
    let tools = Toolchain::find(&environment.rustc, &environment.cargo, None)?;
    let source = fetch::source(&tools, package, &environment.work_dir)?;
    let mut label = String::new();
    let mut workspace = Workspace::make(environment, name, |dir| {
        label = cargo_workspace::write(&tools, &source, dir)?;
        image(&dir.join("image.png"))
    })?;
    let service = remote::start(environment, name)?;
    workspace.use_options(&remote::options(&service));
    let target = format!("{label}:{}", package.program);
    let log = workspace.build(&["--compilation_mode=opt", &target])?;
    remote::all_in(&log, "remote")?;

    let cargos = cargo(&tools, &source, &environment.folder(name).join("cargo"))?;
    let program = target.replacen("//", "bazel-bin/", 1).replace(':', "/");
    for query in queries {
        let ours = workspace.run(&program, query)?;
        let cargos = Command::new(&cargos)
            .args(*query)
            .current_dir(&workspace.dir)
            .output()?;
        ensure!(
            ours.status.code() == cargos.status.code()
                && ours.stdout == cargos.stdout
                && ours.stderr == cargos.stderr,
            "{query:?}: {ours:?} is not {cargos:?}"
        );
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
