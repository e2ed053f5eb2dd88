//! Starts the linker for a build system that names modules to it itself.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use anyhow::Context;
use helped::Helped;
use tool_support::command::Ended;

use crate::link_inputs;
use crate::program::Program;

const LINK_INPUTS: &str = "--link-inputs=";
const WITHOUT_CRATE: &str = "--without-crate=";

/// Runs the linker of the link inputs with `arguments`, in their order. `--link-inputs=FILE` among them
/// stands for the arguments of the link inputs, except for the output and the modules.
/// `--without-crate=NAME` omits an upstream crate as well.
pub fn run(arguments: Vec<OsString>) -> anyhow::Result<Ended> {
    let (program, arguments) = all_arguments(arguments)?;
    program.linker.run(&arguments, &program.dir)
}

fn all_arguments(arguments: Vec<OsString>) -> anyhow::Result<(Program, Vec<OsString>)> {
    let mut link_inputs = None;
    let mut left_out = Vec::new();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for argument in arguments {
        if let Some(path) = after_prefix(&argument, LINK_INPUTS) {
            if link_inputs.replace(PathBuf::from(path)).is_some() {
                let message = format!("there are two arguments `{LINK_INPUTS}…`");
                return Err(Helped::new(message, "link one crate at a time").into());
            }
        } else if let Some(name) = after_prefix(&argument, WITHOUT_CRATE) {
            left_out.push(name.to_string_lossy().into_owned());
        } else if link_inputs.is_none() {
            before.push(argument);
        } else {
            after.push(argument);
        }
    }
    let link_inputs = link_inputs.with_context(|| {
        let message = format!("there is no argument `{LINK_INPUTS}…`");
        Helped::new(message, "pass the file that `--emit=link-inputs` wrote")
    })?;
    let mut program = link_inputs::read(&link_inputs)?;
    program.leave_out(&left_out);
    let own = program.arguments(None, false, |_| None);
    Ok((program, [before, own, after].concat()))
}

fn after_prefix(argument: &OsStr, prefix: &str) -> Option<OsString> {
    let rest = argument.as_bytes().strip_prefix(prefix.as_bytes())?;
    Some(OsStr::from_bytes(rest).to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TEXT: &str = r#"{ "version": 1, "crate_name": "p", "allocator_module": null,
      "modules": [ {"object": "p.o", "thin_link_bitcode": "p.indexing.o"} ],
      "links": [ { "output": "p", "symbols_object": null,
        "linker": {"program": "cc", "flavor": "gnu-cc", "environment": {}, "path": []},
        "arguments": ["-m64", "p.o", "libx.rlib", "libstd.rlib", "-lc", "-o", "p", "-pie"],
        "upstream_crates": [
          {"name": "x", "kind": "rlib", "path": "libx.rlib", "native_archive": "libx.a",
           "modules": [ {"object": "x.o", "thin_link_bitcode": "x.indexing.o"} ]},
          {"name": "std", "kind": "rlib", "path": "libstd.rlib", "modules": [], "native_archive": "libstd.rlib"} ] } ] }"#;

    #[test]
    fn link_inputs_stand_for_their_arguments() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.link-inputs.json");
        fs::write(&path, TEXT).unwrap();
        let link_inputs = format!("--link-inputs={}", path.display());
        let words = |words: &[&str]| -> String {
            let words = words.iter().map(OsString::from).collect();
            let (_, arguments) = all_arguments(words).unwrap();
            arguments.join(" ".as_ref()).into_string().unwrap()
        };
        assert_eq!(
            words(&["-o", "bin/p", "p.o", &link_inputs, "-lm"]),
            "-o bin/p p.o -m64 libx.a libstd.rlib -lc -pie -lm"
        );
        assert_eq!(
            words(&[&link_inputs, "--without-crate=std", "-lm"]),
            "-m64 libx.a -lc -pie -lm"
        );
    }

    #[test]
    fn link_inputs_are_named_once() {
        let error = |words: &[&str]| {
            let error = all_arguments(words.iter().map(OsString::from).collect());
            helped::report(&error.err().unwrap())
        };
        assert_eq!(
            error(&["-lc"]),
            "error: there is no argument `--link-inputs=…`\n\
             help: pass the file that `--emit=link-inputs` wrote"
        );
        assert_eq!(
            error(&["--link-inputs=a", "--link-inputs=b"]),
            "error: there are two arguments `--link-inputs=…`\nhelp: link one crate at a time"
        );
        let error = error(&["--link-inputs=missing.json"]);
        assert!(
            error.starts_with("error: cannot read the link inputs missing.json: "),
            "{error}"
        );
    }
}
