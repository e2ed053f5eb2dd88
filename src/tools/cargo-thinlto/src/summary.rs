//! What the links of a build did, in a line.

use std::fmt;

use backends::distributor::Report;
use serde::{Deserialize, Serialize};

/// The LTO of a link, or of several.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Link {
    /// The modules that LTO saw and kept.
    pub modules: usize,
    /// Those of them that were compiled here.
    pub compiled: usize,
    /// Those of them that came from servers, if there are any. The others were in the cache.
    pub remote: Option<Remote>,
    /// The time from the start of the first backend to the end of the last one.
    pub seconds: f64,
    /// What the user has to know.
    pub warnings: Vec<String>,
}

/// Modules from servers.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Remote {
    /// Those from the cache of a server.
    pub cached: usize,
    /// Those that workers compiled.
    pub compiled: usize,
}

impl Link {
    /// Adds what the distributor did. Without a report, it was not needed.
    pub fn add(&mut self, report: Option<Report>) {
        let (counts, warnings) = match report {
            Some(report) => (report.counts, report.warnings),
            None => Default::default(),
        };
        self.warnings.extend(warnings);
        // Without a time trace, nothing is counted.
        if self.modules > 0 {
            self.compiled = counts.compiled;
            self.remote = Some(Remote {
                cached: counts.remote_cached,
                compiled: counts.remote,
            });
        }
    }

    /// The modules that were in the cache.
    pub fn cached(&self) -> usize {
        let Remote { cached, compiled } = self.remote.unwrap_or_default();
        self.modules - self.compiled - cached - compiled
    }

    /// The sum of `links`, with each warning once.
    pub fn sum(links: impl IntoIterator<Item = Link>) -> Link {
        let mut sum = Link::default();
        for link in links {
            sum.modules += link.modules;
            sum.compiled += link.compiled;
            if let Some(remote) = link.remote {
                let sum = sum.remote.get_or_insert_default();
                sum.cached += remote.cached;
                sum.compiled += remote.compiled;
            }
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
        let (modules, cached) = (self.modules, self.cached());
        write!(f, "ThinLTO: {modules} modules, {cached} from the cache, ")?;
        if let Some(Remote { cached, compiled }) = self.remote {
            write!(f, "{cached} from the remote cache, {compiled} by workers, ")?;
        }
        write!(f, "{} compiled in {:.1} s", self.compiled, self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, Remote};

    #[test]
    fn links_add_up() {
        let link = |modules, compiled, seconds, warning: &str| Link {
            modules,
            compiled,
            seconds,
            warnings: vec![warning.into()],
            remote: None,
        };
        let sum = Link::sum([link(400, 7, 0.25, "full"), link(12, 0, 0.15, "full")]);
        assert_eq!(sum, link(412, 7, 0.4, "full"));
        assert_eq!(
            sum.to_string(),
            "ThinLTO: 412 modules, 405 from the cache, 7 compiled in 0.4 s"
        );
        let remote = |cached, compiled| Link {
            remote: Some(Remote { cached, compiled }),
            ..link(100, 1, 0.5, "")
        };
        let sum = Link::sum([remote(10, 3), remote(20, 0), link(1, 0, 0.0, "")]);
        assert_eq!(
            sum.to_string(),
            "ThinLTO: 201 modules, 166 from the cache, 30 from the remote cache, 3 by workers, \
             2 compiled in 1.0 s"
        );
    }
}
