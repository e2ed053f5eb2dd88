//! Prints figures about a text.

use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    let text = arguments::file(env::args()).and_then(|file| {
        fs::read_to_string(&file).map_err(|error| format!("cannot read {file}: {error}"))
    });
    match text {
        Ok(text) => {
            print!("{}", report::report(&text));
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
