//! `explain FUNCTION`: why a function is or is not imported into modules, and inlined there.

pub mod answer;
mod text;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use distributed::program;
use helped::Helped;
use module_summary::{GlobalValue, Guid, Hotness, Kind};
use rayon::prelude::*;

use crate::Build;
use crate::explain::answer::{Caller, Definition, Explanation, Function, Module, Outcome};
use crate::failures::Failure;
use crate::inlining;
use crate::linked::Linked;
use crate::names;

/// The most functions that one question is answered for.
const FUNCTIONS: usize = 8;

/// The most modules of a function whose backends are run, unless one is named.
const BACKENDS: usize = 8;

/// The most names that are shown if none matches.
const SIMILAR: usize = 3;

/// A reason why a function is in no summary.
const COMPILE_TIME: &str = "a function that the compiler inlined everywhere is in no summary";

/// Arguments of `explain`.
#[derive(clap::Args)]
pub struct Args {
    /// A function: its path or the end of it, such as `shapes::area`, or its symbol
    pub function: String,
    /// Only this module: its name, the end of its path, or the name of its crate
    #[arg(long, value_name = "MODULE")]
    pub into: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Answers the question on standard output.
pub fn run(build: &Build, args: &Args) -> anyhow::Result<()> {
    let explanation = explain(build, args)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&explanation)?);
    } else {
        print!("{explanation}");
    }
    Ok(())
}

/// Answers the question.
pub fn explain(build: &Build, args: &Args) -> anyhow::Result<Explanation> {
    let linked = Linked::new(build)?;
    let modules = &linked.program.modules;
    let wanted: Vec<usize> = (0..modules.len())
        .filter(|number| {
            let module = &modules[*number];
            args.into
                .as_deref()
                .is_none_or(|into| is_module(module, into))
        })
        .collect();
    if let (true, Some(into)) = (wanted.is_empty(), &args.into) {
        let help = "`report` lists the modules";
        return Err(Helped::new(format!("the program has no module {into}"), help).into());
    }
    let mut functions = Vec::new();
    for (guid, symbol) in find(&linked, &args.function)? {
        let mut modules = modules_of(&linked, guid, &wanted)?;
        let limit = if args.into.is_some() {
            modules.len()
        } else {
            BACKENDS
        };
        run_backends(build, &linked, &symbol, &mut modules, limit)?;
        functions.push(Function {
            name: names::demangled(&symbol),
            definitions: definitions(&linked, guid)?,
            modules: modules.into_iter().map(|(_, module)| module).collect(),
            symbol,
            guid,
        });
    }
    Ok(Explanation::new(functions))
}

/// Whether `query` is the name of the module, the end of its path, or the name of its crate.
fn is_module(module: &program::Module, query: &str) -> bool {
    module.bitcode.ends_with(query) || module.crate_name == query
}

/// The functions that `query` names, with their symbols, in the order of their names.
fn find(linked: &Linked, query: &str) -> anyhow::Result<Vec<(Guid, String)>> {
    let mut functions = HashSet::new();
    for value in linked.summaries.iter().flat_map(|summary| &summary.values) {
        match &value.kind {
            Kind::Function(function) => {
                functions.insert(value.guid);
                functions.extend(function.calls.iter().map(|call| call.callee));
            }
            Kind::Alias(_) => {
                functions.insert(value.guid);
            }
            Kind::Variable => {}
        }
    }
    let mut symbols: BTreeMap<Guid, &str> = BTreeMap::new();
    for summary in &linked.summaries {
        let named = summary
            .names
            .iter()
            .filter(|(guid, _)| functions.contains(guid));
        symbols.extend(named.map(|(guid, name)| (*guid, name.as_str())));
    }
    let mut found = Vec::new();
    let mut similar = BTreeSet::new();
    for (guid, symbol) in symbols {
        let name = names::demangled(symbol);
        if names::matches(query, symbol, &name) {
            found.push((name, guid, symbol.to_owned()));
        } else if names::are_similar(query, &name) {
            similar.insert(name);
        }
    }
    if found.is_empty() {
        let help = match similar.into_iter().take(SIMILAR).collect::<Vec<_>>() {
            similar if similar.is_empty() => "pass the end of its path, or its symbol".to_owned(),
            similar => format!("similar names: {}", similar.join(", ")),
        };
        let message = format!("no function of the program is called {query}");
        return Err(Helped::new(message, help).or(COMPILE_TIME).into());
    }
    found.sort();
    if found.len() > FUNCTIONS {
        let message = format!("{} functions are called {query}", found.len());
        let names: BTreeSet<_> = found.iter().map(|(name, ..)| name.as_str()).collect();
        let some: Vec<_> = names.into_iter().take(FUNCTIONS).collect();
        let help = format!("name one of them: {}, …", some.join(", "));
        return Err(Helped::new(message, help).into());
    }
    let found = found.into_iter();
    Ok(found.map(|(_, guid, symbol)| (guid, symbol)).collect())
}

fn definitions(linked: &Linked, guid: Guid) -> anyhow::Result<Vec<Definition>> {
    let mut definitions = Vec::new();
    for (number, summary) in linked.summaries.iter().enumerate() {
        let module = &linked.program.modules[number];
        for value in summary.values.iter().filter(|value| value.guid == guid) {
            let path = module.bitcode.display().to_string();
            let linked_value = linked.indexes[number].as_ref().and_then(|index| {
                let is_it = |it: &&GlobalValue| it.guid == guid && it.module == path;
                index.values.iter().find(is_it)
            });
            let function = value.function();
            definitions.push(Definition {
                module: module.name.clone(),
                crate_name: module.crate_name.clone(),
                instructions: function.map_or(0, |function| function.instructions),
                linkage: value.linkage.name(),
                is_no_inline: function.is_some_and(|function| function.is_no_inline),
                is_always_inline: function.is_some_and(|function| function.is_always_inline),
                is_not_eligible_to_import: value.is_not_eligible_to_import,
                alias_of: match value.kind {
                    Kind::Alias(aliasee) => Some(names::demangled(&linked.symbol(aliasee))),
                    Kind::Function(_) | Kind::Variable => None,
                },
                is_live: linked_value.is_some_and(|value| value.is_live),
                is_promoted: value.linkage.is_local()
                    && linked_value.is_some_and(|value| !value.linkage.is_local()),
            });
        }
    }
    Ok(definitions)
}

/// Those of the `wanted` modules that have to do with a function, with their numbers.
fn modules_of(
    linked: &Linked,
    guid: Guid,
    wanted: &[usize],
) -> anyhow::Result<Vec<(usize, Module)>> {
    // Calls by the module of the caller and the caller.
    let mut calls: HashMap<(usize, Guid), Hotness> = HashMap::new();
    let mut sizes = Vec::new();
    for (number, summary) in linked.summaries.iter().enumerate() {
        for value in &summary.values {
            let Some(function) = value.function() else {
                continue;
            };
            if value.guid == guid {
                sizes.push((number, value));
            }
            for call in function.calls.iter().filter(|call| call.callee == guid) {
                calls.insert((number, value.guid), call.hotness);
            }
        }
    }
    let mut modules = Vec::new();
    for &number in wanted {
        let Some(index) = &linked.indexes[number] else {
            continue;
        };
        let module = &linked.program.modules[number];
        let path = module.bitcode.display().to_string();
        let mut callers = BTreeSet::new();
        // The hottest call by a function of the module itself.
        let mut direct = None;
        let mut imported = None;
        for value in index.values.iter().filter(|value| !value.is_declaration) {
            let home = linked.number(&value.module)?;
            if value.guid == guid && home != number {
                imported = Some(home);
            }
            let Some(hotness) = calls.get(&(home, value.guid)).filter(|_| value.is_live) else {
                continue;
            };
            if home == number {
                direct = direct.max(Some(*hotness));
            }
            let from = &linked.program.modules[home].name;
            callers.insert(Caller {
                name: names::demangled(&linked.symbol(value.guid)),
                imported_from: (home != number).then(|| from.clone()),
                hotness: hotness.name(),
            });
        }
        let failure = linked.failures.get(&(path, guid));
        let is_defined = sizes.iter().any(|(home, _)| *home == number);
        let result = if is_defined && callers.is_empty() {
            continue;
        } else if is_defined {
            Outcome::Defined
        } else if let Some(home) = imported {
            Outcome::Imported {
                from: linked.program.modules[home].name.clone(),
                limit: direct.map(|hotness| linked.limits.direct(hotness)),
            }
        } else if !callers.is_empty() || failure.is_some() {
            not_imported(linked, failure, &sizes)
        } else {
            continue;
        };
        modules.push((
            number,
            Module {
                module: module.name.clone(),
                crate_name: module.crate_name.clone(),
                result,
                callers: callers.into_iter().collect(),
                inlining: None,
            },
        ));
    }
    Ok(modules)
}

/// Why a function with these definitions was not imported.
fn not_imported(
    linked: &Linked,
    failure: Option<&Failure>,
    definitions: &[(usize, &GlobalValue)],
) -> Outcome {
    let limits = &linked.limits;
    let Some(failure) = failure else {
        let is_linked = |(home, _): &(usize, _)| linked.indexes[*home].is_some();
        let because = if definitions.is_empty() {
            "no module defines it: it is native code, or in a shared library"
        } else if !definitions.iter().any(is_linked) {
            "the linker selected no module that defines it"
        } else {
            "LLVM gives no reason"
        };
        return Outcome::NotImported {
            reason: None,
            because: because.to_owned(),
            limit: None,
        };
    };
    let limit = limits.explained(failure.threshold, failure.hotness);
    let definition = definitions.first().map(|(_, value)| *value);
    let size = definition
        .and_then(GlobalValue::function)
        .map_or(0, |it| it.instructions);
    let because = match failure.reason.as_str() {
        "TooLarge" if limit.multiplier == 0.0 => {
            format!("its calls are {}", failure.hotness.name())
        }
        "TooLarge" => {
            format!(
                "its {size} instructions exceed the limit {}",
                limits.text(&limit)
            )
        }
        "InterposableLinkage" => format!(
            "its linkage `{}` lets the linker choose another definition",
            definition.map_or("weak", |value| value.linkage.name())
        ),
        "LocalLinkageNotInModule" => {
            "it is local, and several local functions have its name".to_owned()
        }
        "NotEligible" => "it cannot be renamed, or refers to something that cannot".to_owned(),
        "NoInline" => "it is `noinline`, so that an import would be in vain".to_owned(),
        "NotLive" => "the program does not reach it".to_owned(),
        "GlobalVar" => "it is a variable".to_owned(),
        other => format!("LLVM says `{other}`"),
    };
    Outcome::NotImported {
        reason: Some(failure.reason.clone()),
        because,
        limit: Some(limit),
    }
}

/// Runs the backends of up to `limit` modules that have the body of the function and call it.
fn run_backends(
    build: &Build,
    linked: &Linked,
    symbol: &str,
    modules: &mut [(usize, Module)],
    limit: usize,
) -> anyhow::Result<()> {
    let may_inline = |module: &Module| {
        let has_body = matches!(module.result, Outcome::Defined | Outcome::Imported { .. });
        has_body && !module.callers.is_empty()
    };
    let callers: Vec<_> = modules
        .iter_mut()
        .filter(|(_, module)| may_inline(module))
        .take(limit)
        .collect();
    callers.into_par_iter().try_for_each(|(number, module)| {
        let remarks = inlining::remarks(build, linked, *number)?;
        module.inlining = Some(inlining::of_function(&remarks, symbol));
        anyhow::Ok(())
    })
}
