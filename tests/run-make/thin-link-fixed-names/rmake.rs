// With `-Zthin-link-fixed-names` a build system knows the pairs of a crate before it is compiled: one
// for each codegen unit that the crate may have, under its number, and that of the allocator shim.
// The numbers stay when the crate is edited, and a thin link takes the empty modules like others.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::path::{Path, PathBuf};

use run_make_support::thin_link::{
    Files, link_program, take_files, thin_link_objects, thin_link_program,
    thin_link_rustc, thinlto_backend,
};
use run_make_support::{Rustc, cmd, cwd, rfs};

const UNITS: usize = 8;

fn main() {
    names();
    one_unit();
    edited();
    program();
}

fn compile(source: &str, crate_type: &str) -> Rustc {
    let mut rustc = thin_link_rustc();
    rustc.input(source).crate_type(crate_type).opt().arg("-L.").codegen_units(UNITS);
    rustc.arg("-Zthin-link-fixed-names");
    rustc.emit("obj,thin-link-bitcode").out_dir("out");
    rustc
}

fn numbered(crate_name: &str) -> Vec<String> {
    let mut names: Vec<_> = (0..UNITS)
        .flat_map(|unit| ["o", "indexing.o"].map(|kind| format!("{crate_name}.{unit}.rcgu.{kind}")))
        .collect();
    names.sort();
    names
}

/// The files, what `--json=artifacts` announces and what dep-info names are those foretold.
fn names() {
    thin_link_rustc().input("library.rs").crate_type("lib").opt().emit("metadata,link").run();
    for (source, crate_type) in
        [("library.rs", "lib"), ("program.rs", "bin"), ("program.rs", "cdylib")]
    {
        let mut expected = numbered(source.strip_suffix(".rs").unwrap());
        if crate_type != "lib" {
            expected.extend(["o", "indexing.o"].map(|it| format!("program.allocator.rcgu.{it}")));
            expected.sort();
        }
        for flags in [&[][..], &["-Cincremental=cache"], &["-Cincremental=cache"], &["-Cprefer-dynamic"]] {
            println!("{crate_type} {flags:?}");
            let mut rustc = compile(source, crate_type);
            rustc.args(flags).emit("obj,thin-link-bitcode,dep-info=d");
            rustc.error_format("json").json("artifacts");
            let announced = rustc.run().stderr_utf8();
            assert_eq!(thin_link_objects("out").len() * 2, expected.len());
            for name in take_files("out").keys() {
                assert!(expected.contains(name), "{name}");
                assert!(announced.contains(&format!("\"out/{name}\"")), "{name}: {announced}");
                let dep_info = rfs::read_to_string("d");
                assert!(dep_info.contains(&format!("out/{name}: ")), "{name}: {dep_info}");
            }
        }
        rfs::remove_dir_all("cache");
    }
}

/// With one unit the pair has the name of its crate, or that of the command line.
fn one_unit() {
    let mut rustc = compile("program.rs", "bin");
    rustc.codegen_units(1).arg("--emit=obj=out/p.o,thin-link-bitcode=out/p.indexing.o").run();
    let names: Vec<_> = take_files("out").into_keys().collect();
    let shim = ["indexing.o", "o"].map(|kind| format!("program.allocator.rcgu.{kind}"));
    assert_eq!(names[..2], ["p.indexing.o", "p.o"]);
    assert_eq!(names[2..], shim);
}

/// An edit changes the module that it is in. A new module of the source takes the place of an empty
/// one, which may take that of another empty one.
fn edited() {
    let source = rfs::read_to_string("library.rs");
    let run = || -> Files {
        compile("library.rs", "lib").incremental("cache").run();
        take_files("out")
    };
    let first = run();
    let body = source.replace("value * 2", "value * 3");
    let module = format!("{source}\npub mod new {{ pub fn new() -> u32 {{ 5 }} }}\n");
    for (edited, most) in [(body, 1), (module, 3)] {
        rfs::write("library.rs", edited);
        let second = run();
        assert!(second.keys().eq(first.keys()));
        let changed: Vec<_> = first
            .iter()
            .filter(|(name, content)| !name.ends_with(".indexing.o") && second[*name] != **content)
            .map(|(name, _)| name)
            .collect();
        assert!((1..=most).contains(&changed.len()), "{changed:?}");
    }
    rfs::write("library.rs", source);
    rfs::remove_dir_all("cache");
}

/// The program needs the metadata of the library only, and runs.
fn program() {
    compile("library.rs", "lib").emit("metadata,obj,thin-link-bitcode").run();
    rfs::rename("out/liblibrary.rmeta", "liblibrary.rmeta");
    rfs::remove_file("liblibrary.rlib");
    compile("program.rs", "bin").run();
    let objects = thin_link_objects("out");
    assert_eq!(objects.len(), 2 * UNITS + 1);
    thin_link_program(&objects);
    let natives: Vec<PathBuf> = objects.iter().map(|object| object.with_extension("native")).collect();
    for (object, native) in objects.iter().zip(&natives) {
        thinlto_backend(object).emit("obj").output(native).run();
    }
    link_program(natives).arg("-o").arg("program").run();
    cmd(cwd().join("program")).run().assert_stdout_equals("12");
    assert!(!Path::new("liblibrary.rlib").exists());
}
