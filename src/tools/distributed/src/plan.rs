//! The plan that a thin link makes: the backends to run, and the link.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use helped::Helped;
use serde::{Deserialize, Serialize};
use tool_support::file;

use crate::program::Program;

/// The version of the format.
const VERSION: u32 = 1;

/// The name of its file in the folder of a thin link.
pub const FILE: &str = "plan.json";

/// The modules that the linker selected for a program.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Plan {
    version: u32,
    /// The native object of all regular LTO parts, in the folder of the thin link. CFI and split LTO
    /// units have such parts.
    pub regular: Option<String>,
    /// The modules, in the order of the link.
    pub modules: Vec<Planned>,
}

/// A module for which a backend has to run.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Planned {
    /// The file name of its bitcode, of which a program has only one.
    pub name: String,
    /// The name of its crate.
    #[serde(rename = "crate")]
    pub crate_name: String,
    /// The path of its bitcode, which is the name of the module in indexes.
    pub bitcode: PathBuf,
    /// The path of its index in the folder of the thin link.
    pub index: PathBuf,
    /// The names of the modules that it imports from, sorted.
    pub imports: Vec<String>,
}

impl Plan {
    pub(crate) fn new(regular: Option<String>, modules: Vec<Planned>) -> Plan {
        Plan {
            version: VERSION,
            regular,
            modules,
        }
    }

    /// Reads the plan `path`.
    pub fn read(path: &Path) -> anyhow::Result<Plan> {
        let shown = path.display();
        let help = "pass the `plan.json` that `rust-thinlto thin-link` wrote";
        let text = fs::read_to_string(path)
            .with_context(|| Helped::new(format!("cannot read {shown}"), help))?;
        let plan: Plan = serde_json::from_str(&text)
            .with_context(|| Helped::new(format!("{shown} is not a plan"), help))?;
        if plan.version != VERSION {
            let message = format!("{shown} has version {}, not {VERSION}", plan.version);
            let help = "run the thin link and the link with the same `rust-thinlto`";
            return Err(Helped::new(message, help).into());
        }
        Ok(plan)
    }

    /// The native objects in `folder`, by the names of their modules. It is an error if one is missing,
    /// or if the plan is not of `program`.
    pub fn natives(
        &self,
        program: &Program,
        folder: &Path,
    ) -> anyhow::Result<HashMap<String, PathBuf>> {
        let known: HashSet<&str> = program.modules.iter().map(|it| it.name.as_str()).collect();
        let mut natives = HashMap::new();
        for Planned { name, bitcode, .. } in &self.modules {
            if !known.contains(name.as_str()) {
                let message = format!(
                    "{} is in the plan, but not in the link inputs",
                    bitcode.display()
                );
                let help = "run the thin link again: the program has other modules now";
                return Err(Helped::new(message, help).into());
            }
            let native = folder.join(name);
            if !native.is_file() {
                let message = format!("there is no native object {}", native.display());
                let help = format!("the backend of {} makes it", bitcode.display());
                return Err(Helped::new(message, help).into());
            }
            natives.insert(name.clone(), native);
        }
        Ok(natives)
    }

    /// Writes the plan to `path`.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        file::write_json(path, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let planned = Planned {
            name: "x.o".into(),
            crate_name: "x".into(),
            bitcode: "out/x.o".into(),
            index: "out/x.o.thinlto.bc".into(),
            imports: vec!["y.o".into()],
        };
        let plan = Plan::new(Some("regular.o".into()), vec![planned]);
        plan.write(&path).unwrap();
        assert_eq!(Plan::read(&path).unwrap(), plan);

        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"crate\": \"x\""), "{text}");
        fs::write(&path, text.replace("\"version\": 1", "\"version\": 2")).unwrap();
        let error = helped::report(&Plan::read(&path).unwrap_err());
        assert!(
            error.contains("has version 2, not 1\nhelp: run the thin link"),
            "{error}"
        );
        fs::write(&path, "[]").unwrap();
        let error = helped::report(&Plan::read(&path).unwrap_err());
        assert!(error.contains("plan.json is not a plan: "), "{error}");
    }
}
