//! What is told about functions.

use module_summary::Guid;
use serde::Serialize;

use crate::inlining::Inlining;
use crate::limit::Limit;

/// The version of the JSON.
const VERSION: u32 = 1;

/// The answer.
#[derive(Debug, Serialize)]
pub struct Explanation {
    version: u32,
    /// The functions that were asked about, by their names.
    pub functions: Vec<Function>,
}

impl Explanation {
    pub(crate) fn new(functions: Vec<Function>) -> Explanation {
        Explanation {
            version: VERSION,
            functions,
        }
    }
}

/// A function.
#[derive(Debug, Serialize)]
pub struct Function {
    /// Its readable name.
    pub name: String,
    /// Its symbol.
    pub symbol: String,
    /// LLVM's identification of it.
    pub guid: Guid,
    /// Its definitions. Inline functions may have several.
    pub definitions: Vec<Definition>,
    /// The modules that call it or import it, in the order of the link.
    pub modules: Vec<Module>,
}

/// A definition of a function.
#[derive(Debug, Serialize)]
pub struct Definition {
    /// The module.
    pub module: String,
    /// The crate of the module.
    #[serde(rename = "crate")]
    pub crate_name: String,
    /// LLVM's instructions, as the summary counts them.
    pub instructions: u32,
    /// LLVM's name of the linkage.
    pub linkage: &'static str,
    /// Whether it is `noinline`.
    pub is_no_inline: bool,
    /// Whether it is `alwaysinline`.
    pub is_always_inline: bool,
    /// Whether the summary forbids an import, because it could not be renamed or uses what cannot.
    pub is_not_eligible_to_import: bool,
    /// The function of which this is only another name.
    pub alias_of: Option<String>,
    /// Whether the linker selected the module, and the program reaches the function.
    pub is_live: bool,
    /// Whether the thin link made a local function visible to other modules.
    pub is_promoted: bool,
}

/// A module that has to do with the function.
#[derive(Debug, Serialize)]
pub struct Module {
    /// The file name of its bitcode.
    pub module: String,
    /// The name of its crate.
    #[serde(rename = "crate")]
    pub crate_name: String,
    /// How it gets the function.
    pub result: Outcome,
    /// The functions in it, its own and imported ones, that call the function.
    pub callers: Vec<Caller>,
    /// What the backend inlined, or `None` if it was not run.
    pub inlining: Option<Vec<Inlining>>,
}

/// A call of the function.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Caller {
    /// The name of the function that calls.
    pub name: String,
    /// The module from which that function was imported.
    pub imported_from: Option<String>,
    /// LLVM's name for how often it calls.
    pub hotness: &'static str,
}

/// How a module gets a function.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Outcome {
    /// The module defines it.
    Defined,
    /// The thin link imported its body.
    Imported {
        /// The module it came from.
        from: String,
        /// The limit of instructions, if a function of the module itself calls it.
        limit: Option<Limit>,
    },
    /// The thin link did not import it.
    NotImported {
        /// LLVM's name for the reason, or `None` if LLVM gave none.
        reason: Option<String>,
        /// The reason in words.
        because: String,
        /// The limit of instructions.
        limit: Option<Limit>,
    },
}
