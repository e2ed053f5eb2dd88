//! The figures of a text.

use describe::Describe;
use rank::Rank;

/// The figures of a text.
#[derive(Describe)]
pub struct Summary {
    pub bytes: usize,
    pub lines: usize,
    pub checksum: u32,
}

/// Computes the figures of `text`, and its most frequent words.
pub fn summarize(text: &str) -> (Summary, Vec<Rank>) {
    let summary = Summary {
        bytes: text.len(),
        lines: text.lines().count(),
        checksum: checksum::checksum(text.as_bytes()),
    };
    (summary, rank::rank(text, 3))
}
