//! The linker: its command line and its environment.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustc_hir::def_id::CrateNum;
use rustc_session::config::{CrateType, OutputType};
use rustc_target::spec::{Cc, LinkerFlavor, Lld};
use serde_json::{Map, Value, json};

use super::upstream_crates::Rlib;
use super::{Inputs, output_of_sole_module};
use crate::CompiledModule;
use crate::back::link::{
    linker_and_flavor, linker_with_args, self_contained_components, set_linker_environment,
};

impl Inputs<'_> {
    /// The linker, and the arguments that rustc would have given it.
    pub(super) fn linker(
        &self,
        crate_type: CrateType,
        output: &Path,
        folder: &Path,
        rlibs: &[(CrateNum, Rlib)],
    ) -> (Value, Vec<Value>) {
        let sess = self.sess;
        let (program, flavor) = linker_and_flavor(sess);
        let mut cmd = linker_with_args(
            &program,
            flavor,
            sess,
            self.archive_builder_builder,
            crate_type,
            folder,
            output,
            self.codegen_results,
            self.metadata,
            self_contained_components(sess, crate_type, &program),
            self.codegen_backend,
        );
        set_linker_environment(&mut cmd, sess);
        // May have not found libraries in the right formats.
        sess.dcx().abort_if_errors();

        let cmd = cmd.command();
        let (environment, path) = self.environment(&cmd);
        let linker = json!({
            "program": self.text(cmd.get_program()),
            "flavor": flavor_name(flavor),
            "environment": environment,
            "path": path,
        });
        (linker, self.arguments(&cmd, rlibs))
    }

    /// The arguments of `cmd`, in which modules and crates have the paths that the file has for them.
    fn arguments(&self, cmd: &Command, rlibs: &[(CrateNum, Rlib)]) -> Vec<Value> {
        let sole = match &self.codegen_results.modules[..] {
            [CompiledModule { object: Some(numbered), .. }] => Some(numbered),
            _ => None,
        };
        cmd.get_args()
            .map(|argument| {
                let path = Path::new(argument);
                if let Some(numbered) = sole.filter(|&numbered| numbered == path) {
                    self.path(&output_of_sole_module(self.outputs, OutputType::Object, numbered))
                } else if let Some((_, rlib)) = rlibs.iter().find(|(_, it)| it.argument == path) {
                    self.path(&rlib.as_given)
                } else {
                    self.text(argument)
                }
            })
            .collect()
    }

    /// The variables of the environment of `cmd`, and the folders that come before those of `PATH`,
    /// whose value differs from machine to machine.
    fn environment(&self, cmd: &Command) -> (Map<String, Value>, Vec<Value>) {
        let folders = |path: &OsStr| env::split_paths(path).collect::<Vec<PathBuf>>();
        let own_path = env::var_os("PATH").map(|path| folders(&path)).unwrap_or_default();
        // With `--sysroot`, the compiler's own sysroot is only a fallback, in a folder of this machine.
        let sysroot = &self.sess.opts.sysroot;
        let is_named = |folder: &Path| match &sysroot.explicit {
            Some(named) => folder.starts_with(named) || !folder.starts_with(&sysroot.default),
            None => true,
        };
        let mut environment = Map::new();
        let mut before_path = Vec::new();
        for (name, value) in cmd.get_envs() {
            let path = value.filter(|_| name == "PATH").map(folders);
            if let Some(path) = path
                && let Some(added) = path.strip_suffix(&own_path[..])
            {
                let named = added.iter().filter(|folder| is_named(folder));
                before_path.extend(named.map(|folder| self.path(folder)));
            } else if let Value::String(name) = self.text(name) {
                environment.insert(name, value.map_or(Value::Null, |value| self.text(value)));
            }
        }
        (environment, before_path)
    }
}

/// The name that `-Clinker-flavor` has for `flavor`.
fn flavor_name(flavor: LinkerFlavor) -> String {
    let (name, lld, cc) = match flavor {
        LinkerFlavor::Gnu(cc, lld) => ("gnu", lld, cc),
        LinkerFlavor::Darwin(cc, lld) => ("darwin", lld, cc),
        LinkerFlavor::WasmLld(cc) => ("wasm", Lld::Yes, cc),
        LinkerFlavor::Unix(cc) => ("unix", Lld::No, cc),
        LinkerFlavor::Msvc(lld) => ("msvc", lld, Cc::No),
        LinkerFlavor::EmCc => ("em", Lld::No, Cc::Yes),
        LinkerFlavor::Bpf => ("bpf", Lld::No, Cc::No),
        LinkerFlavor::Ptx => ("ptx", Lld::No, Cc::No),
        LinkerFlavor::Llbc => ("llbc", Lld::No, Cc::No),
    };
    let lld = if lld == Lld::Yes { "-lld" } else { "" };
    let cc = if cc == Cc::Yes { "-cc" } else { "" };
    format!("{name}{lld}{cc}")
}
