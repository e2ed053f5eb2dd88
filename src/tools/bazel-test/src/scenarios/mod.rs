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

/// The tests that run if none is named, in their order.
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

/// Those that run only if they are named.
pub fn on_request() -> Vec<Scenario> {
    scenarios(programs::ON_REQUEST.iter())
}

fn scenarios(named: impl Iterator<Item = &'static Named>) -> Vec<Scenario> {
    named.map(|&(name, run)| Scenario { name, run }).collect()
}
