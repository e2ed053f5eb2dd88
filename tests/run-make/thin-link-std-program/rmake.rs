// A program that goes through the run-time parts of std, and one without std, each made in four
// ways: of native code, by ThinLTO in rustc and in the linker, and by distributed ThinLTO with the
// modules of std that are files of the sysroot. In each way they print the same, panic with the same
// frames, and exit with the same status; and with the linker's and distributed ThinLTO it is std's
// modules that are linked, not its native code.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-x86_64-unknown-linux-gnu
//@ needs-unwind

use std::path::{Path, PathBuf};

use run_make_support::link_inputs::{link_distributed, list, read_link_inputs, text};
use run_make_support::llvm::llvm_nm;
use run_make_support::regex::Regex;
use run_make_support::serde_json::Value;
use run_make_support::thin_link::{bitcode_records, std_lto_rustc, thin_link_rustc};
use run_make_support::{Rustc, cmd, cwd, rfs, rustc};

fn main() {
    // SIMD code that is not std's: native, with its bitcode embedded.
    rustc()
        .opt()
        .edition("2021")
        .input("simd.rs")
        .crate_type("rlib")
        .arg("-Cembed-bitcode=yes")
        .run();
    // Its modules as files beside it, for distributed ThinLTO.
    rustc().arg("-Zunstable-options").emit("obj,thin-link-bitcode").input("libsimd.rlib").run();

    for (source, panic) in [("program.rs", "unwind"), ("no_std.rs", "abort")] {
        let native = linked(rustc(), source, panic, "native");
        let off = linked(thin_link_rustc(), source, panic, "off");
        let in_rustc = linked(lto_thin_rustc(), source, panic, "in_rustc");
        let in_process = linked(std_lto_rustc(), source, panic, "in_process");
        let distributed = distributed(source, panic);
        let expected = run(&native);
        assert_expected(source, &expected);
        for program in [&off, &in_rustc, &in_process, &distributed] {
            let found = run(program);
            assert_eq!(found, expected, "{source} {}", program.display());
        }
        if source == "program.rs" {
            std_takes_part(&off, [&in_process, &distributed]);
        }
    }
}

fn compile(mut rustc: Rustc, source: &str, panic: &str) -> Rustc {
    rustc
        .opt()
        .edition("2021")
        .input(source)
        .panic(panic)
        .codegen_units(2)
        .arg("-L.")
        .arg("--extern=simd=libsimd.rlib");
    rustc
}

fn lto_thin_rustc() -> Rustc {
    let mut rustc = rustc();
    rustc.arg("-Clto=thin");
    rustc
}

fn linked(rustc: Rustc, source: &str, panic: &str, name: &str) -> PathBuf {
    compile(rustc, source, panic).output(name).run();
    cwd().join(name)
}

fn distributed(source: &str, panic: &str) -> PathBuf {
    let folder = source.replace(".rs", "");
    let mut rustc = compile(std_lto_rustc(), source, panic);
    rustc.emit("link-inputs,obj,thin-link-bitcode").out_dir(&folder).run();
    let inputs = read_link_inputs(format!("{folder}/{folder}.link-inputs.json"));
    for upstream in list(&inputs["links"][0]["upstream_crates"]) {
        let native = upstream["name"] == "compiler_builtins";
        for module in list(&upstream["modules"]) {
            assert_eq!(module["thin_link_bitcode"].is_null(), native, "{upstream}");
        }
        assert_eq!(upstream["native_archive"].is_null(), !native, "{upstream}");
    }
    let distributed = link_distributed(&inputs, &format!("{folder}/made"));
    let reads = |part: &str| distributed.read_by_thin_link.contains(part);
    assert!(reads("/thin-link/core-") && reads(".rcgu.indexing.o"), "std is in the thin link");
    for trace in [&distributed.read_by_thin_link, &distributed.read_by_link] {
        for rlib in ["libstd-", "libcore-", "liballoc-", "libsimd.rlib"] {
            assert!(!trace.contains(rlib), "{trace}");
        }
    }
    index_imports_from_std(&inputs, &folder);
    cwd().join(distributed.output)
}

/// The index of the program's own modules names modules of std.
fn index_imports_from_std(inputs: &Value, folder: &str) {
    let names_core = list(&inputs["modules"]).iter().any(|module| {
        let index = format!("{folder}/made/indexes/{}.thinlto.bc", text(&module["object"]));
        bitcode_records(Path::new(&index)).contains("/thin-link/core-")
    });
    assert!(names_core, "{folder}");
}

/// Standard output, standard error without the numbers of threads, exit status.
fn run(program: &Path) -> (String, String, i32) {
    let mut command = cmd(program);
    let output = command.env("RUST_BACKTRACE", "1").run_fail();
    let thread = Regex::new(r"(?m)^(thread '.*') \(\d+\) panicked").unwrap();
    let stderr = thread.replace_all(&output.stderr_utf8(), "$1 panicked").into_owned();
    (output.stdout_utf8(), stderr, output.status().code().unwrap())
}

/// What is printed, as far as it is not compared.
fn assert_expected(source: &str, (stdout, stderr, status): &(String, String, i32)) {
    if source == "no_std.rs" {
        assert_eq!(*status, 17);
        assert!(stdout.starts_with("[1, 2, 3] Err(ParseIntError"), "{stdout}");
        assert!(stdout.ends_with("the len is 3 but the index is 5\n"), "{stdout}");
        return;
    }
    assert_eq!(*status, 101);
    let lines = [
        "the worker's slot is dropped",
        "Some(\"worker\") true",
        "an unwound frame is dropped",
        "Some(\"in a destructor\")",
        "main's slot is dropped",
        "Some(77)",
        "[(\"a\", 3), (\"b\", 2), (\"c\", 1)]    0.333 1.2345678e4",
    ];
    for line in lines {
        assert!(stdout.lines().any(|found| found == line), "{line} is missing in\n{stdout}");
    }
    for frame in ["program::element", "program::main", "core::panicking::panic_bounds_check"] {
        assert!(stderr.contains(frame), "{frame} is missing in\n{stderr}");
    }
    let panics = ["thread 'worker' panicked", "in a destructor", "the index is 13"];
    assert!(panics.iter().all(|panic| stderr.contains(panic)), "{stderr}");
}

/// With std's modules in LTO the program is smaller, and functions of std are inlined away.
fn std_takes_part(off: &Path, programs: [&PathBuf; 2]) {
    let functions = |program: &Path| -> usize {
        let symbols = llvm_nm().arg("--demangle").input(program).run().stdout_utf8();
        let of_std = |line: &&str| line.contains(" t std::") || line.contains(" t core::");
        symbols.lines().filter(of_std).count()
    };
    let size = |program: &Path| rfs::metadata(program).len();
    for program in programs {
        let (with, without) = (functions(program), functions(off));
        println!("{}: {with} and {without} functions", program.display());
        println!("{} and {} bytes", size(program), size(off));
        assert!(with < without, "{}", program.display());
        assert!(size(program) < size(off), "{}", program.display());
    }
}
