//! Parts of a compiler's output that differ from run to run, and so between any two compilers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

/// Random parts of names: temporary folders, and the folders of sessions with `-Cincremental`.
static FOLDER: LazyLock<Regex> = LazyLock::new(|| {
    let folders = r"(?-u)\b(rustc|rmeta)([A-Za-z0-9]{6})()\b|\b(s-)([0-9a-z]{10}-[0-9a-z]{7})()\b";
    Regex::new(folders).expect("it is a regular expression")
});

/// The part that a session with `-Cincremental` puts into the names of a codegen unit's files. Debug
/// information holds such names too.
static UNIT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u)(\.)([0-9a-z]{7})(\.rcgu\b)").expect("it is a regular expression")
});

/// The start of a module of bitcode, which may be in a section or in an archive.
static BITCODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?-u)BC\xC0\xDE").expect("it is a regular expression"));

/// Replaces the random parts of what runs in one folder write by the number of the run that they first
/// appear in.
pub struct RandomParts {
    incremental: bool,
    run: usize,
    seen: HashMap<Vec<u8>, usize>,
}

impl RandomParts {
    /// Before the first run.
    pub fn new(incremental: bool) -> RandomParts {
        RandomParts {
            incremental,
            run: 0,
            seen: HashMap::new(),
        }
    }

    /// Starts the next run in the same folder.
    pub fn next_run(&mut self) {
        self.run += 1;
    }

    /// A name or a message without random parts.
    pub fn replace_in_text(&mut self, text: &[u8]) -> Vec<u8> {
        let text = self.replace(&FOLDER, text);
        self.replace_units(&text).into_owned()
    }

    /// The part of the content of the file `name` that is compared: all of it except random names, or
    /// nothing. The order of the query cache and of an index of split debug information is random. Of the
    /// files with random names, only native objects are compared: bitcode has a hash of varying length, and
    /// linkers order the names of several units.
    pub fn comparable(&mut self, name: &str, content: &[u8]) -> Vec<u8> {
        let shuffled = name.ends_with("/query-cache.bin") || name.ends_with(".dwp");
        let replaced = self.replace_units(content);
        let has_names = matches!(replaced, Cow::Owned(_));
        let is_object = name.ends_with(".o") && !BITCODE.is_match(content);
        if self.incremental && (shuffled || has_names && !is_object) {
            return Vec::new();
        }
        replaced.into_owned()
    }

    /// The text with the same length but without random names of codegen units.
    fn replace_units<'a>(&mut self, text: &'a [u8]) -> Cow<'a, [u8]> {
        if self.incremental {
            self.replace(&UNIT, text)
        } else {
            text.into()
        }
    }

    fn replace<'a>(&mut self, pattern: &Regex, text: &'a [u8]) -> Cow<'a, [u8]> {
        pattern.replace_all(text, |found: &Captures| {
            let (_, [before, random, after]) = found.extract();
            let run = *self.seen.entry(random.to_owned()).or_insert(self.run);
            let number = format!("{run:0width$}", width = random.len());
            [before, number.as_bytes(), after].concat()
        })
    }
}

/// The first offset at which `fork` differs from `release`. Bytes in which `release` differs from an
/// `earlier` output of the same compiler are random, and so are seven on either side: two random hashes of
/// eight bytes may have some bytes in common.
pub fn first_difference(release: &[u8], earlier: Option<&[u8]>, fork: &[u8]) -> Option<usize> {
    let earlier = earlier.unwrap_or(release);
    if [earlier.len(), fork.len()] != [release.len(); 2] {
        return Some(earlier.len().min(fork.len()).min(release.len()));
    }
    let mut random = vec![false; release.len()];
    for offset in 0..release.len() {
        if release[offset] != earlier[offset] {
            let end = release.len().min(offset + 8);
            random[offset.saturating_sub(7)..end].fill(true);
        }
    }
    (0..release.len()).find(|&offset| release[offset] != fork[offset] && !random[offset])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_what_is_not_random() {
        let mut parts = RandomParts::new(true);
        let mut text =
            |text: &str| String::from_utf8(parts.replace_in_text(text.as_bytes())).unwrap();
        for (name, expected) in [
            ("program.39fw3zchfy5204gdzhdga6omh.rcgu.o", None),
            ("program.program.996206db24eb4ca1-cgu.0.rcgu.dwo", None),
            ("rustc-ICE.txt rustc_driver", None),
            (
                "program.7x.1a2b3c4.rcgu.o",
                Some("program.7x.0000000.rcgu.o"),
            ),
            (
                "tmp/rustcAb3dEf/symbols.o",
                Some("tmp/rustc000000/symbols.o"),
            ),
            ("rmetaAb3dEf/full.rmeta", Some("rmeta000000/full.rmeta")),
            (
                "inc/x-1/s-hogt2ptv1e-0uwh31i-bfbrt5/a.o",
                Some("inc/x-1/s-000000000000000000-bfbrt5/a.o"),
            ),
            (
                "s-hogt2ptv1e-0uwh31i.lock",
                Some("s-000000000000000000.lock"),
            ),
        ] {
            assert_eq!(text(name), expected.unwrap_or(name));
        }
    }

    #[test]
    fn runs_are_told_apart() {
        let mut parts = RandomParts::new(true);
        assert_eq!(parts.replace_in_text(b"a.1a2b3c4.rcgu"), b"a.0000000.rcgu");
        parts.next_run();
        let both = b"a.1a2b3c4.rcgu a.zzzzzzz.rcgu.o";
        let expected = b"a.0000000.rcgu a.0000001.rcgu.o";
        assert_eq!(parts.comparable("a.o", both), expected);
    }

    #[test]
    fn only_incremental_sessions_have_random_units() {
        let mut parts = RandomParts::new(false);
        let name = b"program.numbers.rcgu.o";
        assert_eq!(parts.replace_in_text(name), name);
        assert_eq!(parts.comparable("program.dwp", name), name);
    }

    #[test]
    fn content_without_an_order_or_a_length_is_left_out() {
        let mut parts = RandomParts::new(true);
        let mut comparable = |name, content: &[u8]| parts.comparable(name, content);
        for name in ["program.dwp", "inc/s/query-cache.bin"] {
            assert_eq!(comparable(name, b"content"), b"");
        }
        assert_eq!(comparable("inc/s/dep-graph.bin", b"content"), b"content");
        for content in [
            &b"BC\xC0\xDE program.1a2b3c4.rcgu.dwo"[..],
            b"program.1a2b3c4.rcgu.dwo",
        ] {
            assert_eq!(comparable("program", content), b"");
        }
        assert_eq!(
            comparable("a.o", b"a.1a2b3c4.rcgu.dwo"),
            b"a.0000000.rcgu.dwo"
        );
        assert_eq!(comparable("a.o", b"BC\xC0\xDE a.1a2b3c4.rcgu.dwo"), b"");
        assert_eq!(
            comparable("a.o", b"BC\xC0\xDE a.0.rcgu.o"),
            b"BC\xC0\xDE a.0.rcgu.o"
        );
    }

    #[test]
    fn only_bytes_that_the_release_varies_are_random() {
        let release = b"one hash: 12345678 and an end";
        let earlier = b"one hash: 1abcdef8 and an end";
        let fork = b"one hash: 9xyzxyz9 and an end";
        assert_eq!(first_difference(release, None, fork), Some(10));
        assert_eq!(first_difference(release, Some(earlier), fork), None);
        let flipped = b"one hash: 9xyzxyz9 and an enD";
        assert_eq!(first_difference(release, Some(earlier), flipped), Some(28));
        assert_eq!(
            first_difference(release, Some(earlier), b"one hash"),
            Some(8)
        );
        assert_eq!(first_difference(release, Some(b"one"), release), Some(3));
    }
}
