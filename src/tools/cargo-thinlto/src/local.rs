//! The packages that cargo may compile incrementally: members of the workspace and others with a path.

use std::fs;
use std::path::Path;
use std::process::Command;

use tool_support::command;

use crate::arguments::Arguments;
use crate::cargo;

/// Options of cargo that decide whether it may make `Cargo.lock`, and from what.
const OF_LOCK: [&str; 3] = ["--frozen", "--locked", "--offline"];

/// The names in the `Cargo.lock` beside `manifest`, which cargo makes now if there is none. Why it cannot, it
/// says itself when it builds.
pub fn packages(manifest: &Path, arguments: &Arguments) -> Vec<String> {
    let lock = manifest.with_file_name("Cargo.lock");
    // `cargo install` makes none.
    if !lock.exists() && !arguments.is_install {
        let mut metadata = Command::new(cargo::path());
        for value in &arguments.config {
            metadata.arg("--config").arg(value);
        }
        metadata.args(["metadata", "--format-version=1", "--manifest-path"]);
        let others = arguments.others.iter();
        let own = others.take_while(|word| *word != "--");
        metadata
            .arg(manifest)
            .args(own.filter(|word| OF_LOCK.iter().any(|option| option == word)));
        let _ = command::run_to_any_end(&mut metadata);
    }
    names(&fs::read_to_string(lock).unwrap_or_default())
}

/// The packages in the text of a `Cargo.lock` that come from no registry or repository.
fn names(lock: &str) -> Vec<String> {
    let lock: toml::Table = lock.parse().unwrap_or_default();
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let local = packages
        .into_iter()
        .flatten()
        .filter(|package| package.get("source").is_none());
    let names = local.filter_map(|package| package.get("name")?.as_str());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn packages_without_a_source_have_a_path() {
        let lock = "version = 4\n\n\
            [[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"itoa\"]\n\n\
            [[package]]\nname = \"itoa\"\nversion = \"1.0.0\"\nsource = \"registry+https://example.com\"\n";
        assert_eq!(names(lock), ["app"]);
        assert_eq!(names(""), [""; 0]);
        assert_eq!(names("not TOML"), [""; 0]);
    }
}
