//! Sorts words by how often they occur.

/// A word and how often it occurs.
pub struct Rank {
    pub word: String,
    pub count: usize,
}

/// The most frequent words of `text`, with the most frequent one first.
pub fn rank(text: &str, limit: usize) -> Vec<Rank> {
    let mut ranks: Vec<Rank> = count::count(text)
        .into_iter()
        .map(|(word, count)| Rank { word, count })
        .collect();
    if cfg!(feature = "alphabetical") {
        ranks.sort_by(|a, b| a.word.cmp(&b.word));
    }
    ranks.sort_by(|a, b| b.count.cmp(&a.count));
    ranks.truncate(limit);
    ranks
}
