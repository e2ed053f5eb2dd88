//! The exit status, the messages and the files of a run of a compiler.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use tool_support::command::Ended;

use crate::random::RandomParts;

/// The end of a run, and the files in its folder, without random parts.
#[derive(Default)]
pub struct Outcome {
    /// The exit status.
    pub status: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The files below the folder.
    pub files: BTreeMap<String, File>,
}

/// A file that is compared.
pub struct File {
    /// Its permissions.
    pub mode: u32,
    /// The part of its content that is compared.
    pub content: Vec<u8>,
}

impl Outcome {
    /// The outcome of a run that ended, in `folder`.
    pub fn of_run(
        ended: &Ended,
        folder: &Path,
        random: &mut RandomParts,
    ) -> anyhow::Result<Outcome> {
        let mut files = BTreeMap::new();
        read(folder, "", random, &mut files)?;
        let mut text = |bytes| String::from_utf8_lossy(&random.replace_in_text(bytes)).into_owned();
        Ok(Outcome {
            status: ended.status.to_string(),
            stdout: text(&ended.stdout),
            stderr: text(&ended.stderr),
            files,
        })
    }

    /// The files in `folder` without a run.
    pub fn of_folder(folder: &Path) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::default();
        let random = &mut RandomParts::new(false);
        read(folder, "", random, &mut outcome.files)?;
        Ok(outcome)
    }

    /// The number of files that are outputs, not sources.
    pub fn outputs(&self) -> usize {
        let names = self.files.keys();
        names.filter(|name| !name.ends_with(".rs")).count()
    }
}

/// Adds the files in `folder`, whose name is `prefix`, to `files`.
fn read(
    folder: &Path,
    prefix: &str,
    random: &mut RandomParts,
    files: &mut BTreeMap<String, File>,
) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let name = random.replace_in_text(name.as_encoded_bytes());
        let name = format!("{prefix}{}", String::from_utf8_lossy(&name));
        let data = fs::metadata(&path)?;
        if data.is_dir() {
            read(&path, &format!("{name}/"), random, files)?;
            continue;
        }
        let content = random.comparable(&name, &fs::read(&path)?);
        let mode = data.permissions().mode();
        files.insert(name, File { mode, content });
    }
    Ok(())
}
