// `--emit=link-inputs` names the object and the summary of an upstream crate's module only if they are
// of the compilation that made the rlib: its member is the object, and has the module hash of the
// summary. Files that an earlier compilation has left behind are named in a warning, and the crate is
// linked as a whole. Files that the user has named are found by that hash.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-x86_64-unknown-linux-gnu

use std::path::Path;

use run_make_support::link_inputs::{link_distributed, linker, list, read_link_inputs, text};
use run_make_support::llvm::llvm_bin_dir;
use run_make_support::serde_json::Value;
use run_make_support::thin_link::summary_of;
use run_make_support::{
    CompletedProcess, Rustc, bare_rustc, build_native_static_lib, cmd, cwd, has_suffix, rfs,
    shallow_find_files,
};

const ALL: &str = "link,obj,thin-link-bitcode";

fn main() {
    for units in [1, 2] {
        stale(units);
    }
    missing();
    damaged();
    named_by_the_user();
    embedded();
    same_names();
}

fn rustc() -> Rustc {
    let mut rustc = bare_rustc();
    rustc.args(["-Zunstable-options", "-Clinker-plugin-lto"]).opt().edition("2021");
    rustc.linker(llvm_bin_dir().join("clang").to_str().unwrap()).link_arg("-fuse-ld=lld");
    rustc
}

/// Compiles the crate, and adds its files to the folder `deps`. Compiled there, rustc would remove the
/// objects of several units that it is not to emit.
fn library(units: usize, emit: &str, cfg: &str) {
    let mut rustc = rustc();
    rustc.input("library.rs").crate_type("lib").out_dir("compiled").cfg(cfg);
    rustc.codegen_units(units).emit(emit).run();
    add_compiled();
}

fn add_compiled() {
    rfs::create_dir_all("deps");
    for file in shallow_find_files("compiled", |_| true) {
        rfs::rename(&file, Path::new("deps").join(file.file_name().unwrap()));
    }
    rfs::remove_dir_all("compiled");
}

fn program() -> Rustc {
    let mut rustc = rustc();
    rustc.input("program.rs").out_dir("out").arg("-Ldependency=deps");
    rustc.arg("--extern=library=deps/liblibrary.rlib").codegen_units(1);
    rustc.emit("link-inputs,obj,thin-link-bitcode");
    rustc
}

fn inputs() -> Value {
    read_link_inputs("out/program.link-inputs.json")
}

fn upstream<'a>(inputs: &'a Value, name: &str) -> &'a Value {
    let crates = list(&inputs["links"][0]["upstream_crates"]);
    crates.iter().find(|upstream| upstream["name"] == name).unwrap()
}

/// The program runs, and the crate's modules are named.
#[track_caller]
fn fits(expected: &str) {
    program().run().assert_stderr_equals("");
    let inputs = inputs();
    let library = upstream(&inputs, "library");
    for module in list(&library["modules"]) {
        let (object, summary) = (text(&module["object"]), text(&module["thin_link_bitcode"]));
        assert_eq!(summary_of(object), Path::new(summary));
    }
    assert!(library["native_archive"].is_null(), "{library}");
    let linked = link_distributed(&inputs, "made");
    cmd(cwd().join(linked.output)).run().assert_stdout_equals(expected);
}

/// No module of the crate is named, and the program is linked with the rlib as it is.
#[track_caller]
fn unnamed(expected: &str) -> CompletedProcess {
    let compiled = program().run();
    let inputs = inputs();
    let library = upstream(&inputs, "library");
    for module in list(&library["modules"]) {
        assert!(module["object"].is_null() && module["thin_link_bitcode"].is_null(), "{module}");
    }
    assert_eq!(library["native_archive"], "deps/liblibrary.rlib");
    linker(&inputs, |argument| vec![argument.to_owned()]).run();
    cmd(cwd().join("out/program")).run().assert_stdout_equals(expected);
    compiled
}

#[track_caller]
fn warned(compiled: &CompletedProcess, message: &str) {
    let stderr = compiled.stderr_utf8();
    assert_eq!(stderr.matches("warning: ").count(), 2, "one, and the count of them: {stderr}");
    compiled.assert_stderr_contains(format!("warning: {message}"));
    compiled.assert_stderr_contains(
        "= help: compile the crate again with `link,obj,thin-link-bitcode` in `--emit`",
    );
}

fn clean() {
    rfs::remove_dir_all("deps");
    rfs::remove_dir_all("out");
}

fn stale(units: usize) {
    let is_stale = |file: &str, compiled: &CompletedProcess| {
        let name = "library";
        let file = match units {
            1 => format!("deps/{name}{file}"),
            _ => format!("deps/{name}.{name}."),
        };
        warned(compiled, &format!("`{file}"));
        let rest = "` is not from the compilation that made `deps/liblibrary.rlib`";
        compiled.assert_stderr_contains(rest);
        if file.ends_with(".o") {
            compiled.assert_stderr_contains(format!("{file}{rest}"));
        }
    };
    library(units, ALL, "first");
    fits("41");
    // The same code once more: the files of the first time fit.
    library(units, "link", "first");
    fits("41");
    library(units, "link", "edited");
    is_stale(".o", &unnamed("42"));
    library(units, "link,obj", "edited");
    is_stale(".indexing.o", &unnamed("42"));
    library(units, ALL, "edited");
    fits("42");
    clean();

    // Without any such file there is nothing to say.
    library(units, "link", "first");
    unnamed("41").assert_stderr_equals("");
    clean();
}

/// One of two modules has no files any more.
fn missing() {
    library(2, ALL, "first");
    let summaries = shallow_find_files("deps", |path| has_suffix(path, ".indexing.o"));
    assert_eq!(summaries.len(), 2);
    rfs::remove_file(&summaries[0]);
    let member = summaries[0].file_name().unwrap().to_str().unwrap().replace(".indexing", "");
    let message = format!("the module `{member}` of `deps/liblibrary.rlib` has no files, other");
    warned(&unnamed("41"), &message);
    clean();
}

fn damaged() {
    for damage in [&b"BC\xC0\xDE"[..], b"", b"not bitcode"] {
        library(1, ALL, "first");
        rfs::write("deps/library.indexing.o", damage);
        let compiled = unnamed("41");
        warned(&compiled, "`deps/library.indexing.o` is not from the compilation that made");
        compiled.assert_stderr_contains("= note: the file cannot be read: ");
        clean();
    }
}

/// The files of a crate's only module may have any name, beside the rlib or in a folder of `-L`, as
/// long as the summary is called like the object.
fn named_by_the_user() {
    let named = |folder: &str, object: &str, summary: &str| {
        rfs::create_dir_all(folder);
        let emit = format!("link,obj={folder}/{object},thin-link-bitcode={folder}/{summary}");
        library(1, &emit, "first");
        // Many others beside it, some with the name of the crate.
        for other in ["a", "library-2", "zz"] {
            rfs::write(format!("{folder}/{other}.o"), "");
            rfs::write(format!("{folder}/{other}.indexing.o"), "");
        }
    };
    named("deps", "any.name.o", "any.name.indexing.o");
    fits("41");
    let inputs = inputs();
    assert_eq!(upstream(&inputs, "library")["modules"][0]["object"], "deps/any.name.o");
    // Those of an edited crate do not fit.
    library(1, "link", "edited");
    unnamed("42").assert_stderr_equals("");
    library(1, "link,thin-link-bitcode=deps/any.name.indexing.o", "edited");
    let compiled = unnamed("42");
    warned(
        &compiled,
        "`deps/any.name.o` is not from the compilation that made `deps/liblibrary.rlib`",
    );
    clean();

    named("pairs", "any.o", "any.indexing.o");
    unnamed("41").assert_stderr_equals("");
    let in_search_path = |kind: &str| {
        program().arg(format!("-L{kind}pairs")).run().assert_stderr_equals("");
        let inputs = self::inputs();
        upstream(&inputs, "library")["modules"][0]["object"].clone()
    };
    for kind in ["", "dependency=", "crate=", "all="] {
        assert_eq!(in_search_path(kind), "pairs/any.o");
    }
    assert!(in_search_path("native=").is_null());
    rfs::remove_dir_all("pairs");
    clean();

    named("deps", "any.o", "another.indexing.o");
    unnamed("41").assert_stderr_equals("");
    clean();
}

/// Modules that are embedded in native objects, here those of a crate and of all of std, are the files
/// that `--emit=obj,thin-link-bitcode` makes of the rlib.
fn embedded() {
    let library = |cfg: &str| {
        let mut rustc = bare_rustc();
        rustc.input("library.rs").crate_type("lib").out_dir("compiled").cfg(cfg).opt();
        rustc.codegen_units(1).run();
        add_compiled();
    };
    let program = || {
        let mut rustc = program();
        rustc.arg("-Zlink-embedded-bitcode").run()
    };
    let object = || upstream(&inputs(), "library")["modules"][0]["object"].clone();
    library("first");
    let mut rustc = bare_rustc();
    rustc.arg("-Zunstable-options").emit("obj,thin-link-bitcode").out_dir("deps");
    rustc.input("deps/liblibrary.rlib").run();
    program().assert_stderr_equals("");
    assert!(text(&object()).starts_with("deps/library."));
    let inputs = inputs();
    for name in ["std", "core", "alloc", "panic_unwind", "hashbrown", "libc"] {
        for module in list(&upstream(&inputs, name)["modules"]) {
            assert!(text(&module["object"]).contains("/thin-link/"), "{module}");
        }
    }

    library("edited");
    warned(&program(), "`deps/library.");
    assert!(object().is_null());
    clean();
}

/// Two rlibs of the same name, each with native code of its own.
fn same_names() {
    build_native_static_lib("native");
    for name in ["one", "two"] {
        rfs::create_dir_all(name);
        let mut rustc = rustc();
        rustc.input("native.rs").crate_type("lib").crate_name(name).arg("-L.");
        rustc.codegen_units(1);
        rustc.emit(format!(
            "link={name}/libnative.rlib,obj={name}/native.o,thin-link-bitcode={name}/native.indexing.o"
        ));
        rustc.run();
    }
    let mut rustc = rustc();
    rustc.input("two_natives.rs").crate_name("program").out_dir("out");
    rustc.emit("link-inputs,obj,thin-link-bitcode");
    rustc.args(["--extern=one=one/libnative.rlib", "--extern=two=two/libnative.rlib"]);
    rustc.codegen_units(1).run().assert_stderr_equals("");
    let inputs = inputs();
    let archives = ["one", "two"].map(|name| {
        let upstream = upstream(&inputs, name);
        assert_eq!(upstream["modules"][0]["object"], format!("{name}/native.o"));
        text(&upstream["native_archive"])
    });
    assert_ne!(archives[0], archives[1]);
    for archive in archives {
        assert!(Path::new(archive).is_file(), "{archive}");
    }
}
