//! The bitcode of std that stands ready in the sysroot: for each of its rlibs a thin archive, which
//! names the files of modules beside it. No archive is made for a link then, and the modules have the
//! same paths in every link.

use std::path::{Path, PathBuf};

use object::read::archive::ArchiveFile;
use rustc_session::Session;

use super::{map, members};

/// The folder in which bootstrap puts the modules of the sysroot's crates, beside that of their rlibs.
pub(crate) const SYSROOT_MODULES: &str = "thin-link";

/// Returns the thin archive in the sysroot whose members are those of `rlib`, with the bitcode that is
/// embedded in them. Returns `None` if there is none, or if a file is from another build of std.
pub(super) fn archive(sess: &Session, rlib: &Path) -> Option<PathBuf> {
    // Apple's linker cannot read thin archives.
    if rlib.parent() != Some(&*sess.target_tlib_path.dir) || sess.target.is_like_darwin {
        return None;
    }
    let folder = sess.target_tlib_path.dir.with_file_name(SYSROOT_MODULES);
    let path = folder.join(rlib.file_name()?);
    let list = map(&path).ok()?;
    let list = ArchiveFile::parse(&*list).ok().filter(ArchiveFile::is_thin)?;
    let mut listed = list.members();
    let data = map(rlib).ok()?;
    for member in members(sess, rlib).ok()? {
        let module = map(&folder.join(&member.name)).ok()?;
        let (start, size) = member.range;
        if listed.next()?.ok()?.name() != member.name.as_bytes()
            || *module != data[start as usize..][..size as usize]
        {
            return None;
        }
    }
    listed.next().is_none().then_some(path)
}
