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

#[test]
fn a_pending_file_has_its_name_when_it_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.o");
    let pending = Pending::new(&OutFileName::Real(path.clone())).unwrap();
    fs::write(pending.path(), b"content").unwrap();
    assert!(!path.exists());
    pending.finish().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"content");
    drop(Pending::new(&OutFileName::Real(path)).unwrap());
    assert_eq!(names(folder.path()), ["x.o"]);
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
    let pending = Pending::new(&OutFileName::Real("/dev/null".into())).unwrap();
    fs::write(pending.path(), b"gone").unwrap();
    pending.finish().unwrap();
    assert!(!Path::new("/dev/null").is_file());
}
