//! The goals, and whether they were reached.

use serde::Serialize;
use tool_support::spread::Spread;

use crate::measure::{InMode, Measured};
use crate::mode::{Build, Mode};

/// One goal for one program.
#[derive(Debug, Serialize)]
pub struct Goal {
    /// The name and version of its package.
    pub program: String,
    /// The measured value, and the modes whose ratio it is.
    pub goal: String,
    /// The ratio of two medians.
    pub ratio: f64,
    /// The largest ratio that reaches the goal.
    pub at_most: f64,
    /// Whether the ratio does.
    pub reached: bool,
}

/// All goals for `measured`, for the distributed builds and the one in one process that is closest.
pub fn of(measured: &Measured) -> Vec<Goal> {
    let goal = |mode: Mode, name: &str, baseline: Mode, median: fn(&InMode) -> f64, at_most| {
        let ratio = median(measured.of(mode)) / median(measured.of(baseline));
        Goal {
            program: measured.program.clone(),
            goal: format!("{name}: {} / {}", mode.name(), baseline.name()),
            ratio,
            at_most,
            reached: ratio <= at_most,
        }
    };
    let last = |in_mode: &InMode| lto_seconds(&in_mode.after_edit_of_last_crate).median;
    let leaf = |in_mode: &InMode| lto_seconds(&in_mode.after_edit_of_leaf_crate).median;
    let clean = |in_mode: &InMode| seconds(&in_mode.clean).median;
    let speed = |in_mode: &InMode| Spread::of(in_mode.benchmark_seconds.iter().copied()).median;
    let of = |mode| {
        [
            goal(
                mode,
                "LTO part after an edit of the last crate",
                Mode::Thin,
                last,
                1.0 / 7.0,
            ),
            goal(
                mode,
                "LTO part after an edit of a leaf crate",
                Mode::Thin,
                leaf,
                1.0 / 7.0,
            ),
            goal(mode, "clean build", Mode::Lld, clean, 1.1),
            goal(mode, "the program's own benchmark", Mode::Fat, speed, 1.02),
        ]
    };
    [
        Mode::LldCachedIncremental,
        Mode::Distributed,
        Mode::DistributedIncremental,
    ]
    .map(of)
    .into_iter()
    .flatten()
    .collect()
}

/// The durations of `builds`.
pub fn seconds(builds: &[Build]) -> Spread {
    Spread::of(builds.iter().map(|build| build.seconds))
}

/// The durations of the LTO part of `builds`.
pub fn lto_seconds(builds: &[Build]) -> Spread {
    Spread::of(
        builds
            .iter()
            .map(|build| build.lto_seconds.expect("it was computed")),
    )
}
