//! Runs the built programs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use helped::Helped;
use tool_support::{callgrind, command};

use crate::goals::{self, Measure};
use crate::measure::Measured;
use crate::mode::Mode;

/// The number of rounds in which the programs of all modes run.
const ROUNDS: usize = 7;
/// The number of rounds after which those that goals compare run no more, however much they vary.
const MOST_ROUNDS: usize = 200;

/// Runs the programs with `arguments` in turns, until the ratios of the goals are known. Then counts
/// instructions. It is an error if the answers of two programs differ.
pub fn run(
    arguments: &[OsString],
    measured: &mut Measured,
    program: impl Fn(Mode) -> PathBuf,
) -> anyhow::Result<()> {
    let command = |mode| {
        let mut command = Command::new(program(mode));
        command.args(arguments);
        command
    };
    let mut first = None;
    for round in 0..MOST_ROUNDS {
        if round >= ROUNDS && goals::know_speed(measured) {
            break;
        }
        for in_mode in &mut measured.modes {
            let mode = in_mode.mode;
            if round >= ROUNDS && !goals::compare(mode, Measure::Speed) {
                continue;
            }
            let ended = command::run_to_any_end(&mut command(mode))?;
            in_mode.benchmark_seconds.push(ended.usage.seconds);
            let answer = (ended.status.code(), ended.stdout, ended.stderr);
            let (one, expected) = first.get_or_insert_with(|| (mode, answer.clone()));
            if answer != *expected {
                let (one, other) = (program(*one), program(mode));
                let message = format!(
                    "{} and {} answer differently",
                    one.display(),
                    other.display()
                );
                return Err(Helped::new(message, format!("run both with {arguments:?}")).into());
            }
        }
    }
    for in_mode in &mut measured.modes {
        if goals::compare(in_mode.mode, Measure::Instructions) {
            in_mode.benchmark_instructions = Some(callgrind::count(&command(in_mode.mode))?);
        }
    }
    Ok(())
}
