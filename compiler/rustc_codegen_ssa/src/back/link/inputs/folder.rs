//! The folder `S.link-inputs` of the files that only a link needs.
//!
//! It appears as a whole, and is removed as far as rustc has written it: a list in it tells its files
//! from those of others.

use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use rustc_fs_util::TempDirBuilder;
use rustc_macros::Diagnostic;
use rustc_session::Session;
use tempfile::TempDir;

use super::{Unwritable, folder_at};

/// The list of the other files and folders, a path a line; a folder comes before what is in it.
const CONTENTS: &str = ".rustc-contents";

/// The folder while its files are made: under a temporary name.
pub(super) struct Folder {
    /// Its final path.
    path: PathBuf,
    /// Its path until then, in a folder that is removed with this value.
    temporary: PathBuf,
    _parent: TempDir,
}

impl Folder {
    /// Removes what an earlier session has left at `path`, and creates the folder anew.
    pub(super) fn new(sess: &Session, path: &Path) -> Folder {
        remove(sess, path);
        let beside = path.parent().unwrap_or(Path::new(""));
        // Only the owner may read such a folder: the one that stays is in it.
        let created = TempDirBuilder::new()
            .prefix(".rustc-")
            .tempdir_in(folder_at(beside))
            .and_then(|parent| {
                // Paths stay relative if they are given so.
                let name = parent.path().file_name().unwrap();
                let temporary = beside.join(name).join(path.file_name().unwrap());
                fs::create_dir(&temporary)?;
                Ok(Folder { path: path.to_path_buf(), temporary, _parent: parent })
            });
        created.unwrap_or_else(|error| sess.dcx().emit_fatal(Unwritable { path, error }))
    }

    /// The path to write files to.
    pub(super) fn path(&self) -> &Path {
        &self.temporary
    }

    /// Replaces the paths in `text` of what is in the folder by the final ones.
    pub(super) fn final_names(&self, text: &str) -> String {
        match (self.temporary.to_str(), self.path.to_str()) {
            (Some(temporary), Some(path)) => text.replace(temporary, path),
            _ => text.to_owned(),
        }
    }

    /// Gives the folder its final path, unless there is nothing in it.
    pub(super) fn finish(&self, sess: &Session) {
        let finished = (|| -> io::Result<()> {
            let mut contents = String::new();
            list(&self.temporary, "", &mut contents)?;
            if contents.is_empty() {
                return Ok(());
            }
            fs::write(self.temporary.join(CONTENTS), contents)?;
            fs::rename(&self.temporary, &self.path)
        })();
        if let Err(error) = finished {
            sess.dcx().emit_fatal(Unwritable { path: &self.path, error });
        }
    }
}

/// Appends all that is in `folder` to `contents`, with `prefix` before the names.
fn list(folder: &Path, prefix: &str, contents: &mut String) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().display());
        contents.push_str(&name);
        contents.push('\n');
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), contents)?;
        }
    }
    Ok(())
}

/// Removes what rustc has put into the folder at `path`, and the folder. Ends the session with an
/// error if there is anything else in it.
pub(super) fn remove(sess: &Session, path: &Path) {
    if let Err(error) = remove_contents(path) {
        sess.dcx().emit_fatal(Unwritable { path, error });
    }
    match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            let first = fs::read_dir(path).ok().and_then(|mut entries| entries.next()?.ok());
            let file = first.map_or_else(|| path.to_path_buf(), |entry| entry.path());
            sess.dcx().emit_fatal(NotOurs { path, file: &file })
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            sess.dcx().emit_fatal(Unwritable { path, error })
        }
        _ => {}
    }
}

fn remove_contents(folder: &Path) -> io::Result<()> {
    let contents = match fs::read_to_string(folder.join(CONTENTS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        contents => contents?,
    };
    for name in contents.lines().map(Path::new).rev() {
        // Nobody can lead us out of the folder.
        if !name.components().all(|component| matches!(component, Component::Normal(_))) {
            continue;
        }
        let path = folder.join(name);
        let removed = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => fs::remove_dir(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) => Err(error),
        };
        if let Err(error) = removed
            && !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty)
        {
            return Err(error);
        }
    }
    fs::remove_file(folder.join(CONTENTS))
}

#[derive(Diagnostic)]
#[diag("`{$path}` is not empty: rustc did not write `{$file}`")]
#[note("rustc writes this folder anew each time, and removes only its own files")]
#[help("move what else is in it, or choose another place with `--out-dir`")]
struct NotOurs<'a> {
    path: &'a Path,
    file: &'a Path,
}
