//! Warnings about what makes a build slower, each printed once.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Mutex;

/// What has been warned about, and why.
#[derive(Debug, Default)]
pub struct Warnings(Mutex<BTreeMap<&'static str, String>>);

impl Warnings {
    /// Prints `what` and `why`, unless there was a warning about `what`.
    pub fn once(&self, what: &'static str, why: impl Display) {
        let mut printed = self.0.lock().expect("its holders do not panic");
        printed.entry(what).or_insert_with(|| {
            let why = why.to_string();
            eprintln!("warning: {}", text(what, &why));
            why
        });
    }

    /// The text of each.
    pub fn texts(&self) -> Vec<String> {
        let printed = self.0.lock().expect("its holders do not panic");
        printed.iter().map(|(what, why)| text(what, why)).collect()
    }

    /// All warnings.
    #[cfg(test)]
    pub fn printed(&self) -> Vec<(&'static str, String)> {
        let printed = self.0.lock().unwrap();
        printed
            .iter()
            .map(|(&what, why)| (what, why.clone()))
            .collect()
    }
}

fn text(what: &str, why: &str) -> String {
    format!("{what}: {why}")
}
