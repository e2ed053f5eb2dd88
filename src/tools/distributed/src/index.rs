//! Reads what the thin link decided from an index, with llvm-dis.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use tool_support::command;

/// The flag of an index for a module that the linker did not select.
const SKIPPED: u64 = 0x2;

/// The contents of an index.
#[derive(Debug, PartialEq)]
pub struct Index {
    /// Whether the linker selected the module for the program.
    pub is_selected: bool,
    /// The number of functions whose body the backend takes from a module, by the path of that module.
    /// The functions that the module keeps of its own are among them; variables and aliases are not.
    pub functions: BTreeMap<String, usize>,
}

/// Reads the index `path`.
pub fn read(llvm_dis: &Path, path: &Path) -> anyhow::Result<Index> {
    let text = command::run(Command::new(llvm_dis).arg(path).args(["-o", "-"]))?.stdout;
    let index = std::str::from_utf8(&text)
        .map_err(anyhow::Error::from)
        .and_then(parse);
    index.with_context(|| format!("cannot read the index {}", path.display()))
}

/// Reads an index as llvm-dis prints it. It holds the summaries of the module's own functions and of
/// those to import.
fn parse(text: &str) -> anyhow::Result<Index> {
    let mut modules = HashMap::new();
    let mut is_selected = true;
    for line in text.lines() {
        if let Some((id, rest)) = line.split_once(" = module: (path: \"") {
            let (path, _) = rest.split_once('"').context("a path has no end")?;
            modules.insert(id, path);
        } else if let Some((_, flags)) = line.split_once(" = flags: ") {
            is_selected = flags.parse::<u64>()? & SKIPPED == 0;
        }
    }
    let mut functions = BTreeMap::new();
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
        if kind.starts_with("definition") {
            *functions.entry(from.to_owned()).or_default() += 1;
        }
    }
    Ok(Index {
        is_selected,
        functions,
    })
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
    fn counts_functions_by_module() {
        let index = parse(INDEX).unwrap();
        let functions = [("a.0.o", 1), ("a.1.o", 2), ("b.o", 1)];
        let functions = functions.map(|(path, count)| (path.to_owned(), count));
        assert_eq!(index.functions, BTreeMap::from(functions));
        assert!(index.is_selected);
    }

    #[test]
    fn an_empty_index_is_of_a_module_that_is_not_linked() {
        let index = parse("^0 = flags: 2\n^1 = blockcount: 0\n").unwrap();
        assert_eq!((index.is_selected, index.functions.len()), (false, 0));
    }

    #[test]
    fn a_function_of_no_module_is_an_error() {
        let error = parse(&INDEX.replace("^2 = module", "^9 = module")).unwrap_err();
        assert_eq!(error.to_string(), "there is no module ^2");
    }
}
