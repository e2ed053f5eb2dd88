//! The report on a text.

use layout::line;
use summary::{Summary, summarize};

/// The report on `text`, one figure a line.
pub fn report(text: &str) -> String {
    let (summary, ranks) = summarize(text);
    let values = [
        units::size(summary.bytes),
        summary.lines.to_string(),
        format!("{:08x}", summary.checksum),
    ];
    let figures = Summary::FIELDS.iter().zip(&values);
    let mut report: String = figures.map(|(name, value)| line(name, value)).collect();
    for rank in ranks {
        report += &line(&rank.word, &rank.count.to_string());
    }
    report
}
