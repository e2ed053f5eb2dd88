//! `thinlto-distributor`: runs the backends of a link for lld's `--thinlto-distributor`.

use std::env;
use std::process::ExitCode;

use backends::distributor;

fn main() -> ExitCode {
    tool_support::main(|| distributor::run(env::args_os().collect()))
}
