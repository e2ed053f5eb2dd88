//! Helpers for tests that link from the file of `--emit=link-inputs`, as a build system does: as it
//! stands, or by distributed ThinLTO.

use std::env;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::Command;
use crate::external_deps::rustc::bare_rustc;
use crate::rfs;

/// Reads the file at `path`, which has a link of one crate type.
#[track_caller]
pub fn read_link_inputs(path: impl AsRef<Path>) -> Value {
    let inputs: Value = serde_json::from_str(&rfs::read_to_string(path)).unwrap();
    assert_eq!(inputs["version"], 1);
    assert_eq!(inputs["links"].as_array().unwrap().len(), 1);
    inputs
}

/// Returns a string of the file.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string"))
}

/// Returns the elements of a list of the file.
#[track_caller]
pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// Constructs the link that the file asks for. Each argument passes through `replace`.
#[track_caller]
pub fn linker(inputs: &Value, replace: impl Fn(&str) -> Vec<String>) -> Command {
    let link = &inputs["links"][0];
    let mut command = Command::new(text(&link["linker"]["program"]));
    for argument in list(&link["arguments"]) {
        command.args(replace(text(argument)));
    }
    for (name, value) in link["linker"]["environment"].as_object().unwrap() {
        match value.as_str() {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let path = list(&link["linker"]["path"]).iter().map(|folder| PathBuf::from(text(folder)));
    let own_path = env::var_os("PATH").unwrap();
    let path = env::join_paths(path.chain(env::split_paths(&own_path))).unwrap();
    command.env("PATH", path);
    command
}

/// What [`link_distributed`] did.
pub struct Distributed {
    /// The bitcode of the modules that the thin link was to choose from.
    pub modules: Vec<PathBuf>,
    /// What the thin link read, a line each.
    pub read_by_thin_link: String,
    /// What the last link read, a line each.
    pub read_by_link: String,
    /// The linked file.
    pub output: PathBuf,
}

/// Links by distributed ThinLTO, with everything that it makes in `folder`.
#[track_caller]
pub fn link_distributed(inputs: &Value, folder: &str) -> Distributed {
    let link = &inputs["links"][0];
    let takes_part = |module: &&Value| module["thin_link_bitcode"].is_string();
    let crates = || list(&link["upstream_crates"]).iter();
    let own = list(&inputs["modules"]).iter().chain([&inputs["allocator_module"]]);
    let own: Vec<&Value> = own.filter(takes_part).collect();
    let all = own.iter().copied();
    let all: Vec<PathBuf> = all
        .chain(crates().flat_map(|upstream| list(&upstream["modules"])).filter(takes_part))
        .map(|module| text(&module["object"]).into())
        .collect();

    // The arguments with each module as the file that `place` knows it by.
    let replace = |argument: &str, place: &dyn Fn(&Value) -> Option<String>| -> Vec<String> {
        if let Some(module) = own.iter().find(|module| module["object"] == argument) {
            return Vec::from_iter(place(module));
        }
        let Some(upstream) = crates().find(|upstream| upstream["path"] == argument) else {
            return vec![argument.to_owned()];
        };
        let mut files = vec!["-Wl,--start-lib".to_owned()];
        files.extend(list(&upstream["modules"]).iter().filter(takes_part).filter_map(place));
        files.push("-Wl,--end-lib".to_owned());
        files.extend(upstream["native_archive"].as_str().map(str::to_owned));
        files
    };

    rfs::create_dir_all(folder);
    let summary = |module: &Value| Some(text(&module["thin_link_bitcode"]).to_owned());
    let thin_link = linker(inputs, |argument| replace(argument, &summary))
        .arg("-Wl,--trace")
        .arg(format!("-Wl,--thinlto-index-only={folder}/linked.txt"))
        .arg("-Wl,--thinlto-object-suffix-replace=.indexing.o;.o")
        .arg(format!("-Wl,--thinlto-prefix-replace=;{folder}/indexes/"))
        .run();

    // Of the modules of libraries, the linker has chosen those that the program needs.
    let indexes = format!("{folder}/indexes/");
    let linked = rfs::read_to_string(format!("{folder}/linked.txt"));
    let linked: Vec<&str> =
        linked.lines().map(|object| object.strip_prefix(&indexes).unwrap()).collect();
    let native = |object: &str| {
        let at = linked.iter().position(|&linked| linked == object)?;
        Some(format!("{folder}/{at}.o"))
    };
    for object in &linked {
        bare_rustc()
            .arg("-Zunstable-options")
            .arg(format!("-Zthinlto-index={indexes}{object}.thinlto.bc"))
            .opt()
            .emit("obj")
            .input(object)
            .output(native(object).unwrap())
            .run();
    }
    let native_of = |module: &Value| native(text(&module["object"]));
    let last = linker(inputs, |argument| replace(argument, &native_of)).arg("-Wl,--trace").run();
    Distributed {
        modules: all,
        read_by_thin_link: thin_link.stdout_utf8(),
        read_by_link: last.stdout_utf8(),
        output: text(&link["output"]).into(),
    }
}
