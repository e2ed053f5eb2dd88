//! Errors with lines of help, for `x.py`'s driver and for the tools.

use std::fmt;

/// A message with lines of help; also usable as the context of another error.
#[derive(Debug)]
pub struct Helped {
    message: String,
    help: Vec<String>,
}

impl Helped {
    /// An error with one line of help.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Helped {
        Helped {
            message: message.into(),
            help: vec![help.into()],
        }
    }

    /// Adds a line of help.
    pub fn or(mut self, help: impl Into<String>) -> Helped {
        self.help.push(help.into());
        self
    }
}

impl fmt::Display for Helped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Helped {}

/// The text of an error: the message with its causes, then the help.
pub fn report(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error:#}");
    for help in error
        .downcast_ref::<Helped>()
        .iter()
        .flat_map(|helped| &helped.help)
    {
        text += &format!("\nhelp: {help}");
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::{Helped, report};

    #[test]
    fn help_comes_after_the_causes() {
        let helped = Helped::new("no tree", "name one").or("or make one");
        assert_eq!(
            report(&anyhow!("cause").context(helped).context("outer")),
            "error: outer: no tree: cause\nhelp: name one\nhelp: or make one"
        );
        assert_eq!(report(&anyhow!("plain")), "error: plain");
    }
}
