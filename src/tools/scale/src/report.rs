//! The results as a table, as JSON and as a chart.

use std::fmt;
use std::path::Path;

use chart::{Chart, Panel, Plot};
use indicatif::HumanCount;
use serde::Serialize;
use tool_support::file::{write_json, write_whole};
use tool_support::spread::Spread;
use tool_support::table::table;

use crate::thin_link::Input;

const MIB: f64 = (1 << 20) as f64;

/// The results; `Display` prints the table.
#[derive(Serialize)]
pub struct Report {
    pub rustc: String,
    pub lld: String,
    pub cores: usize,
    pub seed: u64,
    /// The number of thin links of each kind, without the one from cold files.
    pub runs: usize,
    pub programs: Vec<Program>,
}

/// One program.
#[derive(Serialize)]
pub struct Program {
    pub modules: usize,
    /// The bytes of the indexes, which are the same for both kinds.
    pub index_bytes: u64,
    /// Pairs of a module and one that it imports from.
    pub imports: usize,
    pub summaries: Measured,
    pub bitcode: Measured,
}

/// The thin links over one kind of input.
#[derive(Serialize)]
pub struct Measured {
    /// The sizes of the inputs, all of which the linker maps.
    pub input_bytes: u64,
    /// The bytes that the kernel read from disk when no input was in memory.
    pub disk_bytes: u64,
    pub seconds: Spread,
    /// The CPU time of all threads.
    pub cpu_seconds: Spread,
    pub peak_bytes: Spread,
}

impl Report {
    /// Writes `scale.json` and `scale.svg` into `dir`.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        write_json(&dir.join("scale.json"), self)?;
        write_whole(&dir.join("scale.svg"), &self.chart().svg()?)
    }

    fn chart(&self) -> Chart {
        let panel = |title: &str, y: &str, value: fn(&Measured) -> f64| {
            let points = |of: fn(&Program) -> &Measured| {
                let programs = self.programs.iter();
                let points = programs.map(|program| (program.modules as f64, value(of(program))));
                points.collect()
            };
            Panel {
                title: title.to_owned(),
                x: "modules".to_owned(),
                y: y.to_owned(),
                plot: Plot::Lines {
                    points: vec![points(|of| &of.summaries), points(|of| &of.bitcode)],
                },
            }
        };
        Chart {
            title: "How the cost of the thin link grows with the program".to_owned(),
            series: Input::ALL
                .map(|input| format!("over {}", input.name()))
                .into(),
            panels: vec![
                panel("Time", "seconds", |of| of.seconds.median),
                panel("Peak memory", "MiB", |of| of.peak_bytes.median / MIB),
                panel("Bytes read", "MiB", |of| of.input_bytes as f64 / MIB),
            ],
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; {}; {} cores", self.rustc, self.lld, self.cores)?;
        writeln!(f, "median (least to most) of {} runs", self.runs)?;
        let mib = |bytes: f64| format!("{:.1}", bytes / MIB);
        let seconds = |seconds: f64| format!("{seconds:.3}");
        let mut table = table([
            "thin link over",
            "modules",
            "seconds",
            "CPU seconds",
            "peak memory, MiB",
            "bytes read",
            "from disk when cold",
        ]);
        for program in &self.programs {
            for (input, of) in Input::ALL
                .into_iter()
                .zip([&program.summaries, &program.bitcode])
            {
                table.add_row([
                    input.name().to_owned(),
                    HumanCount(program.modules as u64).to_string(),
                    of.seconds.text(seconds),
                    of.cpu_seconds.text(seconds),
                    of.peak_bytes.text(mib),
                    HumanCount(of.input_bytes).to_string(),
                    HumanCount(of.disk_bytes).to_string(),
                ]);
            }
        }
        write!(f, "{table}")
    }
}
