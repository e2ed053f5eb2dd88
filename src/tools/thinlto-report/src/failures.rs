//! The functions that LLVM did not import, and why, as `-print-import-failures` of a thin link prints
//! them. LLVM tells them in no other form.

use std::collections::HashMap;

use anyhow::{Context, bail};
use module_summary::{Guid, Hotness};

/// The option that makes a thin link print failures.
pub const OPTION: &str = "-mllvm=-print-import-failures";

/// Failures by the path of the importing module and the function.
pub type Failures = HashMap<(String, Guid), Failure>;

/// LLVM's account of a function that it did not import into a module that calls it.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// LLVM's name for the reason, such as `TooLarge`.
    pub reason: String,
    /// The limit of instructions for the call that was allowed most.
    pub threshold: u32,
    /// The hotness of the hottest call.
    pub hotness: Hotness,
    /// The number of calls for which the import was tried.
    pub attempts: u32,
}

/// Reads the failures in the messages of a linker.
pub fn parse(messages: &str) -> anyhow::Result<Failures> {
    let mut failures = HashMap::new();
    let mut module = "";
    for line in messages.lines() {
        if let Some(path) = line.strip_prefix("Missed imports into module ") {
            module = path;
        } else if let Some((function, facts)) = line.split_once(": Reason = ") {
            let context = || format!("LLVM printed an unknown line: {line}");
            let guid = function.split(' ').next().unwrap_or(function);
            let guid = guid.parse().with_context(context)?;
            let failure = parse_facts(facts).with_context(context)?;
            failures.insert((module.to_owned(), guid), failure);
        }
    }
    Ok(failures)
}

/// Reads `TooLarge, Threshold = 100, Size = 132, MaxHotness = unknown, Attempts = 1`.
fn parse_facts(text: &str) -> anyhow::Result<Failure> {
    let (reason, rest) = text.split_once(", ").context("there is one fact")?;
    let facts: HashMap<&str, &str> = rest
        .split(", ")
        .filter_map(|fact| fact.split_once(" = "))
        .collect();
    let fact = |name: &str| {
        facts
            .get(name)
            .with_context(|| format!("there is no {name}"))
    };
    let hotness = match *fact("MaxHotness")? {
        "unknown" => Hotness::Unknown,
        "cold" => Hotness::Cold,
        "none" => Hotness::None,
        "hot" => Hotness::Hot,
        "critical" => Hotness::Critical,
        other => bail!("no hotness is called {other}"),
    };
    Ok(Failure {
        reason: reason.to_owned(),
        threshold: fact("Threshold")?.parse()?,
        hotness,
        attempts: fact("Attempts")?.parse()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_belong_to_the_module_above_them() {
        let text = "ld.lld: warning: something\n\
            Missed imports into module b.o\n\
            7 (a name, with: signs): Reason = InterposableLinkage, Threshold = 70, Size = 2, MaxHotness = hot, Attempts = 1\n\
            Missed imports into module dir/a.o\n\
            8: Reason = TooLarge, Threshold = 100, Size = -1, MaxHotness = unknown, Attempts = 3\n";
        let failures = parse(text).unwrap();
        assert_eq!(failures.len(), 2);
        let failure = |reason: &str, threshold, hotness, attempts| Failure {
            reason: reason.to_owned(),
            threshold,
            hotness,
            attempts,
        };
        assert_eq!(
            failures[&("b.o".to_owned(), 7)],
            failure("InterposableLinkage", 70, Hotness::Hot, 1)
        );
        assert_eq!(
            failures[&("dir/a.o".to_owned(), 8)],
            failure("TooLarge", 100, Hotness::Unknown, 3)
        );
    }

    #[test]
    fn another_form_is_an_error() {
        let error = parse("7: Reason = TooLarge, Size = 2\n").unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "LLVM printed an unknown line: 7: Reason = TooLarge, Size = 2: there is no MaxHotness"
        );
    }
}
