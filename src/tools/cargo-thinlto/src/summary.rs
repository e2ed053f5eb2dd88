//! What the links of a build did, in a line.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The LTO of a link, or of several.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Link {
    /// The modules that LTO saw and kept.
    pub modules: usize,
    /// Those of them that were compiled. The others were in the cache.
    pub compiled: usize,
    /// The time from the start of the first backend to the end of the last one.
    pub seconds: f64,
    /// What the user has to know.
    pub warnings: Vec<String>,
}

impl Link {
    /// The sum of `links`, with each warning once.
    pub fn sum(links: impl IntoIterator<Item = Link>) -> Link {
        let mut sum = Link::default();
        for link in links {
            sum.modules += link.modules;
            sum.compiled += link.compiled;
            sum.seconds += link.seconds;
            sum.warnings.extend(link.warnings);
        }
        sum.warnings.sort();
        sum.warnings.dedup();
        sum
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ThinLTO: {} modules, {} from the cache, {} compiled in {:.1} s",
            self.modules,
            self.modules - self.compiled,
            self.compiled,
            self.seconds
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Link;

    #[test]
    fn links_add_up() {
        let link = |modules, compiled, seconds, warning: &str| Link {
            modules,
            compiled,
            seconds,
            warnings: vec![warning.into()],
        };
        let sum = Link::sum([link(400, 7, 0.25, "full"), link(12, 0, 0.15, "full")]);
        assert_eq!(sum, link(412, 7, 0.4, "full"));
        assert_eq!(
            sum.to_string(),
            "ThinLTO: 412 modules, 405 from the cache, 7 compiled in 0.4 s"
        );
    }
}
