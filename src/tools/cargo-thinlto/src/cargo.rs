//! Runs cargo with the settings of LTO.
//!
//! The flags of rustc are in the profile (`profile.NAME.rustflags`, unstable in cargo): they are added
//! to the user's flags, and `build-override` keeps them from build scripts, proc macros and the crates
//! that these depend on.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::arguments::Arguments;
use crate::c_flags;
use crate::cache::Cache;
use crate::compiler::Compiler;
use crate::lld;
use crate::project::{Flags, Project, list};
use crate::remote::Distributor;
use crate::session::{Session, Settings};
use crate::signals;
use crate::summary::Link;

/// Makes a cargo of any channel take unstable settings. Only cargo reads this variable; with
/// `RUSTC_BOOTSTRAP`, build scripts would take the compiler for a nightly.
pub const ON_ANY_CHANNEL: (&str, &str) =
    ("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS", "nightly");

/// The flags of every crate that is not for the host.
const FLAGS: [&str; 3] = [
    "-Clinker-plugin-lto",
    "-Zlink-embedded-bitcode",
    "-Clink-arg=-fuse-ld=lld",
];

/// A verb of cargo.
#[derive(Clone, Copy, PartialEq)]
pub enum Verb {
    /// `cargo build`
    Build,
    /// `cargo run`
    Run,
    /// `cargo test`
    Test,
    /// `cargo bench`
    Bench,
    /// `cargo rustc`
    Rustc,
    /// `cargo install`
    Install,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Verb::Build => "build",
            Verb::Run => "run",
            Verb::Test => "test",
            Verb::Bench => "bench",
            Verb::Rustc => "rustc",
            Verb::Install => "install",
        }
    }

    /// The profile without an option that names one, and the option if cargo's own default is not for
    /// release.
    fn default_profile(self) -> (&'static str, Option<&'static str>) {
        match self {
            Verb::Build | Verb::Run | Verb::Test | Verb::Rustc => ("release", Some("--release")),
            Verb::Bench => ("bench", None),
            Verb::Install => ("release", None),
        }
    }
}

/// Runs cargo's `verb` with `arguments`, and returns its exit code.
pub fn run(verb: Verb, arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    let read = Arguments {
        is_install: verb == Verb::Install,
        ..Arguments::read(arguments)
    };
    if read.help {
        let error = Command::new(path()).arg(verb.name()).args(arguments).exec();
        return Err(error).context("cannot start cargo");
    }
    let mut run = Run::prepare(verb, read)?;
    let status = signals::wait(&mut run.cargo).context("cannot start cargo")?;
    run.finish()?;
    signals::exit_code(status)
}

/// The path of the cargo that runs this program, or of the one in `PATH`.
pub fn path() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// A run of cargo.
pub struct Run {
    /// The command.
    pub cargo: Command,
    session: Session,
    cache: Cache,
    quiet: bool,
}

impl Run {
    /// Prepares a run of `verb`.
    pub fn prepare(verb: Verb, read: Arguments) -> anyhow::Result<Run> {
        let path = path();
        let (lld, compiler) = (lld::find()?, Compiler::find()?);
        let project = Project::read(&path, &read)?;
        let cache = Cache::find()?;
        let session = Session::start(&Settings {
            lld,
            cache: cache.folder().to_owned(),
            distributor: Distributor::find(&read, &project, &compiler.rustc)?,
        })?;

        let (mut profile, release) = verb.default_profile();
        if let Some(named) = &read.profile {
            profile = named;
        }
        let mut cargo = Command::new(&path);
        cargo.env(ON_ANY_CHANNEL.0, ON_ANY_CHANNEL.1);
        // Not for the programs that cargo runs.
        let (name, _) = ON_ANY_CHANNEL;
        for setting in ["value=''", "force=true"] {
            cargo.arg("--config").arg(format!("env.{name}.{setting}"));
        }
        cargo
            .arg("-Zprofile-rustflags")
            .env("RUSTC", &compiler.rustc)
            .env("RUSTDOC", &compiler.rustdoc);
        // The user's come first, because the last one counts.
        for value in &read.config {
            cargo.arg("--config").arg(value);
        }
        for setting in settings(&project, profile)? {
            cargo.arg("--config").arg(setting);
        }
        if verb == Verb::Test {
            match project.with_flags("rustdocflags", &FLAGS) {
                Flags::Variable(name, value) => cargo.env(name, value),
                Flags::Setting(setting) => cargo.arg("--config").arg(setting),
            };
        }
        cargo.envs(c_flags::variables(&project));
        cargo.arg(verb.name());
        cargo.args(release.filter(|_| read.profile.is_none()));
        cargo.args(&read.others);
        session.join(&mut cargo)?;
        Ok(Run {
            cargo,
            session,
            cache,
            quiet: read.quiet,
        })
    }

    /// Tells what the links did, once cargo has ended.
    pub fn finish(self) -> anyhow::Result<()> {
        let links = self.session.links()?;
        // A cache that cannot be written to never fails a build.
        let counted = if links.is_empty() {
            Ok(())
        } else {
            self.cache.count(&links)
        };
        let links = Link::sum(links);
        for warning in &links.warnings {
            eprintln!("warning: {warning}");
        }
        // Of a full disk, a link has told.
        if let Err(error) = counted
            && links.warnings.is_empty()
        {
            eprintln!("warning: the modules are not counted: {error:#}");
        }
        if links.modules > 0 && !self.quiet {
            eprintln!("{links}");
        }
        Ok(())
    }
}

/// The settings of `profile`. lld takes the place of its `lto`.
fn settings(project: &Project, profile: &str) -> anyhow::Result<Vec<String>> {
    if !project.has_profile(profile) {
        // That is cargo's to say.
        return Ok(Vec::new());
    }
    project.check(profile)?;
    let mut settings = vec![
        format!("profile.{profile}.rustflags={}", list(&FLAGS)),
        format!("profile.{profile}.build-override.rustflags=[]"),
        format!("profile.{profile}.lto=false"),
    ];
    if !project.decides(profile, "incremental") {
        settings.push(format!("profile.{profile}.incremental=true"));
    }
    Ok(settings)
}
