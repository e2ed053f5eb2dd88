//! `rust-thinlto`: the steps of distributed ThinLTO that are not rustc's, for build systems.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs};

use anyhow::Context;
use clap::Parser;
use distributed::plan::{self, Plan};
use distributed::{
    link, link_inputs, place_module, report, response_file, run_linker, run_rustc, thin_link,
};
use helped::Helped;
use tool_support::command::Ended;
use tool_support::file;

/// The steps of distributed ThinLTO that are not rustc's, for build systems. `@FILE` stands for the
/// arguments in a response file.
#[derive(Parser)]
#[command(name = "rust-thinlto")]
enum Tool {
    /// Write an index for each module, and the plan of the steps that follow
    ThinLink(ThinLink),
    /// Link native objects in place of modules
    Link(Link),
    /// Run the linker for a build system that names the modules itself
    ///
    /// The linker, its environment and further arguments are those of the link inputs.
    #[command(disable_help_flag = true)]
    RunLinker {
        /// Arguments of the linker. `--link-inputs=FILE` stands for the arguments in the link inputs
        /// without the output and the modules; `--without-crate=NAME` omits an upstream crate as well
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run rustc with the flags in files of Bazel's rules, with relative paths
    #[command(disable_help_flag = true)]
    RunRustc {
        /// `--arg-file FILE` for each file, then rustc and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Copy a module and its summary to where Bazel looks for them
    PlaceModule(place_module::Files),
    /// Count modules, imports and bytes
    Report(Report),
}

#[derive(clap::Args)]
struct ThinLink {
    /// The file that `--emit=link-inputs` wrote
    #[arg(long, value_name = "FILE")]
    link_inputs: PathBuf,
    /// The folder for the indexes, the import lists and the plan
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
    /// The file for the plan [default: DIR/plan.json]
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Link {
    /// The file that `--emit=link-inputs` wrote
    #[arg(long, value_name = "FILE")]
    link_inputs: PathBuf,
    /// The plan that the thin link wrote
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// The folder with the native objects, which have the names in the plan
    #[arg(long, value_name = "DIR")]
    natives: PathBuf,
    /// The native object of regular LTO parts, if the plan has one
    #[arg(long, value_name = "FILE")]
    regular: Option<PathBuf>,
    /// The linked file
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(clap::Args)]
struct Report {
    /// The file for the report
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Modules, summaries, indexes and import lists, or folders of them
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    tool_support::main(|| match Tool::parse_from(arguments()?) {
        Tool::ThinLink(args) => run_thin_link(&args),
        Tool::Link(args) => run_link(&args),
        Tool::RunLinker { arguments } => show(&run_linker::run(arguments)?),
        Tool::RunRustc { arguments } => run_rustc::run(arguments),
        Tool::PlaceModule(files) => place_module::run(&files),
        Tool::Report(args) => run_report(&args),
    })
}

/// The command line. rustc reads its response files itself.
fn arguments() -> anyhow::Result<Vec<OsString>> {
    if env::args_os()
        .nth(1)
        .is_some_and(|name| name == "run-rustc")
    {
        return Ok(env::args_os().collect());
    }
    response_file::expand(env::args_os())
}

fn run_thin_link(args: &ThinLink) -> anyhow::Result<()> {
    let program = link_inputs::read(&args.link_inputs)?;
    let dir = &args.out_dir;
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let plan = args.plan.clone().unwrap_or_else(|| dir.join(plan::FILE));
    // A thin link that fails leaves no plan of an earlier one.
    file::remove_stale(&plan)?;
    let thin = thin_link::run(&program, dir)?;
    thin.plan.write(&plan)?;
    show(&thin.linker)
}

fn run_link(args: &Link) -> anyhow::Result<()> {
    let program = link_inputs::read(&args.link_inputs)?;
    let plan = Plan::read(&args.plan)?;
    let natives = plan.natives(&program, &args.natives)?;
    let regular = args.regular.as_deref();
    if plan.regular.is_some() != regular.is_some() {
        let message = match &plan.regular {
            Some(file) => format!("the plan has `{file}`, but there is no `--regular`"),
            None => "the plan has no object of regular LTO parts".to_owned(),
        };
        let help = "pass `--regular` exactly if `regular` in the plan is a file";
        return Err(Helped::new(message, help).into());
    }
    let native = |name: &str| natives.get(name).cloned();
    show(&link::run(&program, native, regular, &args.output)?)
}

fn run_report(args: &Report) -> anyhow::Result<()> {
    let report = report::of_files(&args.files)?;
    file::write_json(&args.output, &report)
}

/// Passes the linker's messages on.
fn show(linker: &Ended) -> anyhow::Result<()> {
    io::stdout().write_all(&linker.stdout)?;
    io::stderr().write_all(&linker.stderr)?;
    Ok(())
}
