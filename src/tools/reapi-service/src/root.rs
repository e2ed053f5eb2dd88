//! The root folder of another Debian release, which has current Bazel and buildbox.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use helped::Helped;
use tool_support::command;

use crate::lock::lock;

/// The release of Debian.
const SUITE: &str = "forky";

/// The packages, with the versions that were tried. Debian's own part of a version may differ.
const PACKAGES: [(&str, &str); 7] = [
    ("bazel-bootstrap", "7.7.1"),
    ("bazel-rules-rust", "0.54.1"),
    ("buildbox", "1.4.16"),
    ("clang-22", "22.1.8"),
    ("lld-22", "22.1.8"),
    ("llvm-22", "22.1.8"),
    ("postgresql-18", "18"),
];

/// A folder that programs can have as their root: see [`Room`](crate::Room).
#[derive(Clone, Debug)]
pub struct Root {
    dir: PathBuf,
}

impl Root {
    /// The root in `dir`, which is made if it does not exist: downloads of 0.8 GB, 1.9 GB on disk,
    /// 4 minutes on 2 cores. Needs root and mmdebstrap, whose progress goes to standard error.
    pub fn ensure(dir: &Path) -> anyhow::Result<Root> {
        let root = Root {
            dir: std::path::absolute(dir)?,
        };
        check_user()?;
        let _lock = lock(&root.dir)?;
        if !dir.exists() {
            root.make()
                .with_context(|| format!("cannot make {}", dir.display()))?;
        }
        root.check_versions()?;
        Ok(root)
    }

    /// The root in the folder that `THINLTO_TEST_ROOT` names, which `./x.py test` sets, or in the build
    /// directory. It is made if it does not exist.
    pub fn of_tests() -> anyhow::Result<Root> {
        let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../build/forky");
        let dir = env::var_os("THINLTO_TEST_ROOT").map_or(default, PathBuf::from);
        Root::ensure(&dir)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the folder aside and renames it.
    fn make(&self) -> anyhow::Result<()> {
        let above = self.dir.parent().context("it has no folder above it")?;
        fs::create_dir_all(above)?;
        eprintln!(
            "making a root of Debian {SUITE} in {}: about 810 MB to download, 1.9 GB on disk, 4 minutes",
            self.dir.display()
        );
        // mmdebstrap refuses a folder that is not empty, and /tmp may be too small.
        let aside = tempfile::Builder::new().prefix("root.").tempdir_in(above)?;
        let names: Vec<&str> = PACKAGES.iter().map(|(name, _)| *name).collect();
        let mut mmdebstrap = Command::new("mmdebstrap");
        mmdebstrap
            .args(["--variant=minbase", "--mode=root", "--format=directory"])
            .arg(format!("--include={}", names.join(",")))
            .arg("--aptopt=Acquire::Check-Valid-Until \"false\"")
            .args(
                ["doc", "locale"].map(|what| format!("--dpkgopt=path-exclude=/usr/share/{what}/*")),
            )
            .arg(SUITE)
            .arg(aside.path())
            // Packages are not installed for a service that runs on this machine.
            .env("TMPDIR", above)
            .env("DEBIAN_FRONTEND", "noninteractive");
        let (status, usage) = command::pass_through(&mut mmdebstrap).with_context(|| {
            Helped::new(
                "mmdebstrap does not start",
                "apt-get install mmdebstrap; ./x.py does that",
            )
        })?;
        if !status.success() {
            let help = "see its message above; the next run starts again";
            return Err(Helped::new(format!("mmdebstrap failed ({status})"), help).into());
        }
        let made = Root {
            dir: aside.path().to_owned(),
        };
        made.check_versions()?;
        fs::rename(aside.keep(), &self.dir)?;
        eprintln!("made it in {:.0} s", usage.seconds);
        Ok(())
    }

    /// It is an error if a package is missing or of a version that was not tried.
    fn check_versions(&self) -> anyhow::Result<()> {
        let admin = self.dir.join("var/lib/dpkg");
        let mut query = Command::new("dpkg-query");
        query
            .arg(format!("--admindir={}", admin.display()))
            .args(["--show", "--showformat=${Package} ${Version}\n"]);
        let listed = command::run(&mut query)?.stdout;
        check(&String::from_utf8_lossy(&listed)).with_context(|| {
            let message = format!("{} is not the root that was tried", self.dir.display());
            let help = "remove the folder to have it made again";
            Helped::new(message, help).or(format!(
                "if Debian {SUITE} has other versions now, run the tests with them, and correct PACKAGES in \
                 src/tools/reapi-service/src/root.rs"
            ))
        })
    }
}

/// Compares `listed`, lines of a package and its version, with [`PACKAGES`].
fn check(listed: &str) -> anyhow::Result<()> {
    let found = |wanted: &str| {
        let lines = listed.lines().filter_map(|line| line.split_once(' '));
        lines.clone().find(|(name, _)| *name == wanted)
    };
    for (name, tried) in PACKAGES {
        let Some((_, version)) = found(name) else {
            bail!("there is no {name}");
        };
        if upstream(version)
            .strip_prefix(tried)
            .is_none_or(|rest| rest.starts_with(|next: char| next.is_ascii_digit()))
        {
            bail!("{name} is {version}, not {tried}");
        }
    }
    Ok(())
}

/// A version without its epoch.
fn upstream(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, rest)| rest)
}

/// Namespaces, and a root with files of other users, need root.
fn check_user() -> anyhow::Result<()> {
    let id = command::run(Command::new("id").arg("-u"))?.stdout;
    if id.trim_ascii() != b"0" {
        let message = "the tests with Bazel and remote execution need root: they have a root folder of their own";
        return Err(Helped::new(message, "run them with sudo").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(change: &str, version: &str) -> String {
        let line = |(name, tried): &(&str, &str)| {
            let version = if *name == change { version } else { tried };
            format!("{name} 1:{version}+ds-8\n")
        };
        PACKAGES.iter().map(line).collect()
    }

    #[test]
    fn versions_that_were_not_tried_are_refused() {
        check(&listed("", "")).unwrap();
        for (version, refused) in [
            ("7.7.1", false),
            ("7.7.10", true),
            ("7.7", true),
            ("8.0.0", true),
        ] {
            let result = check(&listed("bazel-bootstrap", version));
            assert_eq!(result.is_err(), refused, "{version}");
        }
        let error = check(&listed("buildbox", "2")).unwrap_err().to_string();
        assert_eq!(error, "buildbox is 1:2+ds-8, not 1.4.16");
        let error = check("bazel-bootstrap 7.7.1-1\n").unwrap_err().to_string();
        assert_eq!(error, "there is no bazel-rules-rust");
    }
}
