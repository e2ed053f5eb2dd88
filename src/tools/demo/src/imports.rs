//! Counts the functions that backends import, in the indexes that the thin link wrote.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use distributed::thin_link::ThinLink;
use module_summary::Index;
use rayon::prelude::*;
use serde::Serialize;

/// Functions whose body a module imports from another one. A function that several modules import
/// counts for each of them; variables and aliases do not count.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Imports {
    /// From other modules of any crate.
    pub all: usize,
    /// From modules of other crates.
    pub across_crates: usize,
}

/// Counts the imports of all modules that the linker selected.
pub fn count(thin: &ThinLink) -> anyhow::Result<Imports> {
    let modules = &thin.plan.modules;
    let crates: HashMap<&str, &str> = modules
        .iter()
        .map(|module| (module.name.as_str(), module.crate_name.as_str()))
        .collect();
    modules
        .par_iter()
        .map(|module| {
            let index = Index::read(&thin.index(module))?;
            of_functions(&index.bodies(), &module.name, &crates)
        })
        .try_reduce(Imports::default, |one, other| {
            Ok(Imports {
                all: one.all + other.all,
                across_crates: one.across_crates + other.across_crates,
            })
        })
}

/// The imports among the functions that the backend of the module `own` takes from each module.
fn of_functions(
    functions: &BTreeMap<&str, usize>,
    own: &str,
    crates: &HashMap<&str, &str>,
) -> anyhow::Result<Imports> {
    let crate_of = |name: &str| {
        crates
            .get(name)
            .with_context(|| format!("{own} imports from {name}, which is unknown"))
    };
    let mut imports = Imports::default();
    for (from, count) in functions {
        if *from != own {
            imports.all += count;
            if crate_of(from)? != crate_of(own)? {
                imports.across_crates += count;
            }
        }
    }
    Ok(imports)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions() -> BTreeMap<&'static str, usize> {
        BTreeMap::from([("a.0.o", 9), ("a.1.o", 2), ("b.o", 1)])
    }

    #[test]
    fn counts_functions_of_other_modules() {
        let crates = HashMap::from([("a.0.o", "a"), ("a.1.o", "a"), ("b.o", "b")]);
        let imports = of_functions(&functions(), "a.0.o", &crates).unwrap();
        assert_eq!(
            imports,
            Imports {
                all: 3,
                across_crates: 1
            }
        );
    }

    #[test]
    fn a_module_of_no_crate_is_an_error() {
        let crates = HashMap::from([("a.0.o", "a"), ("a.1.o", "a")]);
        let error = of_functions(&functions(), "a.0.o", &crates).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.0.o imports from b.o, which is unknown"
        );
    }
}
