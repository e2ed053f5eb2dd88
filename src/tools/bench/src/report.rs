//! The results as tables, as JSON and as a chart.

use std::fmt;
use std::path::Path;

use chart::{Chart, Panel, Plot};
use distributed::toolchain::Toolchain;
use serde::Serialize;
use tool_support::file::{write_json, write_whole};
use tool_support::spread::Spread;
use tool_support::table::table;

use crate::build::{Build, KINDS, Kind, Step};
use crate::goals::{self, Goal};
use crate::measure::{InMode, Measured};
use crate::mode::Mode;

const MEBIBYTE: f64 = 1_048_576.0;

/// The measurements of all programs.
#[derive(Serialize)]
pub struct Report {
    rustc: String,
    cores: usize,
    #[serde(skip)]
    modes: Vec<Mode>,
    programs: Vec<Measured>,
    goals: Vec<Goal>,
}

impl Report {
    /// An empty report on `modes`.
    pub fn new(tools: &Toolchain, modes: &[Mode]) -> Report {
        Report {
            rustc: tools.version.clone(),
            cores: tools.jobs.get(),
            modes: modes.into(),
            programs: Vec::new(),
            goals: Vec::new(),
        }
    }

    /// Adds a program and its goals.
    pub fn add(&mut self, measured: Measured) {
        self.goals.extend(goals::of(&measured));
        self.programs.push(measured);
    }

    /// Writes `bench.json` and `bench.svg` into `dir`.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        write_json(&dir.join("bench.json"), self)?;
        write_whole(&dir.join("bench.svg"), &self.chart().svg()?)
    }

    /// The tables, in Markdown.
    pub fn tables(&self) -> String {
        let mut text = format!("{}, {} cores\n", self.rustc, self.cores);
        text += "\nSeconds: medians (least to most)\n";
        for measured in &self.programs {
            text += &format!("\n{}\n", modes(measured));
        }
        text += &format!("\nGoals, missed ones in bold\n\n{}\n", self.goals());
        text += "\nSteps: medians\n";
        for measured in &self.programs {
            text += &format!("\n{}\n", steps(measured));
        }
        text
    }

    /// A row for each goal, a column for each program.
    fn goals(&self) -> impl fmt::Display {
        let programs = self.programs.iter();
        let programs = programs.map(|measured| measured.program.as_str());
        let mut table = table(["goal", "at most"].into_iter().chain(programs));
        // The goals of every program are the same.
        let Some(first) = self.programs.first() else {
            return table;
        };
        for one in self
            .goals
            .iter()
            .filter(|goal| goal.program == first.program)
        {
            let mut row = vec![one.goal.clone(), format!("{:.2}", one.at_most)];
            let of_programs = self.goals.iter().filter(|goal| goal.goal == one.goal);
            row.extend(of_programs.map(|goal| {
                let ratio = goal.ratio.text(|ratio| format!("{ratio:.3}"));
                if goal.reached {
                    ratio
                } else {
                    format!("**{ratio}**")
                }
            }));
            table.add_row(row);
        }
        table
    }

    fn chart(&self) -> Chart {
        let panel = |title: &str, value: &dyn Fn(&InMode) -> Option<f64>| Panel {
            title: title.to_owned(),
            x: "program".to_owned(),
            y: "seconds".to_owned(),
            plot: Plot::Bars {
                categories: self
                    .programs
                    .iter()
                    .map(|measured| measured.program.clone())
                    .collect(),
                values: self
                    .modes
                    .iter()
                    .map(|mode| {
                        let values = self.programs.iter();
                        values.map(|measured| value(measured.of(*mode)?)).collect()
                    })
                    .collect(),
            },
        };
        let builds = |title, kind| {
            panel(title, &|in_mode| {
                Some(seconds(in_mode.builds(kind))?.median)
            })
        };
        let mut panels = vec![
            builds("After an edit of the program's own crate", Kind::LastCrate),
            builds("After an edit of a leaf crate", Kind::LeafCrate),
            builds("Clean build", Kind::Clean),
            panel("The program's own benchmark", &|in_mode| {
                Some(benchmark(in_mode).median)
            }),
        ];
        // Edits are not measured in all modes.
        panels.retain(|panel| match &panel.plot {
            Plot::Bars { values, .. } => values.iter().flatten().any(Option::is_some),
            Plot::Lines { .. } => true,
        });
        Chart {
            title: format!("Ways to build a program, on {} cores", self.cores),
            series: self.modes.iter().map(|mode| plain(*mode)).collect(),
            panels,
        }
    }
}

/// The name of `mode` without the marks of code.
fn plain(mode: Mode) -> String {
    mode.name().replace('`', "")
}

/// A row for each mode.
fn modes(measured: &Measured) -> impl fmt::Display {
    let mut table = table([
        measured.program.as_str(),
        "clean",
        "edit of its own crate",
        "edit of a leaf crate",
        "peak of the link",
        "size",
        "benchmark",
        "instructions",
    ]);
    for in_mode in &measured.modes {
        let peaks = in_mode.clean.iter();
        let peaks = Spread::of(peaks.map(|build| build.link().peak_memory as f64 / MEBIBYTE));
        let [clean, last, leaf] = KINDS.map(|kind| {
            let seconds = seconds(in_mode.builds(kind));
            seconds.map_or(String::new(), |seconds| seconds.text(hundredths))
        });
        let instructions = in_mode.benchmark_instructions;
        table.add_row([
            in_mode.mode.name().to_owned(),
            clean,
            last,
            leaf,
            peaks.text(|peak| format!("{peak:.0}")) + " MiB",
            format!("{:.2} MB", in_mode.clean[0].program_bytes as f64 / 1e6),
            benchmark(in_mode).text(hundredths),
            instructions.map_or(String::new(), |count| format!("{:.1} million", count / 1e6)),
        ]);
    }
    table
}

/// A row for each step of each mode, clean and after the edits.
fn steps(measured: &Measured) -> impl fmt::Display {
    let mut table = table([
        measured.program.as_str(),
        "step",
        "build",
        "s",
        "peak MiB",
        "actions",
        "cached",
        "MiB sent",
        "most to one",
    ]);
    for in_mode in &measured.modes {
        for at in 0..in_mode.clean[0].steps.len() {
            for (name, kind) in ["clean", "own crate", "leaf crate"].into_iter().zip(KINDS) {
                let builds = in_mode.builds(kind);
                if builds.is_empty() {
                    continue;
                }
                let median = |value: &dyn Fn(&Step) -> f64| {
                    Spread::of(builds.iter().map(|build: &Build| value(&build.steps[at]))).median
                };
                let step = &builds[0].steps[at];
                let sent = |bytes: fn(&Step) -> Option<u64>| match bytes(step) {
                    Some(_) => {
                        let bytes = median(&|step| bytes(step).unwrap_or_default() as f64);
                        format!("{:.1}", bytes / MEBIBYTE)
                    }
                    None => String::new(),
                };
                table.add_row([
                    in_mode.mode.name().to_owned(),
                    step.name.to_owned(),
                    name.to_owned(),
                    format!("{:.2}", median(&|step| step.seconds)),
                    format!("{:.0}", median(&|step| step.peak_memory as f64) / MEBIBYTE),
                    format!("{}", median(&|step| step.actions as f64)),
                    format!("{}", median(&|step| step.cached as f64)),
                    sent(|step| step.sent_bytes),
                    sent(|step| step.most_sent_bytes),
                ]);
            }
        }
    }
    table
}

/// The durations of `builds`, if there are any.
fn seconds(builds: &[Build]) -> Option<Spread> {
    let seconds = builds.iter().map(|build| build.seconds);
    (!builds.is_empty()).then(|| Spread::of(seconds))
}

fn benchmark(in_mode: &InMode) -> Spread {
    Spread::of(in_mode.benchmark_seconds.iter().copied())
}

fn hundredths(number: f64) -> String {
    format!("{number:.2}")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::ValueEnum;

    use super::*;

    /// A build of `seconds`, of which `lto` are LTO.
    fn build(seconds: f64, lto: f64) -> Build {
        let step = |name, sent_bytes| Step {
            name,
            seconds,
            peak_memory: 3 << 20,
            actions: 7,
            cached: 5,
            sent_bytes,
            most_sent_bytes: sent_bytes,
        };
        Build {
            seconds,
            lto_seconds: Some(lto),
            program_bytes: 1_234_567,
            steps: vec![step("compile", None), step("link", Some(9 << 20))],
            program: PathBuf::new(),
        }
    }

    fn report(modes: &[Mode]) -> Report {
        let in_mode = |mode: &Mode| {
            let slow = match mode {
                Mode::Plain => 0.5,
                Mode::CargoThinlto => 0.5625,
                Mode::Distributed => 2.0,
                Mode::DistributedIncremental => 1.0,
                _ => 8.0,
            };
            let mut last = vec![build(slow, slow), build(slow + 1.0, slow)];
            let mut leaf = vec![build(slow * 2.0, slow * slow)];
            last.retain(|_| mode.has(Kind::LastCrate));
            leaf.retain(|_| mode.has(Kind::LeafCrate));
            InMode {
                mode: *mode,
                clean: vec![build(slow + 20.0, slow + 20.0)],
                after_edit_of_last_crate: last,
                after_edit_of_leaf_crate: leaf,
                benchmark_seconds: vec![1.5 / slow, 1.0, 1.5],
                benchmark_instructions: (*mode == Mode::Fat).then_some(2_000_000.0),
            }
        };
        let mut report = Report {
            rustc: "rustc".to_owned(),
            cores: 2,
            modes: modes.into(),
            programs: Vec::new(),
            goals: Vec::new(),
        };
        report.add(Measured {
            program: "p 1.0".to_owned(),
            modes: modes.iter().map(in_mode).collect(),
        });
        report
    }

    #[test]
    fn tables_have_the_measured_values() {
        let text = report(Mode::value_variants()).tables();
        let row = |start: &str| {
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            let rows: Vec<_> = text.lines().map(words).collect();
            rows.iter()
                .find(|row| row.starts_with(start))
                .unwrap_or_else(|| panic!("{text}"))
                .clone()
        };
        assert_eq!(
            row("| `lto = \"fat\"` | 28.00"),
            "| `lto = \"fat\"` | 28.00 | 8.50 (8.00 to 9.00) | 16.00 | 3 MiB | 1.23 MB | \
             1.00 (0.19 to 1.50) | 2.0 million |"
        );
        assert_eq!(
            row("| `cargo thinlto`, full remote cache | 28.00"),
            "| `cargo thinlto`, full remote cache | 28.00 | | | 3 MiB | 1.23 MB | 1.00 (0.19 to 1.50) | |"
        );
        assert_eq!(
            row("| distributed | compile | clean"),
            "| distributed | compile | clean | 22.00 | 3 | 7 | 5 | | |"
        );
        assert_eq!(
            row("| distributed | link | leaf crate"),
            "| distributed | link | leaf crate | 4.00 | 3 | 7 | 5 | 9.0 | 9.0 |"
        );
        assert_eq!(
            row("| the program's own benchmark, seconds: `cargo thinlto`"),
            "| the program's own benchmark, seconds: `cargo thinlto` / `lto = \"fat\"` | 1.01 | \
             1.000 (1.000 to 14.222) |"
        );
        assert_eq!(
            row("| build after an edit of the program's own crate: `cargo thinlto` / `lto"),
            "| build after an edit of the program's own crate: `cargo thinlto` / `lto = \"thin\"` | \
             0.05 | **0.125** |"
        );
    }

    #[test]
    fn goals_are_reached_or_missed() {
        let goals = report(Mode::value_variants()).goals;
        let ratios: Vec<_> = goals
            .iter()
            .map(|goal| (goal.ratio.median, goal.reached))
            .collect();
        assert_eq!(
            ratios,
            [
                // `cargo thinlto`: edits, clean, with a remote cache, memory, benchmark; instructions were not counted.
                (1.0625, true),
                (0.125, false),
                (1.125, true),
                (20.5625 / 28.0, true),
                (28.0 / 20.5625, false),
                (1.0, true),
                (1.0, true),
                // Distributed: LTO after edits, clean, benchmark.
                (0.25, false),
                (1.0 / 16.0, true),
                (22.0 / 28.0, true),
                (1.0, true),
                (0.125, true),
                (1.0 / 64.0, true),
                (21.0 / 28.0, true),
                (1.0, true),
            ]
        );
        let goals = report(&[Mode::CargoThinlto, Mode::Lld]).goals;
        let names: Vec<_> = goals.iter().map(|goal| goal.goal.as_str()).collect();
        assert_eq!(
            names,
            [
                "clean build: `cargo thinlto` / lld, one process",
                "peak memory of the link: `cargo thinlto` / lld, one process"
            ]
        );
    }

    #[test]
    fn files_have_the_results() {
        let dir = tempfile::tempdir().unwrap();
        report(Mode::value_variants()).write(dir.path()).unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&read("bench.json")).unwrap();
        assert_eq!(json["programs"][0]["modes"][4]["mode"], "`cargo thinlto`");
        assert_eq!(
            json["programs"][0]["modes"][6]["clean"][0]["steps"][1]["sent_bytes"],
            9 << 20
        );
        assert_eq!(json["goals"][1]["reached"], false);
        let svg = read("bench.svg");
        for text in ["p 1.0", "distributed", "Clean build", "cargo thinlto"] {
            assert!(svg.contains(text), "{text}");
        }
        // Without edits.
        let modes = [Mode::CargoThinltoRemote];
        report(&modes).write(dir.path()).unwrap();
        let svg = read("bench.svg");
        assert!(svg.contains("Clean build") && !svg.contains("After an edit"));
    }
}
