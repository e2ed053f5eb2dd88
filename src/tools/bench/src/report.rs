//! The results as tables, as JSON and as a chart.

use std::fmt;
use std::path::Path;

use chart::{Chart, Panel, Plot};
use distributed::toolchain::Toolchain;
use indicatif::HumanCount;
use serde::Serialize;
use tool_support::file::{write_json, write_whole};
use tool_support::spread::Spread;
use tool_support::table::table;

use crate::goals::{self, Goal, lto_seconds, seconds};
use crate::measure::{InMode, Measured};
use crate::mode::{Build, MODES, Mode, Step};

const MEBIBYTE: f64 = 1_048_576.0;

/// The measurements of all programs.
#[derive(Serialize)]
pub struct Report {
    rustc: String,
    cores: usize,
    programs: Vec<Measured>,
    goals: Vec<Goal>,
}

impl Report {
    /// An empty report.
    pub fn new(tools: &Toolchain) -> Report {
        Report {
            rustc: tools.version.clone(),
            cores: tools.jobs.get(),
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
        for measured in &self.programs {
            text += &format!(
                "\n{}: medians (least to most)\n\n{}\n",
                measured.program,
                modes(measured)
            );
            text += &format!(
                "\n{}: steps, medians\n\n{}\n",
                measured.program,
                steps(measured)
            );
        }
        text + &format!("\nGoals\n\n{}", self.goals())
    }

    fn goals(&self) -> impl fmt::Display {
        let mut table = table(["program", "goal", "ratio", "at most", ""]);
        for goal in &self.goals {
            table.add_row([
                goal.program.clone(),
                goal.goal.clone(),
                format!("{:.3}", goal.ratio),
                format!("{:.3}", goal.at_most),
                if goal.reached { "reached" } else { "missed" }.to_owned(),
            ]);
        }
        table
    }

    fn chart(&self) -> Chart {
        let panel = |title: &str, y: &str, value: &dyn Fn(&Measured, &InMode) -> f64| Panel {
            title: title.to_owned(),
            x: "program".to_owned(),
            y: y.to_owned(),
            plot: Plot::Bars {
                categories: self
                    .programs
                    .iter()
                    .map(|measured| measured.program.clone())
                    .collect(),
                values: MODES
                    .map(|mode| {
                        let values = self.programs.iter();
                        values
                            .map(|measured| Some(value(measured, measured.of(mode))))
                            .collect()
                    })
                    .into(),
            },
        };
        Chart {
            title: format!("Ways to build a program, on {} cores", self.cores),
            series: MODES.map(|mode| mode.name().to_owned()).into(),
            panels: vec![
                panel(
                    "LTO part after an edit of the last crate",
                    "seconds",
                    &|_, in_mode| lto_seconds(&in_mode.after_edit_of_last_crate).median,
                ),
                panel(
                    "LTO part after an edit of a leaf crate",
                    "seconds",
                    &|_, in_mode| lto_seconds(&in_mode.after_edit_of_leaf_crate).median,
                ),
                panel("Clean build", "seconds", &|_, in_mode| {
                    seconds(&in_mode.clean).median
                }),
                panel(
                    "The program's own benchmark",
                    "times -Clto=fat",
                    &|measured, in_mode| {
                        benchmark(in_mode).median / benchmark(measured.of(Mode::Fat)).median
                    },
                ),
            ],
        }
    }
}

/// A row for each mode.
fn modes(measured: &Measured) -> impl fmt::Display {
    let mut table = table([
        "",
        "clean, s",
        "edit of the last crate, s",
        "LTO part of it, s",
        "edit of a leaf crate, s",
        "LTO part of it, s",
        "bytes of the program",
        "its benchmark, s",
    ]);
    for in_mode in &measured.modes {
        let last = &in_mode.after_edit_of_last_crate;
        let leaf = &in_mode.after_edit_of_leaf_crate;
        table.add_row([
            in_mode.mode.to_owned(),
            seconds(&in_mode.clean).text(hundredths),
            seconds(last).text(hundredths),
            lto_seconds(last).text(hundredths),
            seconds(leaf).text(hundredths),
            lto_seconds(leaf).text(hundredths),
            HumanCount(in_mode.clean[0].program_bytes).to_string(),
            benchmark(in_mode).text(hundredths),
        ]);
    }
    table
}

/// A row for each step of each mode, clean and after the edits.
fn steps(measured: &Measured) -> impl fmt::Display {
    let mut table = table([
        "",
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
            for (kind, builds) in [
                ("clean", &in_mode.clean),
                ("last crate", &in_mode.after_edit_of_last_crate),
                ("leaf crate", &in_mode.after_edit_of_leaf_crate),
            ] {
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
                    in_mode.mode.to_owned(),
                    step.name.to_owned(),
                    kind.to_owned(),
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

fn benchmark(in_mode: &InMode) -> Spread {
    Spread::of(in_mode.benchmark_seconds.iter().copied())
}

fn hundredths(number: f64) -> String {
    format!("{number:.2}")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

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
            last_crate_seconds: 1.0,
            lto_seconds: Some(lto),
            program_bytes: 1_234_567,
            steps: vec![step("compile", None), step("link", Some(9 << 20))],
            program: PathBuf::new(),
        }
    }

    fn report() -> Report {
        let in_mode = |mode: Mode| {
            let slow = match mode {
                Mode::LldCachedIncremental => 2.0,
                Mode::Distributed => 1.0,
                Mode::DistributedIncremental => 0.5,
                _ => 8.0,
            };
            InMode {
                mode: mode.name(),
                clean: vec![build(20.0, 10.0)],
                after_edit_of_last_crate: vec![build(slow, slow), build(slow + 1.0, slow)],
                after_edit_of_leaf_crate: vec![build(slow * 2.0, slow * slow)],
                benchmark_seconds: vec![1.5 / slow, 1.0, 1.5],
            }
        };
        let measured = Measured {
            program: "p 1.0".to_owned(),
            modes: MODES.map(in_mode).into(),
        };
        Report {
            rustc: "rustc".to_owned(),
            cores: 2,
            goals: goals::of(&measured),
            programs: vec![measured],
        }
    }

    #[test]
    fn tables_have_the_measured_values() {
        let text = report().tables();
        let row = |start: &str| {
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            let rows: Vec<_> = text.lines().map(words).collect();
            rows.iter()
                .find(|row| row.starts_with(start))
                .unwrap_or_else(|| panic!("{text}"))
                .clone()
        };
        assert_eq!(
            row("| -Clto=thin | 20.00"),
            "| -Clto=thin | 20.00 | 8.50 (8.00 to 9.00) | 8.00 | 16.00 | 64.00 | 1,234,567 | 1.00 (0.19 to 1.50) |"
        );
        assert_eq!(
            row("| distributed | compile | clean"),
            "| distributed | compile | clean | 20.00 | 3 | 7 | 5 | | |"
        );
        assert_eq!(
            row("| distributed | link | leaf crate"),
            "| distributed | link | leaf crate | 2.00 | 3 | 7 | 5 | 9.0 | 9.0 |"
        );
    }

    #[test]
    fn goals_are_reached_or_missed() {
        let goals = report().goals;
        let reached: Vec<_> = goals.iter().map(|goal| goal.reached).collect();
        let [slow, fast] = [[false, true, true, true], [true, true, true, false]];
        assert_eq!(reached, [slow, fast, fast].concat());
        let ratios: Vec<_> = goals.iter().map(|goal| goal.ratio).collect();
        assert_eq!(
            ratios,
            [
                [1.0 / 4.0, 1.0 / 16.0, 1.0, 1.0],
                [1.0 / 8.0, 1.0 / 64.0, 1.0, 1.5],
                [1.0 / 16.0, 1.0 / 256.0, 1.0, 1.5]
            ]
            .concat()
        );
    }

    #[test]
    fn files_have_the_results() {
        let dir = tempfile::tempdir().unwrap();
        report().write(dir.path()).unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&read("bench.json")).unwrap();
        assert_eq!(json["programs"][0]["modes"][1]["mode"], "-Clto=thin");
        assert_eq!(
            json["programs"][0]["modes"][6]["clean"][0]["steps"][1]["sent_bytes"],
            9 << 20
        );
        assert_eq!(json["goals"][0]["reached"], false);
        let svg = read("bench.svg");
        for text in [
            "p 1.0",
            "distributed",
            "Clean build",
            "lld with cache, incremental",
        ] {
            assert!(svg.contains(text), "{text}");
        }
    }
}
