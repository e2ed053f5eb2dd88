//! Reads ThinLTO's summaries and indexes by LLVM itself.
//!
//! A [`ModuleSummary`] is a compiler's output: the global values of a module. An [`Index`] is a thin
//! link's: the values that the backend of a module gets, with the decisions on them.
//!
//! [`remarks`] are those that a backend makes on its optimizations.
//!
//! [`llvm`] is the boundary to C++, and has all unsafe code.

mod llvm;
pub mod remarks;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use anyhow::Context;
use helped::Helped;

/// LLVM's identification of a global value: a hash of its name, and of the name of the source file as
/// well if the linkage is local.
pub type Guid = u64;

/// The hash of the bitcode of a module, or zeros if it was written without one.
pub type ModuleHash = [u32; 5];

/// The summary of a module, from a thin-link summary or from bitcode.
#[derive(Debug)]
pub struct ModuleSummary {
    /// The hash of the module.
    pub hash: ModuleHash,
    /// The definitions of the module, in the order of their GUIDs.
    pub values: Vec<GlobalValue>,
    /// The mangled names of these values and of those that they call or refer to.
    pub names: HashMap<Guid, String>,
}

/// The index that a thin link wrote for a module.
#[derive(Debug)]
pub struct Index {
    /// Whether the linker selected the module for the program.
    pub is_selected: bool,
    /// The hashes of the modules that the backend reads, by their paths.
    pub modules: BTreeMap<String, ModuleHash>,
    /// The values of the module and those that it imports, in the order of their GUIDs.
    pub values: Vec<GlobalValue>,
}

/// The summary of a global value.
#[derive(Debug, PartialEq)]
pub struct GlobalValue {
    /// Its GUID.
    pub guid: Guid,
    /// The path of its module in an index. Empty in the summary of a module.
    pub module: String,
    /// What it is.
    pub kind: Kind,
    /// Its linkage. In an index, that after the thin link.
    pub linkage: Linkage,
    /// Whether it cannot be renamed or refers to something that cannot.
    pub is_not_eligible_to_import: bool,
    /// In an index, whether the program reaches it. In the summary of a module, whether it has to be
    /// kept in any case.
    pub is_live: bool,
    /// Whether it is imported as a declaration only. Has a meaning in an index.
    pub is_declaration: bool,
    /// The values whose address it takes or that it reads and writes.
    pub references: Vec<Guid>,
}

/// The kinds of global values.
#[derive(Debug, PartialEq)]
pub enum Kind {
    /// A function.
    Function(Function),
    /// A global variable.
    Variable,
    /// Another name of the value with this GUID. Zero in an index without that value.
    Alias(Guid),
}

/// The part of a summary that only functions have.
#[derive(Debug, Default, PartialEq)]
pub struct Function {
    /// The number of LLVM's instructions, except debug intrinsics.
    pub instructions: u32,
    /// Whether it is `noinline`.
    pub is_no_inline: bool,
    /// Whether it is `alwaysinline`.
    pub is_always_inline: bool,
    /// Its direct calls, one for each callee.
    pub calls: Vec<Call>,
}

/// A direct call.
#[derive(Debug, PartialEq)]
pub struct Call {
    /// The function that is called.
    pub callee: Guid,
    /// How often, by a profile or by branch weights.
    pub hotness: Hotness,
}

/// How often a call runs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Hotness {
    /// There is no profile.
    Unknown,
    /// Hardly ever.
    Cold,
    /// Neither often nor seldom.
    None,
    /// Often.
    Hot,
    /// In the hottest part of the program.
    Critical,
}

/// The linkages of LLVM.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "LLVM's names, which its manual explains")]
pub enum Linkage {
    External,
    AvailableExternally,
    LinkOnceAny,
    LinkOnceOdr,
    WeakAny,
    WeakOdr,
    Appending,
    Internal,
    Private,
    ExternalWeak,
    Common,
}

impl Linkage {
    /// Whether only the module itself can name the value, so that an import needs another name for it.
    pub fn is_local(self) -> bool {
        matches!(self, Linkage::Internal | Linkage::Private)
    }

    /// Whether the linker may choose another definition with another meaning.
    pub fn is_interposable(self) -> bool {
        use Linkage::*;
        matches!(self, LinkOnceAny | WeakAny | ExternalWeak | Common)
    }

    /// The name in LLVM's assembly language.
    pub fn name(self) -> &'static str {
        match self {
            Linkage::External => "external",
            Linkage::AvailableExternally => "available_externally",
            Linkage::LinkOnceAny => "linkonce",
            Linkage::LinkOnceOdr => "linkonce_odr",
            Linkage::WeakAny => "weak",
            Linkage::WeakOdr => "weak_odr",
            Linkage::Appending => "appending",
            Linkage::Internal => "internal",
            Linkage::Private => "private",
            Linkage::ExternalWeak => "extern_weak",
            Linkage::Common => "common",
        }
    }
}

impl Hotness {
    /// LLVM's name.
    pub fn name(self) -> &'static str {
        match self {
            Hotness::Unknown => "unknown",
            Hotness::Cold => "cold",
            Hotness::None => "none",
            Hotness::Hot => "hot",
            Hotness::Critical => "critical",
        }
    }
}

impl GlobalValue {
    /// The part of a function's summary, if it is a function.
    pub fn function(&self) -> Option<&Function> {
        match &self.kind {
            Kind::Function(function) => Some(function),
            Kind::Variable | Kind::Alias(_) => None,
        }
    }
}

impl ModuleSummary {
    /// Reads the file `path`: a thin-link summary, or a module with a ThinLTO summary.
    pub fn read(path: &Path) -> anyhow::Result<ModuleSummary> {
        let bitcode = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        ModuleSummary::parse(&bitcode, &path.display().to_string())
    }

    /// Reads bitcode, which messages call `name`. Of the two parts of a split LTO unit, that is the one
    /// for ThinLTO.
    pub fn parse(bitcode: &[u8], name: &str) -> anyhow::Result<ModuleSummary> {
        let mut summary =
            llvm::summary::read(bitcode).with_context(|| unreadable("summary", name))?;
        match summary.modules.remove("") {
            Some(hash) => Ok(ModuleSummary {
                hash,
                values: summary.values,
                names: summary.names,
            }),
            None => {
                let help = "pass the module or its summary, `NAME.o` or `NAME.indexing.o`";
                Err(Helped::new(format!("{name} is an index, not a module"), help).into())
            }
        }
    }
}

impl Index {
    /// Reads the index `path`.
    pub fn read(path: &Path) -> anyhow::Result<Index> {
        let name = path.display().to_string();
        let bitcode = fs::read(path).with_context(|| format!("cannot read {name}"))?;
        let summary = llvm::summary::read(&bitcode).with_context(|| unreadable("index", &name))?;
        if summary.modules.contains_key("") {
            let help = "pass the file that the thin link wrote, `NAME.o.thinlto.bc`";
            return Err(Helped::new(format!("{name} is a module, not an index"), help).into());
        }
        Ok(Index {
            is_selected: !summary.is_skipped,
            modules: summary.modules,
            values: summary.values,
        })
    }

    /// The number of functions whose body the backend gets from each module, by its path. Those of the
    /// module itself are among them; variables and aliases are not.
    pub fn bodies(&self) -> BTreeMap<&str, usize> {
        let mut bodies = BTreeMap::new();
        for value in &self.values {
            if value.function().is_some() && !value.is_declaration {
                *bodies.entry(value.module.as_str()).or_default() += 1;
            }
        }
        bodies
    }
}

fn unreadable(kind: &str, name: &str) -> Helped {
    let message = format!("cannot read the {kind} {name}");
    Helped::new(
        message,
        "write it again, with the compiler and the linker of LLVM 22",
    )
}
