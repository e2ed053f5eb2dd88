//! Output files that appear under their final name whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustc_session::config::OutFileName;
use tempfile::NamedTempFile;

/// Writes `data` to `path`.
///
/// The data goes to a temporary file in the folder of `path`, which then takes the name; on an
/// error nothing is left under `path` but what was there before. A symbolic link is followed. A
/// device or a pipe is written to as it is.
pub fn write(path: &Path, data: &[u8]) -> io::Result<()> {
    create(path, |file| file.write_all(data))
}

/// Copies the content of the file `from` to `to`, with the promise of [`write`].
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    create(to, |to| io::copy(&mut from, to).map(drop))
}

/// An output for which there is a file to write to, and which takes its place with [`finish`].
/// Dropped before that, it leaves nothing behind.
pub struct Pending {
    file: NamedTempFile<File>,
    place: Destination,
}

enum Destination {
    File(PathBuf),
    Stream(Box<dyn Write>),
}

impl Pending {
    /// Creates the file for the output `place`. A device, a pipe and standard output get what is in
    /// it in the end.
    pub fn new(place: &OutFileName) -> io::Result<Pending> {
        let place = match place {
            OutFileName::Stdout => Destination::Stream(Box::new(io::stdout())),
            OutFileName::Real(path) => {
                let path = target(path)?;
                if is_stream(&path) {
                    Destination::Stream(Box::new(File::create(path)?))
                } else {
                    Destination::File(path)
                }
            }
        };
        let file = match &place {
            Destination::File(path) => temporary(path)?,
            Destination::Stream(_) => temporary(&std::env::temp_dir().join("stream"))?,
        };
        Ok(Pending { file, place })
    }

    /// The file to write to.
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

/// Puts all of `outputs` in their places, or none of them. The error comes with the index of the output
/// that failed.
///
/// Devices and pipes are first, because writing to them cannot be undone. Then the files are renamed;
/// if one of them cannot be, those before it get their old content back or are removed.
pub fn finish(outputs: Vec<Pending>) -> Result<(), (usize, io::Error)> {
    let mut files = Vec::new();
    for (number, Pending { file, place }) in outputs.into_iter().enumerate() {
        match place {
            Destination::File(path) => files.push((number, file, path)),
            Destination::Stream(mut stream) => {
                copy_to_stream(file.path(), &mut stream).map_err(|err| (number, err))?;
            }
        }
    }
    let is_set = files.len() > 1;
    let mut renamed: Vec<(PathBuf, Before)> = Vec::new();
    for (number, file, path) in files {
        let before = if is_set { Before::keep(&path) } else { Before::Unknown };
        if let Err(err) = file.persist(&path) {
            for (path, before) in renamed {
                before.restore(path);
            }
            return Err((number, err.into()));
        }
        renamed.push((path, before));
    }
    Ok(())
}

fn copy_to_stream(from: &Path, stream: &mut dyn Write) -> io::Result<()> {
    io::copy(&mut File::open(from)?, stream)?;
    stream.flush()
}

/// The state of a path before a file was renamed to it.
enum Before {
    Nothing,
    /// Another link to the file that was there, removed when this is dropped.
    File(NamedTempFile<()>),
    /// Not known, so it cannot be restored.
    Unknown,
}

impl Before {
    /// Links to the file `path`, if there is one. Not every file system has links.
    fn keep(path: &Path) -> Before {
        match temporary_name(path, |link| fs::hard_link(path, link)) {
            Ok(link) => Before::File(link),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Before::Nothing,
            Err(_) => Before::Unknown,
        }
    }

    /// Undoes the renaming of a file to `path`. Errors are ignored: the one to report is that which
    /// led here.
    fn restore(self, path: PathBuf) {
        match self {
            Before::Nothing => drop(fs::remove_file(path)),
            Before::File(link) => drop(link.persist(path)),
            Before::Unknown => {}
        }
    }
}

/// Has `fill` write the file that becomes `path`.
fn create(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let path = target(path)?;
    if is_stream(&path) {
        return fill(&mut File::create(path)?);
    }
    let mut file = temporary(&path)?;
    fill(file.as_file_mut())?;
    file.persist(path)?;
    Ok(())
}

/// The file that `path` stands for.
fn target(path: &Path) -> io::Result<PathBuf> {
    // What `/dev/stdout` leads to may have no path.
    if path.is_symlink() && !is_stream(path) {
        fs::canonicalize(path)
    } else {
        Ok(path.to_path_buf())
    }
}

/// Whether there is something at `path` that a file cannot replace.
fn is_stream(path: &Path) -> bool {
    path.exists() && !path.is_file()
}

/// A new file beside `path`.
fn temporary(path: &Path) -> io::Result<NamedTempFile<File>> {
    temporary_name(path, |path| File::options().write(true).create_new(true).open(path))
}

/// What `create` makes beside `path`, under a name that was free.
fn temporary_name<T>(
    path: &Path,
    create: impl FnMut(&Path) -> io::Result<T>,
) -> io::Result<NamedTempFile<T>> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // `make_in` and not `tempfile_in`, whose files only the owner may read.
    tempfile::Builder::new().prefix(".rustc-").make_in(folder, create)
}

#[cfg(test)]
mod tests;
