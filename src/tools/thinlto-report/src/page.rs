//! The report as one page of HTML, which needs no other file.

use chart::{Chart, Panel, Plot};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::text::{HEADER, cells};
use crate::report::{Backend, Report};

const STYLE: &str = "
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; }
th, td { padding: 0.3rem 0.8rem; border-bottom: 1px solid #ddd; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
";

/// The page.
pub fn html(report: &Report) -> anyhow::Result<String> {
    let title = format!("ThinLTO of {}", report.program);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                (table(["count", "number"], report.rows().iter().map(|(name, count)| {
                    [(*name).to_owned(), count.to_string()]
                })))
                @if let Some(edit) = &report.edit {
                    h2 { "Edit" }
                    p { (edit.sentence(report)) "." }
                    ul { @for module in &edit.backends { li { (module) } } }
                }
                h2 { "Largest backends" }
                (figure(&largest(report))?)
                (table(HEADER, report.largest().into_iter().enumerate().map(|(number, (module, backend))| {
                    let mut cells = cells(module, backend);
                    cells[0] = format!("{}. {}", number + 1, cells[0]);
                    cells
                })))
                h2 { "Crates" }
                (figure(&crates(report))?)
                (table(["crate", "modules", "bytes of bitcode", "backends after an edit"], report.crates.iter().map(|it| [
                    it.name.clone(),
                    it.modules.to_string(),
                    it.bitcode_bytes.to_string(),
                    it.backends_after_edit.to_string(),
                ])))
            }
        }
    };
    Ok(page.into_string())
}

fn figure(chart: &Chart) -> anyhow::Result<Markup> {
    let svg = chart.svg()?;
    Ok(html! { figure class="wide" { (PreEscaped(svg)) } })
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Markup {
    html! {
        div class="wide" {
            table {
                thead { tr { @for name in header { th { (name) } } } }
                tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
            }
        }
    }
}

/// The largest backends. Their numbers are those of the table, as names of modules are long.
fn largest(report: &Report) -> Chart {
    let largest = report.largest();
    let numbers = |value: fn(&Backend) -> Option<f64>| -> Vec<Option<f64>> {
        largest.iter().map(|(_, backend)| value(backend)).collect()
    };
    let categories: Vec<_> = largest
        .iter()
        .enumerate()
        .map(|(number, (module, _))| format!("{}. {}", number + 1, module.crate_name))
        .collect();
    let panel = |title: &str, y: &str, values| Panel {
        title: title.to_owned(),
        x: "module".to_owned(),
        y: y.to_owned(),
        plot: Plot::Bars {
            categories: categories.clone(),
            values,
        },
    };
    let own = numbers(|backend| Some(backend.own_instructions as f64));
    let imported = numbers(|backend| Some(backend.imported_instructions as f64));
    let seconds = numbers(|backend| backend.seconds);
    let none = || vec![None; largest.len()];
    let mut series = vec!["of the module".to_owned(), "imported".to_owned()];
    let mut instructions = vec![own, imported];
    let mut panels = Vec::new();
    // Panels share the series of a chart.
    if seconds.iter().any(Option::is_some) {
        series.push("time".to_owned());
        instructions.push(none());
        panels.push(panel("CPU time", "seconds", vec![none(), none(), seconds]));
    }
    panels.insert(
        0,
        panel("Instructions", "LLVM's instructions", instructions),
    );
    Chart {
        title: "The largest backends".to_owned(),
        series,
        panels,
    }
}

/// The crates that cost most after an edit.
fn crates(report: &Report) -> Chart {
    let crates = report.most_imported();
    let values = crates.iter().map(|it| Some(it.backends_after_edit as f64));
    Chart {
        title: "Backends that run after an edit of a crate, at most".to_owned(),
        series: vec!["backends".to_owned()],
        panels: vec![Panel {
            title: format!("of {}", report.counts.selected_modules),
            x: "crate".to_owned(),
            y: "backends".to_owned(),
            plot: Plot::Bars {
                categories: crates.iter().map(|it| it.name.clone()).collect(),
                values: vec![values.collect()],
            },
        }],
    }
}
