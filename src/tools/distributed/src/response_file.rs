//! Response files of GCC, which clang and lld read as well: arguments, separated by whitespace.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use anyhow::Context;

/// The text of a response file with `arguments`, one a line.
pub fn text(arguments: &[OsString]) -> Vec<u8> {
    let mut text = Vec::new();
    for argument in arguments {
        if argument.is_empty() {
            text.extend(b"\"\"");
        }
        for &byte in argument.as_bytes() {
            if byte.is_ascii_whitespace() || matches!(byte, b'\\' | b'"' | b'\'') {
                text.push(b'\\');
            }
            text.push(byte);
        }
        text.push(b'\n');
    }
    text
}

/// Puts the arguments in a response file in place of each argument `@FILE`. An argument stays if there
/// is no such file.
pub fn expand(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Vec<OsString>> {
    let mut expanded = Vec::new();
    for argument in arguments {
        let file = argument
            .as_bytes()
            .strip_prefix(b"@")
            .map(OsStr::from_bytes);
        match file.map(Path::new).filter(|file| file.is_file()) {
            Some(file) => {
                let text =
                    fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
                expanded.extend(expand(split(&text))?);
            }
            None => expanded.push(argument),
        }
    }
    Ok(expanded)
}

/// The arguments in the text of a response file.
fn split(text: &[u8]) -> Vec<OsString> {
    let mut arguments = Vec::new();
    let mut argument: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            argument.get_or_insert_default().extend(bytes.next());
        } else if quote == Some(byte) {
            quote = None;
        } else if quote.is_none() && matches!(byte, b'"' | b'\'') {
            argument.get_or_insert_default();
            quote = Some(byte);
        } else if quote.is_none() && byte.is_ascii_whitespace() {
            arguments.extend(argument.take());
        } else {
            argument.get_or_insert_default().push(byte);
        }
    }
    arguments.extend(argument);
    arguments.into_iter().map(OsString::from_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn arguments_are_quoted_and_read_back() {
        let arguments = words(&["-o", "a b", "", r#"\"'"#, "-Wl,-rpath,$ORIGIN\n", "*?#"]);
        let text = text(&arguments);
        assert!(text.starts_with(b"-o\na\\ b\n\"\"\n\\\\\\\"\\'\n"));
        assert_eq!(split(&text), arguments);
    }

    #[test]
    fn quotes_end_where_they_began() {
        let text = br#" a"b c"'d "e' ''  "f\"g" "#;
        assert_eq!(split(text), words(&[r#"ab cd "e"#, "", r#"f"g"#]));
    }

    #[test]
    fn files_in_files_are_expanded_and_missing_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        fs::write(path("inner"), "c 'd e'").unwrap();
        fs::write(path("outer"), format!("b @{}", path("inner"))).unwrap();
        let arguments = words(&["a", &format!("@{}", path("outer")), "@missing", "-Wl,@x"]);
        assert_eq!(
            expand(arguments).unwrap(),
            words(&["a", "b", "c", "d e", "@missing", "-Wl,@x"])
        );
    }
}
