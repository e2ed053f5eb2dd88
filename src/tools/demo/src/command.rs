//! Running a command to its end.

use std::process::{Command, Output};

use anyhow::{Context, bail};

/// Runs `command` and returns its output; when it fails, the error holds the command and its
/// standard error.
pub fn run(command: &mut Command) -> anyhow::Result<Output> {
    tracing::debug!(?command, "run");
    let output = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!(
            "command failed ({}): {command:?}\n{}\n\
             help: see its message above; RUST_LOG=debug shows all commands that ran before",
            output.status,
            stderr.trim_end()
        );
    }
    if !stderr.is_empty() {
        tracing::debug!(%stderr);
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_command_and_message() {
        let mut command = Command::new("cat");
        command.arg("/no such file");
        let error = run(&mut command).unwrap_err().to_string();
        let (first, rest) = error.split_once('\n').unwrap();
        assert_eq!(
            first,
            r#"command failed (exit status: 1): "cat" "/no such file""#
        );
        assert!(rest.starts_with("cat: "), "{rest}");
        assert!(rest.contains("\nhelp: "), "{rest}");
    }
}
