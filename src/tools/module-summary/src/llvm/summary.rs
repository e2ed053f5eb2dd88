//! The boundary to `llvm-wrapper/Summary.cpp`.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{c_char, c_void};

use anyhow::anyhow;

use crate::llvm::Text;
use crate::{Call, Function, GlobalValue, Guid, Hotness, Kind, Linkage, ModuleHash};

/// The parts of a summary or of an index.
#[derive(Default)]
pub struct Summary {
    /// Whether it is the index of a module that the linker did not select.
    pub is_skipped: bool,
    pub modules: BTreeMap<String, ModuleHash>,
    pub names: HashMap<Guid, String>,
    pub values: Vec<GlobalValue>,
    error: Option<String>,
}

/// Reads a file of bitcode.
pub fn read(bitcode: &[u8]) -> anyhow::Result<Summary> {
    let mut summary = Summary::default();
    let visitor = Visitor {
        summary: (&raw mut summary).cast(),
        skipped,
        module,
        name,
        value,
        call,
        reference,
        error,
    };
    // SAFETY: `bitcode` and `visitor` live until the call returns. The functions of the visitor are
    // called with `summary` only, in this thread, and nothing else accesses it meanwhile.
    unsafe { ModuleSummaryRead(bitcode.as_ptr().cast(), bitcode.len(), &visitor) };
    match summary.error {
        Some(message) => Err(anyhow!(message)),
        None => Ok(summary),
    }
}

/// A global value, as in Summary.cpp.
#[repr(C)]
struct Value {
    guid: u64,
    module: Text,
    kind: u8,
    linkage: u8,
    is_not_eligible_to_import: bool,
    is_live: bool,
    is_declaration: bool,
    is_no_inline: bool,
    is_always_inline: bool,
    instructions: u32,
    aliasee: u64,
}

/// The functions that C++ calls, as in Summary.cpp. Each gets `summary` first.
#[repr(C)]
struct Visitor {
    summary: *mut c_void,
    skipped: unsafe extern "C" fn(*mut c_void),
    module: unsafe extern "C" fn(*mut c_void, path: Text, hash: *const u32),
    name: unsafe extern "C" fn(*mut c_void, guid: u64, name: Text),
    value: unsafe extern "C" fn(*mut c_void, *const Value),
    call: unsafe extern "C" fn(*mut c_void, callee: u64, hotness: u8),
    reference: unsafe extern "C" fn(*mut c_void, value: u64),
    error: unsafe extern "C" fn(*mut c_void, message: Text),
}

unsafe extern "C" {
    fn ModuleSummaryRead(data: *const c_char, length: usize, to: *const Visitor);
}

/// The summary that a function of the visitor fills.
///
/// # Safety
/// `summary` is the pointer in the [`Visitor`], and there is no other reference to it.
unsafe fn filled<'a>(summary: *mut c_void) -> &'a mut Summary {
    // SAFETY: `read` made the pointer from a `Summary` that outlives the visitor.
    unsafe { &mut *summary.cast() }
}

unsafe extern "C" fn skipped(summary: *mut c_void) {
    // SAFETY: called by C++ with the visitor's pointer.
    unsafe { filled(summary) }.is_skipped = true;
}

unsafe extern "C" fn module(summary: *mut c_void, path: Text, hash: *const u32) {
    // SAFETY: called by C++ with the visitor's pointer, and a path and the five words of a hash that
    // are alive for this call.
    let (summary, path, hash) = unsafe { (filled(summary), path.copy(), *hash.cast()) };
    summary.modules.insert(path, hash);
}

unsafe extern "C" fn name(summary: *mut c_void, guid: u64, name: Text) {
    // SAFETY: called by C++ with the visitor's pointer, and a name that is alive for this call.
    let (summary, name) = unsafe { (filled(summary), name.copy()) };
    summary.names.insert(guid, name);
}

unsafe extern "C" fn value(summary: *mut c_void, value: *const Value) {
    // SAFETY: called by C++ with the visitor's pointer, and a value that is alive for this call, as is
    // its path.
    let (summary, value, module) = unsafe { (filled(summary), &*value, (*value).module.copy()) };
    let kind = match value.kind {
        0 => Kind::Alias(value.aliasee),
        1 => Kind::Function(Function {
            instructions: value.instructions,
            is_no_inline: value.is_no_inline,
            is_always_inline: value.is_always_inline,
            calls: Vec::new(),
        }),
        _ => Kind::Variable,
    };
    summary.values.push(GlobalValue {
        guid: value.guid,
        module,
        kind,
        linkage: linkage(value.linkage),
        is_not_eligible_to_import: value.is_not_eligible_to_import,
        is_live: value.is_live,
        is_declaration: value.is_declaration,
        references: Vec::new(),
    });
}

unsafe extern "C" fn call(summary: *mut c_void, callee: u64, hotness: u8) {
    // SAFETY: called by C++ with the visitor's pointer.
    let last = unsafe { filled(summary) }.values.last_mut();
    if let Some(GlobalValue {
        kind: Kind::Function(function),
        ..
    }) = last
    {
        let hotness = match hotness {
            1 => Hotness::Cold,
            2 => Hotness::None,
            3 => Hotness::Hot,
            4 => Hotness::Critical,
            _ => Hotness::Unknown,
        };
        function.calls.push(Call { callee, hotness });
    }
}

unsafe extern "C" fn reference(summary: *mut c_void, value: u64) {
    // SAFETY: called by C++ with the visitor's pointer.
    if let Some(last) = unsafe { filled(summary) }.values.last_mut() {
        last.references.push(value);
    }
}

unsafe extern "C" fn error(summary: *mut c_void, message: Text) {
    // SAFETY: called by C++ with the visitor's pointer, and a message that is alive for this call.
    let (summary, message) = unsafe { (filled(summary), message.copy()) };
    summary.error = Some(message);
}

/// The linkage with the number that it has in LLVM's `GlobalValue::LinkageTypes`.
fn linkage(number: u8) -> Linkage {
    match number {
        1 => Linkage::AvailableExternally,
        2 => Linkage::LinkOnceAny,
        3 => Linkage::LinkOnceOdr,
        4 => Linkage::WeakAny,
        5 => Linkage::WeakOdr,
        6 => Linkage::Appending,
        7 => Linkage::Internal,
        8 => Linkage::Private,
        9 => Linkage::ExternalWeak,
        10 => Linkage::Common,
        _ => Linkage::External,
    }
}
