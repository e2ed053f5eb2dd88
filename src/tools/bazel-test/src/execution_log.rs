//! Bazel's execution log (`--execution_log_json_file`): the actions that were run or found in a cache.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// One action. Actions that Bazel did not have to look at again are not in the log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spawn {
    /// The kind of the action.
    pub mnemonic: String,
    /// The target that it belongs to.
    pub target_label: String,
    /// The outputs that were declared.
    pub listed_outputs: Vec<String>,
    /// The files that it read.
    pub inputs: Vec<File>,
    /// The files that it wrote.
    pub actual_outputs: Vec<File>,
    /// Where it ran: `linux-sandbox`, `remote`, …
    pub runner: String,
    /// Whether its result came from a cache.
    pub cache_hit: bool,
    /// 0 if it was successful.
    pub exit_code: i32,
}

/// A file and its content.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
pub struct File {
    /// The path below the execution root.
    pub path: String,
    /// Its content; None for a symbolic link or an empty folder.
    pub digest: Option<Digest>,
}

/// The hash and the size of a file.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    /// SHA-256.
    pub hash: String,
    /// Bytes, as a decimal number. Bazel leaves a zero out.
    #[serde(default)]
    pub size_bytes: String,
}

/// All actions of one build.
#[derive(Debug)]
pub struct ExecutionLog(pub Vec<Spawn>);

impl ExecutionLog {
    /// Reads the file.
    pub fn read(path: &Path) -> anyhow::Result<ExecutionLog> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        ExecutionLog::parse(&text).with_context(|| format!("cannot use {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<ExecutionLog> {
        let spawns = serde_json::Deserializer::from_str(text).into_iter();
        Ok(ExecutionLog(spawns.collect::<Result<_, _>>()?))
    }

    /// The first outputs of the actions of a kind that were run, sorted.
    pub fn ran(&self, mnemonic: &str) -> Vec<&str> {
        self.outputs(mnemonic, false)
    }

    /// The first outputs of the actions of a kind that a cache had, sorted.
    pub fn hits(&self, mnemonic: &str) -> Vec<&str> {
        self.outputs(mnemonic, true)
    }

    fn outputs(&self, mnemonic: &str, cache_hit: bool) -> Vec<&str> {
        let found = self
            .0
            .iter()
            .filter(|spawn| spawn.mnemonic == mnemonic && spawn.cache_hit == cache_hit);
        let mut outputs: Vec<&str> = found
            .filter_map(|spawn| spawn.listed_outputs.first().map(String::as_str))
            .collect();
        outputs.sort_unstable();
        outputs
    }

    /// The number of actions for each place where they ran; caches are places too.
    pub fn runners(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for spawn in &self.0 {
            *counts.entry(spawn.runner.as_str()).or_default() += 1;
        }
        counts
    }

    /// The bytes that the actions which were run read: as often as they read them, and each content once.
    pub fn bytes_read(&self) -> anyhow::Result<[u64; 2]> {
        let ran = self.0.iter().filter(|spawn| !spawn.cache_hit);
        let (mut all, mut once) = (0, BTreeMap::new());
        for digest in ran
            .flat_map(|spawn| &spawn.inputs)
            .filter_map(|file| file.digest.as_ref())
        {
            let bytes = match digest.size_bytes.as_str() {
                "" => 0,
                number => number
                    .parse::<u64>()
                    .with_context(|| format!("`{number}` bytes"))?,
            };
            all += bytes;
            once.insert(&digest.hash, bytes);
        }
        Ok([all, once.values().sum()])
    }

    /// The hashes of all files that the actions wrote, by path.
    pub fn written(&self) -> BTreeMap<&str, &str> {
        let files = self.0.iter().flat_map(|spawn| &spawn.actual_outputs);
        files
            .filter_map(|file| Some((file.path.as_str(), file.digest.as_ref()?.hash.as_str())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "commandArgs": ["rustc"],
  "environmentVariables": [],
  "inputs": [{"path": "a.rs", "digest": {"hash": "aa", "sizeBytes": "12", "hashFunctionName": "SHA-256"}}],
  "listedOutputs": ["bazel-out/b.o", "bazel-out/b.d"],
  "remotable": true,
  "cacheable": true,
  "timeoutMillis": "0",
  "mnemonic": "CcLtoBackendCompile",
  "actualOutputs": [{"path": "bazel-out/b.o", "digest": {"hash": "bb", "sizeBytes": "1"}}],
  "runner": "remote",
  "cacheHit": false,
  "status": "",
  "exitCode": 0,
  "targetLabel": "//:x"
}{"mnemonic": "CcLtoBackendCompile", "listedOutputs": ["bazel-out/a.o"], "runner": "remote", "actualOutputs": [{"path": "l"}],
  "inputs": [{"path": "same.rs", "digest": {"hash": "aa", "sizeBytes": "12"}}, {"path": "empty", "digest": {"hash": "ee"}}]}
{"mnemonic": "CcLtoBackendCompile", "listedOutputs": ["bazel-out/c.o"], "runner": "remote cache hit", "cacheHit": true}"#;

    #[test]
    fn actions_are_counted_by_kind_and_place() {
        let log = ExecutionLog::parse(TEXT).unwrap();
        let backend = "CcLtoBackendCompile";
        assert_eq!(log.ran(backend), ["bazel-out/a.o", "bazel-out/b.o"]);
        assert_eq!(log.hits(backend), ["bazel-out/c.o"]);
        assert!(log.ran("CppLink").is_empty());
        let runners: Vec<_> = log.runners().into_iter().collect();
        assert_eq!(runners, [("remote", 2), ("remote cache hit", 1)]);
        assert_eq!(
            log.written().into_iter().collect::<Vec<_>>(),
            [("bazel-out/b.o", "bb")]
        );
        assert_eq!(log.bytes_read().unwrap(), [24, 12]);
    }

    #[test]
    fn an_incomplete_file_is_an_error() {
        assert!(ExecutionLog::parse(&TEXT[..TEXT.len() - 1]).is_err());
    }
}
