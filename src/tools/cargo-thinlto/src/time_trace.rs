//! Counts of LTO from the time trace of lld.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::summary::Link;

/// The events of a module, whether its native object is in the cache or not: of lld's own backends, and of
/// others.
const MODULE: [&str; 2] = [
    "Total Run ThinLTO backend thread (in-process)",
    "Total Emit individual index for DTLTO",
];
/// The event of a module that is compiled.
const COMPILED: &str = "Total Thin backend";
/// The event of all modules together.
const ALL: &str = "Total Run ThinLTO";

#[derive(Deserialize)]
struct Trace {
    #[serde(rename = "traceEvents")]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    name: String,
    /// The duration in microseconds.
    #[serde(default)]
    dur: u64,
    #[serde(default)]
    args: Arguments,
}

#[derive(Default, Deserialize)]
struct Arguments {
    #[serde(default)]
    count: usize,
}

/// Arguments that make lld write a trace to `file`. It has the totals of events, no single ones.
pub fn options(file: &Path) -> [String; 2] {
    [
        format!("--time-trace={}", file.display()),
        format!("--time-trace-granularity={}", u32::MAX),
    ]
}

/// The counts in the trace `file`.
pub fn read(file: &Path) -> anyhow::Result<Link> {
    let read = || -> anyhow::Result<Trace> {
        Ok(serde_json::from_reader(BufReader::new(File::open(file)?))?)
    };
    let trace = read().with_context(|| format!("cannot read {}", file.display()))?;
    let mut link = Link::default();
    for event in &trace.events {
        match event.name.as_str() {
            name if MODULE.contains(&name) => link.modules = event.args.count,
            COMPILED => link.compiled = event.args.count,
            ALL => link.seconds = event.dur as f64 / 1e6,
            _ => {}
        }
    }
    Ok(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("trace.json");
        let write = |events: &str| {
            std::fs::write(&file, format!("{{\"traceEvents\":[{events}],\"x\":1}}")).unwrap();
            read(&file).unwrap()
        };
        let all = r#"{"name":"Total Run ThinLTO","dur":1500000,"args":{"count":1,"avg ms":1500}}"#;
        let module = r#"{"name":"Total Run ThinLTO backend thread (in-process)","dur":9,
            "args":{"count":8,"avg ms":0}}"#;
        let compiled = r#"{"name":"Total Thin backend","dur":5,"args":{"count":3}}"#;
        let other = r#"{"name":"process_name","args":{"name":"ld.lld"}}"#;
        let link = write(&[all, module, compiled, other].join(","));
        assert_eq!((link.modules, link.compiled, link.seconds), (8, 3, 1.5));
        let link = write(other);
        assert_eq!((link.modules, link.compiled), (0, 0));
    }
}
