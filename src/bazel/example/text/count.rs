//! Counts words.

use std::collections::HashMap;

/// How often each word occurs, regardless of case.
pub fn count(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in words::words(text) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter() {
        let counts = count("One, one: two");
        assert_eq!(counts["one"], 2);
        assert_eq!(counts["two"], 1);
    }

    #[test]
    fn no_text_has_no_words() {
        assert!(count(" ,. ").is_empty());
    }
}
