//! The goals, and whether they were reached.

use serde::Serialize;
use tool_support::spread::Spread;

use crate::build::{Build, Kind};
use crate::measure::{InMode, Measured};
use crate::mode::Mode;

/// A value of a program in a mode.
#[derive(Clone, Copy, PartialEq)]
pub enum Measure {
    /// The duration of a build.
    Build(Kind),
    /// The duration of LTO and of the link in a build.
    Lto(Kind),
    /// The peak memory of the link in a clean build.
    LinkMemory,
    /// The duration of the program's own benchmark.
    Speed,
    /// The instructions of the program's own benchmark.
    Instructions,
}

impl Measure {
    fn name(self) -> String {
        match self {
            Measure::Build(kind) => kind.name().to_owned(),
            Measure::Lto(kind) => format!("LTO and link of a {}", kind.name()),
            Measure::LinkMemory => "peak memory of the link".to_owned(),
            Measure::Speed => "the program's own benchmark, seconds".to_owned(),
            Measure::Instructions => "the program's own benchmark, instructions".to_owned(),
        }
    }

    /// The median of the measured values, or `None` if there are none.
    fn median(self, in_mode: &InMode) -> Option<f64> {
        let of_builds = |kind, value: fn(&Build) -> Option<f64>| {
            in_mode.builds(kind).iter().filter_map(value).collect()
        };
        let values: Vec<f64> = match self {
            Measure::Build(kind) => of_builds(kind, |build| Some(build.seconds)),
            Measure::Lto(kind) => of_builds(kind, |build| build.lto_seconds),
            Measure::LinkMemory => {
                of_builds(Kind::Clean, |build| Some(build.link().peak_memory as f64))
            }
            Measure::Speed => in_mode.benchmark_seconds.clone(),
            Measure::Instructions => in_mode.benchmark_instructions.into_iter().collect(),
        };
        (!values.is_empty()).then(|| Spread::of(values).median)
    }
}

/// The ratio of a value in two modes is at most the last number.
type Wanted = (Measure, Mode, Mode, f64);

const WANTED: [Wanted; 16] = {
    use Kind::{Clean, LastCrate, LeafCrate};
    use Measure::{Build, Instructions, LinkMemory, Lto, Speed};
    use Mode::{
        CargoThinlto, CargoThinltoRemote, Distributed, DistributedIncremental, Fat, Lld, Plain,
        Thin,
    };
    [
        (Build(LastCrate), CargoThinlto, Plain, 1.15),
        (Build(LastCrate), CargoThinlto, Thin, 0.05),
        (Build(LeafCrate), CargoThinlto, Plain, 1.25),
        (Build(Clean), CargoThinlto, Lld, 1.0),
        (Build(Clean), CargoThinltoRemote, CargoThinlto, 0.5),
        (LinkMemory, CargoThinlto, Lld, 1.0),
        (Speed, CargoThinlto, Fat, 1.01),
        (Instructions, CargoThinlto, Fat, 1.01),
        (Lto(LastCrate), Distributed, Lld, 1.0 / 7.0),
        (Lto(LeafCrate), Distributed, Lld, 1.0 / 7.0),
        (Build(Clean), Distributed, Lld, 1.1),
        (Speed, Distributed, Fat, 1.02),
        (Lto(LastCrate), DistributedIncremental, Lld, 1.0 / 7.0),
        (Lto(LeafCrate), DistributedIncremental, Lld, 1.0 / 7.0),
        (Build(Clean), DistributedIncremental, Lld, 1.1),
        (Speed, DistributedIncremental, Fat, 1.02),
    ]
};

/// The largest distance of a benchmark's ratio from the ends of its interval.
const PRECISION: f64 = 0.005;

/// One goal for one program.
#[derive(Debug, Serialize)]
pub struct Goal {
    /// The name and version of its package.
    pub program: String,
    /// The measured value, and the modes whose ratio it is.
    pub goal: String,
    /// The ratio of two medians; of a benchmark's seconds, the median of the rounds' ratios, with its
    /// 95 % confidence interval.
    pub ratio: Spread,
    /// The largest ratio that reaches the goal.
    pub at_most: f64,
    /// Whether the ratio does.
    pub reached: bool,
}

/// The goals for `measured` in whose modes it was measured.
pub fn of(measured: &Measured) -> Vec<Goal> {
    let goal = |wanted: Wanted| {
        let (measure, mode, baseline, at_most) = wanted;
        let ratio = ratio(measured, wanted)?;
        Some(Goal {
            program: measured.program.clone(),
            goal: format!("{}: {} / {}", measure.name(), mode.name(), baseline.name()),
            ratio,
            at_most,
            reached: ratio.median <= at_most,
        })
    };
    WANTED.into_iter().filter_map(goal).collect()
}

/// Whether a goal compares `measure` in `mode` with another mode.
pub fn compare(mode: Mode, measure: Measure) -> bool {
    WANTED
        .iter()
        .any(|(wanted, one, other, _)| *wanted == measure && (mode == *one || mode == *other))
}

/// Whether a goal compares builds of `kind` in `mode` with another mode.
pub fn compare_builds(mode: Mode, kind: Kind) -> bool {
    [Measure::Build(kind), Measure::Lto(kind)]
        .into_iter()
        .any(|measure| compare(mode, measure))
}

/// Whether the ratios of all benchmarks are known precisely enough.
pub fn know_speed(measured: &Measured) -> bool {
    let ratios = WANTED
        .into_iter()
        .filter(|(measure, ..)| *measure == Measure::Speed)
        .filter_map(|wanted| ratio(measured, wanted));
    let mut distances =
        ratios.map(|ratio| (ratio.most - ratio.median).max(ratio.median - ratio.least));
    distances.all(|distance| distance <= PRECISION)
}

fn ratio(measured: &Measured, (measure, mode, baseline, _): Wanted) -> Option<Spread> {
    let (mode, baseline) = (measured.of(mode)?, measured.of(baseline)?);
    if measure == Measure::Speed {
        let pairs = mode
            .benchmark_seconds
            .iter()
            .zip(&baseline.benchmark_seconds);
        return Some(median_within(
            pairs.map(|(one, other)| one / other).collect(),
        ));
    }
    let ratio = measure.median(mode)? / measure.median(baseline)?;
    Some(Spread::of([ratio]))
}

/// The median of `values`, and the values between which the true one is with a probability of 95 %,
/// whatever their distribution: half of all values are below the true median, so the number of those
/// below it among `n` has a standard deviation of `√n / 2`.
fn median_within(mut values: Vec<f64>) -> Spread {
    let median = Spread::of(values.iter().copied()).median;
    values.sort_by(f64::total_cmp);
    let (count, most) = (values.len() as f64, values.len() - 1);
    let distance = 1.96 * count.sqrt() / 2.0;
    let least = (count / 2.0 - distance).floor() as usize;
    Spread {
        least: values[least.saturating_sub(1)],
        median,
        most: values[most.min((count / 2.0 + distance).ceil() as usize)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_values_narrow_the_interval() {
        let interval = |count: u32| median_within((0..count).rev().map(f64::from).collect());
        let spread = |least, median, most| Spread {
            least,
            median,
            most,
        };
        assert_eq!(interval(1), spread(0.0, 0.0, 0.0));
        assert_eq!(interval(7), spread(0.0, 3.0, 6.0));
        // The 40th and the 61st of 100, as in tables of the binomial distribution.
        assert_eq!(interval(100), spread(39.0, 49.5, 60.0));
    }

    #[test]
    fn modes_of_goals_are_repeated() {
        assert!(compare_builds(Mode::Lld, Kind::Clean));
        assert!(compare_builds(Mode::Thin, Kind::LastCrate));
        assert!(!compare_builds(Mode::Thin, Kind::Clean));
        assert!(!compare_builds(Mode::Fat, Kind::LeafCrate));
        assert!(compare(Mode::Fat, Measure::Speed) && !compare(Mode::Thin, Measure::Speed));
    }
}
