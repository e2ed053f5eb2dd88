//! What was to be reached, and whether it was.

use serde::Serialize;

use crate::measure::{InMode, Measured};
use crate::mode::{Build, Mode};
use crate::spread::Spread;

/// One goal for one program.
#[derive(Debug, Serialize)]
pub struct Goal {
    pub program: String,
    pub goal: &'static str,
    /// The ratio of two medians.
    pub ratio: f64,
    pub at_most: f64,
    pub reached: bool,
}

/// All goals for `measured`.
pub fn of(measured: &Measured) -> Vec<Goal> {
    let distributed = measured.of(Mode::Distributed);
    let goal = |goal, ratio, at_most| Goal {
        program: measured.program.clone(),
        goal,
        ratio,
        at_most,
        reached: ratio <= at_most,
    };
    let thin = measured.of(Mode::Thin);
    let lld = measured.of(Mode::Lld);
    let fat = measured.of(Mode::Fat);
    let lto = |in_mode: &InMode, list: fn(&InMode) -> &[Build]| lto_seconds(list(in_mode)).median;
    let last = |in_mode: &InMode| lto(in_mode, |in_mode| &in_mode.after_edit_of_last_crate);
    let leaf = |in_mode: &InMode| lto(in_mode, |in_mode| &in_mode.after_edit_of_leaf_crate);
    let clean = |in_mode: &InMode| seconds(&in_mode.clean).median;
    let speed = |in_mode: &InMode| Spread::of(in_mode.benchmark_seconds.iter().copied()).median;
    vec![
        goal(
            "after an edit of the last crate, LTO part of distributed / of -Clto=thin",
            last(distributed) / last(thin),
            1.0 / 7.0,
        ),
        goal(
            "after an edit of a leaf crate, LTO part of distributed / of -Clto=thin",
            leaf(distributed) / leaf(thin),
            1.0 / 7.0,
        ),
        goal(
            "clean, distributed / lld in one process with std in",
            clean(distributed) / clean(lld),
            1.1,
        ),
        goal(
            "the program's own benchmark, distributed / -Clto=fat",
            speed(distributed) / speed(fat),
            1.02,
        ),
    ]
}

pub fn seconds(builds: &[Build]) -> Spread {
    Spread::of(builds.iter().map(|build| build.seconds))
}

pub fn lto_seconds(builds: &[Build]) -> Spread {
    Spread::of(
        builds
            .iter()
            .map(|build| build.lto_seconds.expect("it was reckoned")),
    )
}
