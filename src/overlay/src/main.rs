//! The driver behind `x.py`: one file for each verb, and modules that the verbs share.
//!
//! Before it starts this program, `x.py` installs packages, fetches the source, unpacks stage 0 and
//! builds this program with it. `x.py` also locks the build directory; this program inherits the lock.

mod bootstrap;
mod files;
mod flags;
mod place;
mod source;
mod suites;
mod tree;
mod upstream;
mod verbs;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::place::{Place, PlaceArgs};

/// The command line that `x.py` passes.
#[derive(Parser)]
#[command(name = "x.py")]
struct Cli {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(subcommand)]
    verb: Verb,
}

/// The verbs. `help.txt` describes them.
#[derive(Subcommand)]
enum Verb {
    Setup,
    Overlay {
        #[arg(long)]
        check: bool,
    },
    Refresh,
    Clean {
        #[arg(long)]
        all: bool,
    },
    Build(Rest),
    Check(Rest),
    Test(Rest),
    Doc(Rest),
    Dist(Rest),
    #[command(external_subcommand)]
    Tool(Vec<String>),
}

/// The arguments after the verb.
#[derive(clap::Args)]
struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let place = Place::new(cli.place)?;
    match cli.verb {
        Verb::Setup => verbs::setup::run(&place),
        Verb::Overlay { check: false } => verbs::overlay::run(&place),
        Verb::Overlay { check: true } => verbs::overlay::check(&place),
        Verb::Refresh => verbs::refresh::run(&place),
        Verb::Clean { all } => verbs::clean::run(&place, all),
        Verb::Build(rest) => verbs::build::run(&place, "build", rest.args),
        Verb::Check(rest) => verbs::build::run(&place, "check", rest.args),
        Verb::Doc(rest) => verbs::build::run(&place, "doc", rest.args),
        Verb::Dist(rest) => verbs::build::run(&place, "dist", rest.args),
        Verb::Test(rest) => verbs::test::run(&place, rest.args),
        Verb::Tool(line) if line[0] == "compare" => verbs::compare::run(&place, &line[1..]),
        Verb::Tool(line) => verbs::tool::run(&place, &line[0], &line[1..]),
    }
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        eprint!("{error}");
        std::process::exit(1)
    });
    run(cli).unwrap_or_else(|error| {
        eprintln!("{}", helped::report(&error));
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn help_names_every_verb() {
        let help = include_str!("../help.txt");
        let mut told: Vec<&str> = help
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .filter_map(|line| line.split(' ').next())
            .collect();
        let command = super::Cli::command();
        let mut known: Vec<&str> = command
            .get_subcommands()
            .map(|verb| verb.get_name())
            .collect();
        known.extend(crate::verbs::tool::TOOLS);
        told.sort_unstable();
        known.sort_unstable();
        assert_eq!(told, known);
    }

    #[test]
    fn help_fits_a_screen() {
        let help = include_str!("../help.txt");
        assert!(help.lines().count() <= 27, "{} lines", help.lines().count());
        assert!(help.lines().all(|line| line.len() <= 90));
    }
}
