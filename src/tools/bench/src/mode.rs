//! The ways to build a program.

use std::path::Path;

use clap::ValueEnum;
use distributed::fetch::Source;
use distributed::toolchain::Toolchain;
use serde::{Serialize, Serializer};

use crate::build::{Build, Kind};
use crate::{cargo, driver};

/// A way to build a program. In all but the last two, cargo builds with its own defaults for a release.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Mode {
    /// `cargo build` without LTO across crates; incremental
    Plain,
    /// `cargo build` with `lto = "thin"`
    Thin,
    /// `cargo build` with `lto = "fat"`
    Fat,
    /// `cargo build` with `-Clinker-plugin-lto`: lld runs ThinLTO in one process, std included
    Lld,
    /// `cargo thinlto build`
    CargoThinlto,
    /// `cargo thinlto build` with a remote cache that has all modules; only clean builds
    CargoThinltoRemote,
    /// All steps of distributed ThinLTO, by the driver of `./x.py demo`
    Distributed,
    /// The same with the program's own crate compiled incrementally
    DistributedIncremental,
}

impl Mode {
    /// The name in the results.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Plain => "no LTO, incremental",
            Mode::Thin => "`lto = \"thin\"`",
            Mode::Fat => "`lto = \"fat\"`",
            Mode::Lld => "lld, one process",
            Mode::CargoThinlto => "`cargo thinlto`",
            Mode::CargoThinltoRemote => "`cargo thinlto`, full remote cache",
            Mode::Distributed => "distributed",
            Mode::DistributedIncremental => "distributed, incremental",
        }
    }

    /// The name of the folder of builds, which is the one on the command line.
    pub fn folder(self) -> String {
        let value = self.to_possible_value().expect("no mode is skipped");
        value.get_name().to_owned()
    }

    /// Whether builds of `kind` are measured.
    pub fn has(self, kind: Kind) -> bool {
        self != Mode::CargoThinltoRemote || kind == Kind::Clean
    }

    /// Builds the program in `dir`, on top of the previous build in this mode.
    pub fn build(self, tools: &Toolchain, source: &Source, dir: &Path) -> anyhow::Result<Build> {
        match self {
            Mode::Distributed => driver::build(tools, source, dir, false),
            Mode::DistributedIncremental => driver::build(tools, source, dir, true),
            Mode::CargoThinltoRemote => cargo::build_from_server(tools, source, dir),
            _ => cargo::build(self, tools, source, dir),
        }
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
