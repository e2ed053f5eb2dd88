//! Codegen units: many for crates that are compiled incrementally, so that an edit changes few of them, and
//! few for all others, because each is a module for the linker to read.

use serde_json::Value;

use crate::arguments::Arguments;
use crate::local;
use crate::project::Project;

/// For crates that are not compiled incrementally.
const FEW: u32 = 4;
/// For crates that are; rustc's default for them.
const MANY: u32 = 256;

/// The setting of cargo.
const SETTING: &str = "codegen-units";

/// The settings of `profile`. There are none if the project or the user has decided.
pub fn settings(project: &Project, profile: &str, arguments: &Arguments) -> Vec<String> {
    let overrides = project.overrides(profile);
    let decides = |settings: &Value| !settings[SETTING].is_null();
    let are_decided = overrides
        .iter()
        .any(|(spec, settings)| *spec == "*" && decides(settings));
    if are_decided || project.decides(profile, SETTING) {
        return Vec::new();
    }
    let mut settings = vec![format!("profile.{profile}.{SETTING}={FEW}")];
    if !project.is_incremental(profile) {
        return settings;
    }
    for package in &local::packages(project, arguments) {
        let own: Vec<_> = overrides
            .iter()
            .filter(|(spec, _)| is_for(spec, package))
            .collect();
        if own.iter().any(|(_, settings)| decides(settings)) {
            continue;
        }
        // Cargo refuses two specifications for a package.
        let spec = own.first().map_or(package.as_str(), |(spec, _)| spec);
        let spec = Value::from(spec);
        settings.push(format!("profile.{profile}.package.{spec}.{SETTING}={MANY}"));
    }
    settings
}

/// Whether `spec` selects a package with this name: it is a name, with or without a version, or an address
/// that ends with these or with a folder of that name.
fn is_for(spec: &str, name: &str) -> bool {
    let (address, fragment) = spec.rsplit_once('#').unwrap_or((spec, ""));
    let folder = address.rsplit('/').next().unwrap_or(address);
    let of = |text: &str| text.split(['@', ':']).next() == Some(name);
    of(fragment) || of(folder)
}

#[cfg(test)]
mod tests {
    use super::is_for;

    #[test]
    fn packages_are_specified_in_several_ways() {
        for spec in [
            "app",
            "app@1.0.0",
            "app:1.0",
            "path+file:///home/user/app",
            "path+file:///home/user/app#1.0.0",
            "path+file:///home/user/code#app@1.0.0",
            "file:///code#app",
        ] {
            assert!(is_for(spec, "app"), "{spec}");
        }
        for spec in [
            "*",
            "application",
            "my-app",
            "app-core@1.0.0",
            "file:///app/core",
        ] {
            assert!(!is_for(spec, "app"), "{spec}");
        }
    }
}
