//! Finds the file that code was loaded from, by the program headers of what is loaded.
//!
//! `dladdr` also looks for the nearest symbol, which it does by reading the whole symbol table: for
//! librustc_driver some 4 MB, and five million instructions, in each compiler that starts.

use std::ffi::{CStr, OsStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::slice;

struct Search {
    address: u64,
    found: Option<PathBuf>,
}

/// Returns the shared library whose code is at `address`, or `None` if it is the program itself.
pub(super) fn library_at(address: usize) -> Option<PathBuf> {
    let mut search = Search { address: address as u64, found: None };
    // SAFETY: the callback fits the data, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    search.found
}

/// Returns nonzero, which ends the search, when the object is the right one.
///
/// # Safety
/// `info` describes a loaded object, and `search` is a [`Search`].
unsafe extern "C" fn visit(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    search: *mut c_void,
) -> c_int {
    // SAFETY: as the caller promises; nothing else refers to the two during the call.
    let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
    // SAFETY: an object that is loaded has its headers in memory, `dlpi_phnum` of them.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let covers = headers.iter().any(|header| {
        let start = (info.dlpi_addr as u64).wrapping_add(header.p_vaddr as u64);
        header.p_type == libc::PT_LOAD && search.address.wrapping_sub(start) < header.p_memsz as u64
    });
    if covers {
        // SAFETY: the name of a loaded object is a C string; that of the program is empty.
        let name = unsafe { CStr::from_ptr(info.dlpi_name) }.to_bytes();
        search.found = (!name.is_empty()).then(|| OsStr::from_bytes(name).into());
    }
    covers.into()
}
