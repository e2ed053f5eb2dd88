//! Bootstrap's flags, read from its completions for the shell fish.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use crate::tree::Tree;

/// The flags of one verb of bootstrap that take a value.
pub struct Flags {
    with_value: BTreeSet<String>,
}

impl Flags {
    /// Reads the flags of `verb` from the laid tree.
    pub fn read(tree: &Tree, verb: &str) -> Result<Flags> {
        let path = tree.dir.join("src/etc/completions/x.py.fish");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Flags::parse(&text, verb))
    }

    fn parse(completions: &str, verb: &str) -> Flags {
        let start = format!("complete -c x.py -n \"__fish_x.py_using_subcommand {verb}\" ");
        let mut with_value = BTreeSet::new();
        for line in completions.lines() {
            // `-s j -l jobs -d 'description' -r -f`; `-r` marks a required value.
            let Some((names, rest)) = line
                .strip_prefix(&start)
                .and_then(|line| line.split_once(" -d '"))
            else {
                continue;
            };
            let rest = rest.replace(r"\'", "");
            let options = rest.split_once('\'').map_or("", |(_, options)| options);
            if !options.split(' ').any(|option| option == "-r") {
                continue;
            }
            let mut words = names.split(' ');
            while let (Some(kind), Some(name)) = (words.next(), words.next()) {
                let dashes = if kind == "-s" { "-" } else { "--" };
                with_value.insert(format!("{dashes}{name}"));
            }
        }
        Flags { with_value }
    }

    /// Splits bootstrap's arguments into flags, with their values, and paths. Everything after `--`
    /// counts as flags.
    pub fn split(&self, args: Vec<String>) -> (Vec<String>, Vec<String>) {
        let (mut flags, mut paths) = (Vec::new(), Vec::new());
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            if !arg.starts_with('-') {
                paths.push(arg);
                continue;
            }
            let (last, value) = (arg == "--", self.with_value.contains(&arg));
            flags.push(arg);
            if last {
                flags.extend(args.by_ref());
            } else if value {
                flags.extend(args.next());
            }
        }
        (flags, paths)
    }
}

#[cfg(test)]
mod tests {
    use super::Flags;

    const COMPLETIONS: &str = r#"
complete -c x.py -n "__fish_x.py_using_subcommand test" -l stage -d 'stage, e.g. 1' -r -f
complete -c x.py -n "__fish_x.py_using_subcommand test" -s j -l jobs -d 'don\'t use -r more' -r -f
complete -c x.py -n "__fish_x.py_using_subcommand test" -l color -d 'color' -r -f -a "{always\t'',never\t''}"
complete -c x.py -n "__fish_x.py_using_subcommand test" -l bless -d 'don\'t -r compare'
complete -c x.py -n "__fish_x.py_using_subcommand build" -l bless -d 'of another verb' -r
"#;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn flags_with_a_value_are_found() {
        let flags = Flags::parse(COMPLETIONS, "test");
        let found: Vec<_> = flags.with_value.iter().collect();
        assert_eq!(found, ["--color", "--jobs", "--stage", "-j"]);
    }

    #[test]
    fn values_of_flags_are_not_paths() {
        let (flags, paths) = Flags::parse(COMPLETIONS, "test").split(words(
            "-j 2 tests/ui --stage 2 --stage=1 --bless tests/incremental -- a b",
        ));
        assert_eq!(paths, words("tests/ui tests/incremental"));
        assert_eq!(flags, words("-j 2 --stage 2 --stage=1 --bless -- a b"));
    }
}
