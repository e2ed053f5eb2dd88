//! Tells which files of a folder were opened or made.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// A watch on a folder.
pub struct Watch(Option<OwnedFd>);

impl Watch {
    /// Begins to watch `folder`.
    pub fn start(folder: &Path) -> Watch {
        let start = || {
            let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            inotify::add_watch(&watch, folder, WatchFlags::OPEN | WatchFlags::MOVED_TO)?;
            rustix::io::Result::Ok(watch)
        };
        Watch(start().ok())
    }

    /// The names of the files that were opened or got their names. `None` if it is not known, because
    /// the system's limits are reached.
    pub fn names(self) -> Option<BTreeSet<Box<OsStr>>> {
        let watch = self.0?;
        let mut names = BTreeSet::new();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(watch, &mut buffer);
        // The first error is that there are no more.
        while let Ok(event) = reader.next() {
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                return None;
            }
            let name = event
                .file_name()
                .map(|name| OsStr::from_bytes(name.to_bytes()));
            names.extend(name.map(Into::into));
        }
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn opened_and_renamed_files_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name| dir.path().join(name);
        for name in ["read", "other", "old"] {
            fs::write(path(name), name).unwrap();
        }
        let watch = Watch::start(dir.path());
        fs::read(path("read")).unwrap();
        fs::rename(path("old"), path("new")).unwrap();
        fs::metadata(path("other")).unwrap();
        let names = watch.names().unwrap();
        let names: Vec<_> = names.iter().map(|name| name.to_str().unwrap()).collect();
        assert_eq!(names, ["new", "read"]);
    }

    #[test]
    fn no_folder_means_that_nothing_is_known() {
        assert_eq!(Watch::start(Path::new("/no such folder")).names(), None);
    }
}
