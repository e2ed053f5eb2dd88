//! The packages that cargo may compile incrementally: members of the workspace and others with a path.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use tool_support::command;

use crate::arguments::Arguments;
use crate::cargo;
use crate::project::Project;

/// Options of cargo that decide whether it may make `Cargo.lock`, and from what.
const OF_LOCK: [&str; 3] = ["--frozen", "--locked", "--offline"];

/// The names in the `Cargo.lock` of `project`, which cargo brings up to date now if it lacks one: a package
/// that got other codegen units from the next build on would be compiled twice.
pub fn packages(project: &Project, arguments: &Arguments) -> Vec<String> {
    let Some(manifest) = project.manifest() else {
        return Vec::new();
    };
    let lock = manifest.with_file_name("Cargo.lock");
    let read = || names(&fs::read_to_string(&lock).unwrap_or_default());
    let mut known = read();
    let lacks_one = |known: &[String]| {
        project
            .local()
            .any(|name| !known.iter().any(|it| it == name))
    };
    // `cargo install` makes none.
    if lacks_one(&known) && !arguments.is_install {
        update(manifest, arguments);
        known = read();
    }
    known.extend(project.local().map(str::to_owned));
    known.sort();
    known.dedup();
    known
}

/// Adds to `Cargo.lock` what it lacks. Why cargo cannot, it says itself when it builds.
fn update(manifest: &Path, arguments: &Arguments) {
    let mut update = Command::new(cargo::path());
    for value in &arguments.config {
        update.arg("--config").arg(value);
    }
    let others = arguments.others.iter();
    let own = others.take_while(|word| *word != "--");
    update
        .args(["update", "--workspace", "--manifest-path"])
        .arg(manifest)
        .args(own.filter(|word| OF_LOCK.iter().any(|option| option == word)));
    if let Ok(ended) = command::run_to_any_end(&mut update)
        && ended.status.success()
        && !arguments.quiet
    {
        // Cargo would tell this when it builds. A closed pipe is no reason to stop.
        let _ = io::stderr().write_all(&ended.stderr);
    }
}

/// The packages in the text of a `Cargo.lock` that come from no registry or repository, with patches that are
/// not used.
fn names(lock: &str) -> Vec<String> {
    let lock: toml::Table = lock.parse().unwrap_or_default();
    let unused = lock.get("patch").and_then(|patch| patch.get("unused"));
    let packages = [lock.get("package"), unused].into_iter().flatten();
    let local = packages
        .filter_map(toml::Value::as_array)
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
            [[package]]\nname = \"itoa\"\nversion = \"1.0.0\"\nsource = \"registry+https://example.com\"\n\n\
            [[patch.unused]]\nname = \"patch\"\nversion = \"1.0.0\"\n";
        assert_eq!(names(lock), ["app", "patch"]);
        assert_eq!(names(""), [""; 0]);
        assert_eq!(names("not TOML"), [""; 0]);
    }
}
