// The summaries that `--emit=thin-link-bitcode` writes do not depend on what else is emitted, nor
// on where they go, and nothing that is emitted beside them changes by their presence. Explicit
// paths, `-o` and standard output are honoured, or refused with a warning, as for other outputs.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::fs::File;
use std::path::Path;

use run_make_support::object::read::archive::ArchiveFile;
use run_make_support::thin_link::{Files, take_files, thin_link_objects, thin_link_rustc};
use run_make_support::{Rustc, rfs};

fn main() {
    let crate_types = ["lib", "cdylib"];
    for (crate_type, units) in crate_types.into_iter().flat_map(|name| [(name, 1), (name, 4)]) {
        beside_other_kinds(crate_type, units);
    }
    explicit_paths();
    ignored_paths();
    standard_output();
}

/// Prepares a session with an empty folder `out`.
fn compile(crate_type: &str, units: usize) -> Rustc {
    rfs::create_dir("out");
    let mut rustc = thin_link_rustc();
    rustc.opt().input("library.rs").crate_type(crate_type).codegen_units(units);
    rustc
}

fn emitted(crate_type: &str, units: usize, emit: &str) -> Files {
    compile(crate_type, units).emit(emit).out_dir("out").run();
    take_files("out")
}

fn beside_other_kinds(crate_type: &str, units: usize) {
    let shims = usize::from(crate_type == "cdylib");
    let summaries = checked_summaries(crate_type, units, "obj,thin-link-bitcode");
    assert_eq!(summaries.len(), units + shims, "{:?}", summaries.keys());
    assert!(emitted(crate_type, units, "thin-link-bitcode") == summaries, "alone");

    for kind in ["asm", "dep-info", "link", "llvm-bc", "llvm-ir", "metadata", "mir", "obj"] {
        println!("{crate_type} {units} {kind}");
        let summaries = if matches!(kind, "llvm-bc" | "llvm-ir") {
            // These two keep the names of local values in the bitcode.
            checked_summaries(crate_type, units, &format!("{kind},obj,thin-link-bitcode"))
        } else {
            summaries.clone()
        };
        let without = emitted(crate_type, units, kind);
        let mut with = emitted(crate_type, units, &format!("{kind},thin-link-bitcode"));
        for (name, summary) in &summaries {
            assert!(with.remove(name).as_ref() == Some(summary), "{name} beside {kind}");
        }
        for (name, content) in without {
            let with = with.remove(&name).unwrap();
            assert!(
                without_options(&name, &with) == without_options(&name, &content),
                "{name} with and without summaries"
            );
        }
        // Only beside summaries the allocator shim is an output.
        let shim_files = if matches!(kind, "llvm-bc" | "obj") { shims } else { 0 };
        assert_eq!(with.len(), shim_files, "{:?} beside {kind}", with.keys());
    }
}

/// Returns the summaries of a session that emits objects as well, each checked with its object.
fn checked_summaries(crate_type: &str, units: usize, emit: &str) -> Files {
    compile(crate_type, units).emit(emit).out_dir("out").run();
    thin_link_objects("out");
    let mut files = take_files("out");
    files.retain(|name, _| name.ends_with(".indexing.o"));
    files
}

/// Returns the content of an output without what names the emitted files or is hashed from all the
/// options: dep-info and the crate's metadata.
fn without_options(name: &str, content: &[u8]) -> Vec<Vec<u8>> {
    match name.rsplit_once('.') {
        Some((_, "d" | "rmeta")) => Vec::new(),
        Some((_, "rlib")) => ArchiveFile::parse(content)
            .unwrap()
            .members()
            .map(Result::unwrap)
            .filter(|member| member.name() != b"lib.rmeta")
            .map(|member| member.data(content).unwrap().to_owned())
            .collect(),
        _ => vec![content.to_owned()],
    }
}

fn explicit_paths() {
    let summary = &emitted("lib", 1, "thin-link-bitcode")["library.indexing.o"];
    for (args, object, path) in [
        (&["--emit=thin-link-bitcode=out/explicit"][..], None, "explicit"),
        (&["--emit=obj=out/o,thin-link-bitcode=out/s"], Some("o"), "s"),
        (&["--emit=thin-link-bitcode", "-oout/named"], None, "named"),
        (&["--emit=obj,thin-link-bitcode", "-oout/stem"], Some("stem.o"), "stem.indexing.o"),
    ] {
        println!("{args:?}");
        compile("lib", 1).args(args).run();
        let mut files = take_files("out");
        assert!(files.remove(path).as_ref() == Some(summary), "{path}");
        if let Some(object) = object {
            assert!(files.remove(object).is_some_and(|content| content.starts_with(b"BC\xC0\xDE")));
        }
        assert_eq!(files.len(), 0, "{:?}", files.keys());
    }
}

fn ignored_paths() {
    let summaries = emitted("lib", 4, "thin-link-bitcode");
    for path in ["explicit", "-"] {
        let stderr = compile("lib", 4)
            .emit(format!("thin-link-bitcode={path}"))
            .out_dir("out")
            .run()
            .stderr_utf8();
        assert_eq!(
            stderr.lines().next(),
            Some("warning: ignoring emit path because multiple .indexing.o files were produced")
        );
        assert!(!Path::new(path).exists());
        assert!(take_files("out") == summaries);
    }

    let one_unit = emitted("lib", 1, "thin-link-bitcode");
    compile("lib", 4)
        .emit("thin-link-bitcode")
        .output("out/library.indexing.o")
        .run()
        .assert_stderr_contains(
            "warning: `--emit=thin-link-bitcode` with `-o` incompatible with `-C codegen-units=N` \
             for N > 1",
        )
        .assert_stderr_contains("warning: resetting to default -C codegen-units=1");
    assert!(take_files("out") == one_unit);
}

fn standard_output() {
    let summary = &emitted("lib", 1, "thin-link-bitcode")["library.indexing.o"];
    for args in [&["--emit=thin-link-bitcode=-"][..], &["--emit=thin-link-bitcode", "-o-"]] {
        let output = compile("lib", 1).args(args).run();
        assert!(&output.stdout() == summary, "{args:?}");
        rfs::remove_dir("out");
    }

    // The shim has no part in the explicit path of the crate's one unit.
    let summaries = emitted("cdylib", 1, "thin-link-bitcode");
    let output = compile("cdylib", 1).arg("--emit=thin-link-bitcode=-").out_dir("out").run();
    let mut shim = take_files("out");
    assert_eq!(shim.len(), 1, "{:?}", shim.keys());
    shim.insert("library.indexing.o".to_owned(), output.stdout());
    assert!(shim == summaries);

    let terminal = File::create("/dev/ptmx").unwrap();
    let stderr = compile("lib", 1)
        .arg("--emit=thin-link-bitcode=-")
        .stdout(terminal)
        .run_fail()
        .stderr_utf8();
    assert_eq!(
        stderr.lines().next(),
        Some(
            "error: option `-o` or `--emit` is used to write binary output type \
             `thin-link-bitcode` to stdout, but stdout is a tty"
        )
    );
}
