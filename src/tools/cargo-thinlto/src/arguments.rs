//! The arguments of cargo's verbs, as far as they change what this command does.

use std::ffi::OsString;
use std::path;

/// Options of cargo with a value, apart from those that are read here: their values are no options.
const WITH_VALUE: [&str; 23] = [
    "--package",
    "--exclude",
    "--bin",
    "--example",
    "--test",
    "--bench",
    "--features",
    "--jobs",
    "--target-dir",
    "--artifact-dir",
    "--message-format",
    "--color",
    "--lockfile-path",
    "--crate-type",
    "--print",
    "--version",
    "--git",
    "--branch",
    "--tag",
    "--rev",
    "--root",
    "--index",
    "--registry",
];

/// The settings of links with servers begin so. All of them have a value.
const REMOTE: &str = "--remote-";

/// Those with a path. Links run in other folders.
const REMOTE_FILES: [&str; 4] = [
    "--remote-token-file",
    "--remote-ca",
    "--remote-certificate",
    "--remote-key",
];

/// Options of cargo of one letter with a value.
const LETTERS_WITH_VALUE: &str = "pFZj";

/// What cargo's arguments say.
#[derive(Debug, Default, PartialEq)]
pub struct Arguments {
    /// The value of `--profile`; `--release` and `--debug` are short for one.
    pub profile: Option<String>,
    /// `--quiet`.
    pub quiet: bool,
    /// Whether cargo only shows its help.
    pub help: bool,
    /// Whether they are those of `cargo install`, which knows nothing of the folder that it runs in.
    pub is_install: bool,
    /// The value of `--manifest-path`, or of `--path` of `cargo install`.
    pub manifest: Option<OsString>,
    /// The values of `--target`.
    pub targets: Vec<String>,
    /// The values of `--config`.
    pub config: Vec<OsString>,
    /// The settings of links with servers, each with its value.
    pub remote: Vec<String>,
    /// All other arguments, with the program's own.
    pub others: Vec<OsString>,
}

impl Arguments {
    /// Reads the arguments up to `--`. Cargo itself says what is wrong with them.
    pub fn read(arguments: &[OsString]) -> Arguments {
        let mut read = Arguments::default();
        let mut at = 0;
        while at < arguments.len() && arguments[at] != "--" {
            let start = at;
            at += 1;
            let is_cargo_s = read.word(&arguments[start], || {
                at += 1;
                arguments.get(at - 1).cloned()
            });
            at = at.min(arguments.len());
            if is_cargo_s {
                read.others.extend_from_slice(&arguments[start..at]);
            }
        }
        read.others.extend_from_slice(&arguments[at..]);
        read
    }

    /// Reads an argument, whose value may be the `next` one. Returns whether it is among the other ones.
    fn word(&mut self, word: &OsString, next: impl FnOnce() -> Option<OsString>) -> bool {
        let Some(text) = word.to_str() else {
            return true;
        };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (text, None),
        };
        let text_of = |value: Option<OsString>| value.and_then(|it| it.into_string().ok());
        match name {
            "--profile" => self.profile = text_of(value.or_else(next)),
            "--release" => self.profile = Some("release".into()),
            "--debug" => self.profile = Some("dev".into()),
            "--quiet" => self.quiet = true,
            "--help" => self.help = true,
            "--manifest-path" | "--path" => self.manifest = value.or_else(next),
            "--target" => self.targets.extend(text_of(value.or_else(next))),
            "--config" => self.config.extend(value.or_else(next)),
            name if name.starts_with(REMOTE) => {
                let mut value = value.or_else(next);
                if REMOTE_FILES.contains(&name) {
                    value = value.and_then(|path| Some(path::absolute(path).ok()?.into()));
                }
                // What is missing, the distributor's own parser says.
                let value = text_of(value).map(|value| format!("={value}"));
                self.remote
                    .push(name.to_owned() + &value.unwrap_or_default());
            }
            name if WITH_VALUE.contains(&name) => drop(value.or_else(next)),
            name if name.starts_with("--") => {}
            _ => self.letters(text.strip_prefix('-').unwrap_or_default(), next),
        }
        name != "--config" && !name.starts_with(REMOTE)
    }

    /// Reads options of one letter. The rest after the first one with a value is the value, or the
    /// next word is if there is no rest.
    fn letters(&mut self, letters: &str, next: impl FnOnce() -> Option<OsString>) {
        for (at, letter) in letters.char_indices() {
            match letter {
                'r' => self.profile = Some("release".into()),
                'q' => self.quiet = true,
                'h' => self.help = true,
                _ => {}
            }
            if LETTERS_WITH_VALUE.contains(letter) {
                let rest = &letters[at + 1..];
                if rest.strip_prefix('=').unwrap_or(rest).is_empty() {
                    next();
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(words: &str) -> Vec<OsString> {
        words.split_whitespace().map(Into::into).collect()
    }

    fn read(words: &str) -> Arguments {
        Arguments::read(&words_of(words))
    }

    #[test]
    fn a_profile_has_several_spellings() {
        for (words, profile) in [
            ("--profile dist", Some("dist")),
            ("--profile=dist -v", Some("dist")),
            ("-r", Some("release")),
            ("-vvrq", Some("release")),
            ("-j4 --release", Some("release")),
            ("--debug --path .", Some("dev")),
            ("-- --profile dist", None),
            ("-p --release", None),
            ("-pr", None),
            ("--bin --release", None),
            ("-Fr -vp r", None),
        ] {
            assert_eq!(read(words).profile.as_deref(), profile, "{words}");
        }
    }

    #[test]
    fn settings_of_servers_are_not_cargo_s() {
        let words =
            "--remote-cache grpc://a --target T -v --remote-jobs=3 --target=U x -- --remote-jobs 4";
        let read = read(words);
        assert_eq!(read.remote, ["--remote-cache=grpc://a", "--remote-jobs=3"]);
        assert_eq!(read.targets, ["T", "U"]);
        let others = "--target T -v --target=U x -- --remote-jobs 4";
        assert_eq!(read.others, words_of(others));
        let remote = |words| super::Arguments::read(&words_of(words)).remote;
        let here = path::absolute("token").unwrap();
        let expected = format!("--remote-token-file={}", here.display());
        assert_eq!(remote("--remote-token-file token"), [expected]);
        assert_eq!(remote("--remote-cache"), ["--remote-cache"]);
    }

    #[test]
    fn options_are_read_up_to_the_program_s_own() {
        let words = "-j 3 --config a=1 --quiet --manifest-path m/Cargo.toml --config=b.toml x -- -h --config c";
        assert_eq!(
            read(words),
            Arguments {
                quiet: true,
                manifest: Some("m/Cargo.toml".into()),
                config: vec!["a=1".into(), "b.toml".into()],
                others: words_of("-j 3 --quiet --manifest-path m/Cargo.toml x -- -h --config c"),
                ..Arguments::default()
            }
        );
        assert!(read("-vh").help && read("--help").help && !read("-- --help").help);
    }
}
