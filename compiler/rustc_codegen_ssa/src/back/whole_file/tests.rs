use std::fs;
use std::io::{self, Write};

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn replaces_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.o");
    write(&path, b"a long first content").unwrap();
    write(&path, b"second").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
    assert_eq!(names(folder.path()), ["x.o"]);
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.o");
    write(&path, b"first").unwrap();
    let error = create(&path, |file| {
        file.write_all(b"half of")?;
        Err(io::Error::other("disk full"))
    });
    assert_eq!(error.unwrap_err().to_string(), "disk full");
    assert_eq!(fs::read(&path).unwrap(), b"first");
    assert_eq!(names(folder.path()), ["x.o"]);
}

#[test]
fn a_missing_folder_is_the_plain_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("x.o");
    let plain = File::create(&path).unwrap_err().to_string();
    assert_eq!(write(&path, b"").unwrap_err().to_string(), plain);
}

#[test]
fn a_copy_shares_nothing_with_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    write(&from, b"content").unwrap();
    copy(&from, &to).unwrap();
    write(&from, b"other").unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"content");
}

/// An output with the content `new`.
fn pending(path: &Path) -> Pending {
    let pending = Pending::new(&OutFileName::Real(path.to_path_buf())).unwrap();
    fs::write(pending.path(), b"new").unwrap();
    pending
}

#[test]
fn a_pending_file_has_its_name_when_it_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.o");
    let output = pending(&path);
    assert!(!path.exists());
    finish(vec![output]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    drop(pending(&path));
    assert_eq!(names(folder.path()), ["x.o"]);
}

#[test]
fn a_set_replaces_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["x.o", "x.s"].map(|name| folder.path().join(name));
    fs::write(&paths[0], b"old").unwrap();
    finish(paths.iter().map(|path| pending(path)).collect()).unwrap();
    assert_eq!(paths.map(|path| fs::read(path).unwrap()), [b"new", b"new"]);
    assert_eq!(names(folder.path()), ["x.o", "x.s"]);
}

#[test]
fn a_name_that_cannot_be_taken_leaves_the_set_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let too_long = "long".repeat(100);
    let paths = ["old.o", "new.o", &too_long, "last.o"].map(|name| folder.path().join(name));
    fs::write(&paths[0], b"old").unwrap();
    let (number, _) = finish(paths.iter().map(|path| pending(path)).collect()).unwrap_err();
    assert_eq!(number, 2);
    assert_eq!(fs::read(&paths[0]).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["old.o"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_leaves_the_set_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().join("x.o"), "/dev/full".into()];
    let (number, error) = finish(paths.iter().map(|path| pending(path)).collect()).unwrap_err();
    assert_eq!((number, error.kind()), (1, io::ErrorKind::StorageFull));
    assert_eq!(names(folder.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_devices_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    write(&file, b"first").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    write(&link, b"second").unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"second");

    write(Path::new("/dev/null"), b"gone").unwrap();
    finish(vec![pending(Path::new("/dev/null"))]).unwrap();
    assert!(!Path::new("/dev/null").is_file());
}
