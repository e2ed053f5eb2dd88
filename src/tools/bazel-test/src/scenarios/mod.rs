//! The tests.

mod bad_input;
mod example;
mod links;
mod precision;
mod programs;
mod remote;

use crate::environment::Environment;

/// A test, which gets its name.
type Test = fn(&Environment, &str) -> anyhow::Result<()>;
/// A test with its name, which is also the name of its folder.
type Named = (&'static str, Test);

/// One test.
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// Runs it.
    pub run: Test,
}

/// All tests, in the order in which they run.
pub fn all() -> Vec<Scenario> {
    let all = [
        example::SCENARIOS,
        precision::SCENARIOS,
        links::SCENARIOS,
        bad_input::SCENARIOS,
        remote::SCENARIOS,
        programs::SCENARIOS,
    ];
    scenarios(all.into_iter().flatten())
}

/// What measures and tests nothing more, and runs only if it is asked for.
pub fn measurements() -> Vec<Scenario> {
    scenarios(programs::MEASUREMENTS.iter())
}

fn scenarios(named: impl Iterator<Item = &'static Named>) -> Vec<Scenario> {
    named.map(|&(name, run)| Scenario { name, run }).collect()
}
