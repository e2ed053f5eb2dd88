//! The tests of packages of crates.io.

use std::fs;
use std::path::Path;

use distributed::fetch;
use distributed::toolchain::Toolchain;

use crate::project::{Project, rustc, texts};

/// Together they have unit tests, integration tests and doctests. One test fails: it needs a file that is not
/// in its package.
const PACKAGES: [(&str, &str); 3] = [
    ("arrayvec", "0.7.8"),
    ("percent-encoding", "2.3.2"),
    ("unicode-width", "0.2.3"),
];

/// The results in the output of `cargo test`, sorted, because tests run at the same time.
fn results(stdout: &str) -> Vec<&str> {
    let mut results: Vec<&str> = stdout
        .lines()
        .map(|line| line.split("; finished in").next().unwrap_or(line))
        .filter(|line| line.starts_with("test "))
        .collect();
    results.sort_unstable();
    results
}

#[test]
fn tests_end_as_without_lto() {
    let tools = Toolchain::find(Path::new(&rustc()), Path::new(env!("CARGO")), None).unwrap();
    let asking = tempfile::tempdir().unwrap();
    let mut manifest = "[package]\nname = \"asking\"\n\n[lib]\npath = \"lib.rs\"\n\n[workspace]\n\n[dependencies]\n".to_owned();
    for (name, version) in PACKAGES {
        manifest += &format!("{name} = \"={version}\"\n");
    }
    fs::write(asking.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(asking.path().join("lib.rs"), "").unwrap();
    let folders = fetch::packages(&tools, asking.path(), &[]).unwrap();
    for (name, _) in PACKAGES {
        let (_, folder) = folders.iter().find(|(found, _)| found == name).unwrap();
        let mut project = Project::copy_of(folder);
        project.share_cache();
        // The dependencies of tests have to be downloaded.
        project.environment.remove("CARGO_NET_OFFLINE");
        let plain = project.cargo("test --release --no-fail-fast").output();
        let lto = project.thinlto("test --no-fail-fast").output();
        let (plain, lto) = (plain.unwrap(), lto.unwrap());
        assert_eq!(lto.status, plain.status, "{name}: {lto:?}");
        let ((plain, _), (lto, stderr)) = (texts(&plain), texts(&lto));
        let is_summary = |line: &str| line.starts_with("ThinLTO: ");
        assert!(stderr.lines().any(is_summary), "{name}: {stderr}");
        let lto = results(&lto);
        assert!(lto.len() > 20, "{name}: {lto:?}");
        assert_eq!(lto, results(&plain), "{name}");
    }
}
