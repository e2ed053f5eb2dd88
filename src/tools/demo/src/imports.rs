//! Counts the functions that backends import, in the indexes that the thin link wrote.

use std::collections::HashMap;
use std::process::Command;

use anyhow::Context;
use distributed::link_inputs::Program;
use distributed::thin_link::ThinLink;
use distributed::toolchain::Toolchain;
use rayon::prelude::*;
use serde::Serialize;
use tool_support::command;

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
pub fn count(tools: &Toolchain, program: &Program, thin: &ThinLink) -> anyhow::Result<Imports> {
    let crates: HashMap<&str, &str> = program
        .modules
        .iter()
        .map(|module| (module.name.as_str(), module.crate_name.as_str()))
        .collect();
    let modules: Vec<_> = program
        .modules
        .iter()
        .filter(|module| thin.selects(module))
        .collect();
    modules
        .into_par_iter()
        .map(|module| {
            let mut dis = Command::new(&tools.llvm_dis);
            let text = command::run(dis.arg(thin.index(module)).args(["-o", "-"]))?.stdout;
            of_index(std::str::from_utf8(&text)?, &module.name, &crates)
                .with_context(|| format!("cannot read the index of {}", module.name))
        })
        .try_reduce(Imports::default, |one, other| {
            Ok(Imports {
                all: one.all + other.all,
                across_crates: one.across_crates + other.across_crates,
            })
        })
}

/// The imports in the index of the module `own`, as llvm-dis prints it. The index holds the summaries
/// of the module's own functions and of those to import.
fn of_index(text: &str, own: &str, crates: &HashMap<&str, &str>) -> anyhow::Result<Imports> {
    let mut modules = HashMap::new();
    for line in text.lines() {
        if let Some((id, rest)) = line.split_once(" = module: (path: \"") {
            let (path, _) = rest.split_once('"').context("a path has no end")?;
            modules.insert(id, path);
        }
    }
    let mut imports = Imports::default();
    for function in text.split("function: (module: ").skip(1) {
        let (id, rest) = function
            .split_once(',')
            .context("a summary has no module")?;
        let (_, kind) = rest
            .split_once("importType: ")
            .context("a summary has no import type")?;
        let from = *modules
            .get(id)
            .with_context(|| format!("there is no module {id}"))?;
        if from == own || !kind.starts_with("definition") {
            continue;
        }
        imports.all += 1;
        let crate_of = |name| {
            crates
                .get(name)
                .with_context(|| format!("{name} is unknown"))
        };
        if crate_of(from)? != crate_of(own)? {
            imports.across_crates += 1;
        }
    }
    Ok(imports)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = r#"^0 = module: (path: "a.0.o", hash: (1, 2, 3, 4, 5))
^1 = module: (path: "a.1.o", hash: (1, 2, 3, 4, 5))
^2 = module: (path: "b.o", hash: (1, 2, 3, 4, 5))
^3 = gv: (guid: 1, summaries: (function: (module: ^0, flags: (linkage: external, importType: definition), insts: 6, calls: ((callee: ^4), (callee: ^5)))))
^4 = gv: (guid: 2, summaries: (function: (module: ^1, flags: (linkage: external, importType: definition), insts: 6)))
^5 = gv: (guid: 3, summaries: (function: (module: ^1, flags: (linkage: internal, importType: definition), insts: 6), function: (module: ^2, flags: (linkage: internal, importType: definition), insts: 6)))
^6 = gv: (guid: 4, summaries: (function: (module: ^2, flags: (linkage: external, importType: declaration), insts: 900)))
^7 = gv: (guid: 5, summaries: (variable: (module: ^2, flags: (linkage: external, importType: definition))))
^8 = flags: 97
"#;

    #[test]
    fn counts_functions_of_other_modules() {
        let crates = HashMap::from([("a.0.o", "a"), ("a.1.o", "a"), ("b.o", "b")]);
        let imports = of_index(INDEX, "a.0.o", &crates).unwrap();
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
        let error = of_index(INDEX, "a.0.o", &crates).unwrap_err();
        assert_eq!(error.to_string(), "b.o is unknown");
    }
}
