//! Entries of the cache that cannot be damaged without notice.
//!
//! lld takes an entry as it is: from an empty one it links nothing, without an error. So each entry
//! gets a hash of its content at its end, which readers of objects skip. From then on it is read-only,
//! and readable for everyone whom the umask allows, while lld writes its entries for one user.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::UNFINISHED;

/// Comes before the hash.
const MARK: &[u8] = b"cargo-thinlto-1\n";

/// Checks an entry, and adds the hash if lld has written it just now. Returns `false` if it was damaged:
/// then it is removed.
pub fn check(path: &Path) -> io::Result<bool> {
    match check_file(path) {
        // Pruned or replaced by another link.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        result => result,
    }
}

fn check_file(path: &Path) -> io::Result<bool> {
    let is_whole = match fs::read(path) {
        Ok(data) => is_whole(path, &data)?,
        // An entry of another user, whose link has not ended.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => false,
        Err(error) => return Err(error),
    };
    if !is_whole {
        fs::remove_file(path)?;
    }
    Ok(is_whole)
}

fn is_whole(path: &Path, data: &[u8]) -> io::Result<bool> {
    if let Some((object, hash)) = parts(data) {
        return Ok(blake3::hash(object).as_bytes() == hash);
    }
    let is_new = fs::metadata(path)?.mode() & 0o200 != 0;
    let is_whole = is_new && object::File::parse(data).is_ok();
    if is_whole {
        // Without space for the hash it is one of lld's entries still.
        let _ = add_hash(path, data);
    }
    Ok(is_whole)
}

/// The object and its hash, if there is one.
fn parts(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, hash) = data.split_last_chunk::<{ blake3::OUT_LEN }>()?;
    Some((rest.strip_suffix(MARK)?, hash))
}

fn add_hash(path: &Path, object: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(Permissions::from_mode(0o444))
        .tempfile_in(path.parent().unwrap_or(Path::new("")))?;
    for part in [object, MARK, blake3::hash(object).as_bytes()] {
        file.write_all(part)?;
    }
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry as lld writes it.
    fn entry(folder: &Path) -> std::path::PathBuf {
        let mut object = vec![0; 2000];
        // A relocatable file for x86-64 without sections.
        object[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        for (at, value) in [(16, 1), (18, 62), (20, 1), (52, 64), (58, 64)] {
            object[at] = value;
        }
        let path = folder.join("llvmcache-A");
        fs::write(&path, object).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    #[test]
    fn an_entry_is_completed_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = entry(dir.path());
        let size = fs::metadata(&path).unwrap().len();
        for _ in 0..2 {
            assert!(check(&path).unwrap());
            let data = fs::metadata(&path).unwrap();
            assert_eq!(data.len(), size + 48);
            assert_eq!(data.mode() & 0o222, 0);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(check(&dir.path().join("pruned")).unwrap());
    }

    #[test]
    fn a_damaged_entry_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let damages: [fn(&mut Vec<u8>); 5] = [
            |data| data.clear(),
            |data| data.truncate(500),
            |data| data[1000] ^= 1,
            |data| *data.last_mut().unwrap() ^= 1,
            |data| data.fill(0),
        ];
        for damage in damages {
            let path = entry(dir.path());
            assert!(check(&path).unwrap());
            let mut data = fs::read(&path).unwrap();
            damage(&mut data);
            fs::remove_file(&path).unwrap();
            fs::write(&path, data).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
            assert!(!check(&path).unwrap());
            assert!(!path.exists());
        }
    }

    #[test]
    fn an_empty_file_of_a_link_that_lost_power_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("llvmcache-A");
        fs::write(&path, "").unwrap();
        assert!(!check(&path).unwrap() && !path.exists());
    }
}
