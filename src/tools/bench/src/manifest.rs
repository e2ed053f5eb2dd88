//! A package's profiles.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// Removes the profiles of the package in `root`: some have settings for LTO, such as one codegen unit,
/// and the builds compare cargo's own.
pub fn remove_profiles(root: &Path) -> anyhow::Result<()> {
    let path = root.join("Cargo.toml");
    let remove = || -> anyhow::Result<()> {
        let mut manifest: toml::Table = toml::from_str(&fs::read_to_string(&path)?)?;
        manifest.remove("profile");
        Ok(fs::write(&path, manifest.to_string())?)
    };
    remove().with_context(|| format!("cannot edit {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_the_manifest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("Cargo.toml");
        let rest = "[package]\nname = \"p\"\n\n[dependencies.d]\nversion = \"1\"\n";
        let profiles =
            "\n[profile.release]\nlto = true\n[profile.release.package.d]\nopt-level = 1\n";
        fs::write(&path, format!("{rest}{profiles}")).unwrap();
        remove_profiles(dir.path()).unwrap();
        let read = |text: &str| toml::from_str::<toml::Table>(text).unwrap();
        assert_eq!(read(&fs::read_to_string(&path).unwrap()), read(rest));
    }
}
