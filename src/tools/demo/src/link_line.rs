//! The link command that rustc would run, as `--print=link-args` tells it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// The command, with the places of what the demo compiled marked.
#[derive(Debug, PartialEq)]
pub struct LinkLine {
    linker: String,
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
enum Part {
    /// Handed on as it is.
    Verbatim(String),
    /// The linked file; follows `-o`.
    Output,
    /// An object of the program, or the rlib of a crate.
    Input(PathBuf),
}

impl LinkLine {
    /// Reads what rustc printed: variables as `NAME="value"`, the linker, its arguments, each as a
    /// quoted word. Inputs are the objects and rlibs right in the folder `deps`; those of std are
    /// elsewhere.
    pub fn parse(text: &str, deps: &Path) -> anyhow::Result<LinkLine> {
        let words = shlex::split(text).context("rustc's link line has an open quote")?;
        let mut words = words.into_iter().skip_while(|word| word.contains('='));
        let linker = words.next().context("rustc printed no link line")?;
        let mut parts = Vec::new();
        while let Some(word) = words.next() {
            let path = Path::new(&word);
            if word == "-o" {
                words.next().context("rustc's link line ends with -o")?;
                parts.extend([Part::Verbatim(word), Part::Output]);
            } else if path.parent() == Some(deps) {
                parts.push(Part::Input(path.to_owned()));
            } else {
                parts.push(Part::Verbatim(word));
            }
        }
        Ok(LinkLine { linker, parts })
    }

    /// The inputs, in link order.
    pub fn inputs(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().filter_map(|part| match part {
            Part::Input(path) => Some(path.as_path()),
            _ => None,
        })
    }

    /// The same command with another output, and with what `replace` gives in the place of each
    /// input.
    pub fn command(
        &self,
        output: &Path,
        mut replace: impl FnMut(&Path) -> Vec<OsString>,
    ) -> Command {
        let mut command = Command::new(&self.linker);
        for part in &self.parts {
            match part {
                Part::Verbatim(word) => command.arg(word),
                Part::Output => command.arg(output),
                Part::Input(path) => command.args(replace(path)),
            };
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"LC_ALL="C" PATH="/a b:/c" "clang-19" "-m64" "/t/symbols.o" "/d/p.0.rcgu.o" "-Wl,-Bstatic" "/d/libx-1.rlib" "/std/libstd.rlib" "-o" "/d/p" "-pie"
"#;

    #[test]
    fn marks_inputs_and_output() {
        let line = LinkLine::parse(TEXT, Path::new("/d")).unwrap();
        let inputs: Vec<_> = line.inputs().collect();
        assert_eq!(
            inputs,
            [Path::new("/d/p.0.rcgu.o"), Path::new("/d/libx-1.rlib")]
        );
    }

    #[test]
    fn replaces_inputs_in_place() {
        let line = LinkLine::parse(TEXT, Path::new("/d")).unwrap();
        let command = line.command(Path::new("/w/out"), |input| match input.extension() {
            Some(extension) if extension == "rlib" => vec!["1".into(), "2".into()],
            _ => vec![],
        });
        assert_eq!(command.get_program(), "clang-19");
        let args: Vec<_> = command.get_args().collect();
        assert_eq!(
            args,
            [
                "-m64",
                "/t/symbols.o",
                "-Wl,-Bstatic",
                "1",
                "2",
                "/std/libstd.rlib",
                "-o",
                "/w/out",
                "-pie"
            ]
        );
    }

    #[test]
    fn refuses_what_is_no_link_line() {
        assert!(LinkLine::parse("", Path::new("/d")).is_err());
        assert!(LinkLine::parse("\"cc\" \"-o\"", Path::new("/d")).is_err());
        assert!(LinkLine::parse("\"cc", Path::new("/d")).is_err());
    }
}
