// With `--emit=obj,thin-link-bitcode` every module of a crate leaves a pair: a bitcode object and
// the thin-link summary of exactly that bitcode beside it. A build system hands the summaries to
// the thin link and the objects to the backends, so neither may be missing, native, or of another
// module. This holds for every crate type, for one codegen unit and for several, for the allocator
// shim, whether the crate is linked as well or not, and for every flag that changes the bitcode.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::path::{Path, PathBuf};

use run_make_support::thin_link::{thin_link_objects, thin_link_rustc};
use run_make_support::{has_suffix, llvm_nm, rfs, run};

fn main() {
    for (crate_type, source) in [
        ("lib", "library"),
        ("rlib", "library"),
        ("staticlib", "library"),
        ("cdylib", "library"),
        ("dylib", "library"),
        ("bin", "program"),
        ("proc-macro", "macros"),
    ] {
        for units in [1, 4] {
            for emit in ["obj,thin-link-bitcode", "obj,link,thin-link-bitcode"] {
                let build = Build { crate_type, source, units, emit, flags: &[] };
                check_modules(&build, &build.run());
            }
        }
    }

    let program = Build {
        crate_type: "bin",
        source: "program",
        units: 1,
        emit: "obj,thin-link-bitcode",
        flags: &[],
    };
    for flags in [
        &["-Copt-level=0"][..],
        &["-Copt-level=1"],
        &["-Copt-level=2"],
        &["-Copt-level=3"],
        &["-Copt-level=s"],
        &["-Copt-level=z"],
        &["-g"],
        &["-g", "-Csplit-debuginfo=packed"],
        &["-g", "-Csplit-debuginfo=unpacked"],
        &["-g", "-O"],
    ] {
        for units in [1, 4] {
            let build = Build { units, flags, ..program };
            check_modules(&build, &build.run());
        }
    }

    save_temps(&program);
}

struct Build<'a> {
    crate_type: &'a str,
    source: &'a str,
    units: usize,
    emit: &'a str,
    flags: &'a [&'a str],
}

impl Build<'_> {
    /// Compiles into an empty folder `out` and returns the objects there, each beside its summary.
    fn run(&self) -> Vec<PathBuf> {
        println!("{} {} {} {:?}", self.crate_type, self.units, self.emit, self.flags);
        if Path::new("out").exists() {
            rfs::remove_dir_all("out");
        }
        thin_link_rustc()
            .input(format!("{}.rs", self.source))
            .crate_type(self.crate_type)
            .codegen_units(self.units)
            .emit(self.emit)
            .args(self.flags)
            .out_dir("out")
            .run();
        thin_link_objects("out")
    }
}

/// Checks the names and the number of the objects, and that the allocator shim is among them
/// exactly if the crate type has one.
fn check_modules(build: &Build<'_>, objects: &[PathBuf]) {
    let defines_allocator = |object: &&PathBuf| {
        llvm_nm()
            .input(object)
            .run()
            .stdout_utf8()
            .lines()
            .any(|line| line.contains(" T ") && line.ends_with("7___rustc12___rust_alloc"))
    };
    let (allocators, units): (Vec<_>, Vec<_>) = objects.iter().partition(defines_allocator);
    let has_allocator = !matches!(build.crate_type, "lib" | "rlib");
    assert_eq!(allocators.len(), usize::from(has_allocator), "{objects:?}");
    let name = |object: &PathBuf| object.file_name().unwrap().to_str().unwrap().to_owned();
    if build.units == 1 {
        assert_eq!(
            units.iter().map(|unit| name(unit)).collect::<Vec<_>>(),
            [format!("{}.o", build.source)]
        );
    } else {
        assert_eq!(units.len(), build.units, "{units:?}");
    }
    for object in units.iter().filter(|_| build.units > 1).chain(&allocators) {
        assert!(name(object).starts_with(&format!("{}.", build.source)), "{object:?}");
        assert!(name(object).ends_with(".rcgu.o"), "{object:?}");
    }
    if build.emit.contains("link,") && build.crate_type == "bin" {
        run("out/program").assert_stdout_equals("10 9");
    }
}

/// The temporary files that `-Csave-temps` keeps are those of the same modules.
fn save_temps(program: &Build<'_>) {
    for units in [1, 4] {
        let objects = Build { units, flags: &["-O", "-Csave-temps"], ..*program }.run();
        // With one unit the object has two names.
        assert_eq!(objects.len(), if units == 1 { 3 } else { units + 1 }, "{objects:?}");
        for object in objects.iter().filter(|object| has_suffix(object, ".rcgu.o")) {
            assert!(rfs::read(object) == rfs::read(object.with_extension("bc")), "{object:?}");
        }
    }
}
