//! What is measured of a build.

use std::path::PathBuf;

use serde::Serialize;
use tool_support::command::Usage;

/// The source that a build begins with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Nothing is built, and caches are empty.
    Clean,
    /// A function of the program's own crate, which is compiled last, was edited since the last build.
    LastCrate,
    /// A function of a crate that depends on no other was edited since the last build.
    LeafCrate,
}

/// All kinds, in the order in which they are built.
pub const KINDS: [Kind; 3] = [Kind::Clean, Kind::LastCrate, Kind::LeafCrate];

impl Kind {
    /// The name in the results.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Clean => "clean build",
            Kind::LastCrate => "build after an edit of the program's own crate",
            Kind::LeafCrate => "build after an edit of a leaf crate",
        }
    }
}

/// One build.
#[derive(Debug, Serialize)]
pub struct Build {
    /// From the start of cargo to the program.
    pub seconds: f64,
    /// The time of LTO and of the link, if rustc runs neither.
    pub lto_seconds: Option<f64>,
    /// The size of the program.
    pub program_bytes: u64,
    /// The steps that are known, in their order. The link is the last.
    pub steps: Vec<Step>,
    /// The path of the program.
    #[serde(skip)]
    pub program: PathBuf,
}

impl Build {
    /// The link of the program.
    pub fn link(&self) -> &Step {
        self.steps.last().expect("every build ends with a link")
    }
}

/// The actions of one kind in a build.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Their name.
    pub name: &'static str,
    /// The duration of the step.
    pub seconds: f64,
    /// The peak memory of the largest action.
    pub peak_memory: u64,
    /// The number of actions that ran.
    pub actions: usize,
    /// The number of actions whose output was in a cache.
    pub cached: usize,
    /// The bytes of the input files of all actions that ran, if they could run on other machines.
    pub sent_bytes: Option<u64>,
    /// The bytes of the input files of the action with the most.
    pub most_sent_bytes: Option<u64>,
}

impl Step {
    /// A step of one action.
    pub fn one(name: &'static str, usage: &Usage, sent_bytes: Option<u64>) -> Step {
        Step {
            name,
            seconds: usage.seconds,
            peak_memory: usage.peak_memory,
            actions: 1,
            cached: 0,
            sent_bytes,
            most_sent_bytes: sent_bytes,
        }
    }
}
