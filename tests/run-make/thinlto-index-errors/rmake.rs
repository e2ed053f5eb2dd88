// What a backend cannot do, it says, with a message that names the file; it exits with 1 and writes
// nothing. `thinlto-index-every-option` has the options.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux
//@ needs-llvm-components: aarch64 x86

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use run_make_support::llvm::{llvm_as, llvm_bcanalyzer};
use run_make_support::thin_link::{
    index_of, summary_of, take_files, thin_link_objects, thin_link_program, thin_link_rustc,
};
use run_make_support::{bare_rustc, cmd, rfs, rustc, rustc_path};

fn main() {
    for (source, crate_type) in [("library.rs", "rlib"), ("program.rs", "bin")] {
        let mut rustc = thin_link_rustc();
        rustc.opt().input(source).crate_type(crate_type).codegen_units(1).out_dir(".");
        rustc.arg("-L.").emit("link,obj,thin-link-bitcode").run();
    }
    // Without the `./`: the index names modules as the thin link is given them.
    let objects: Vec<PathBuf> = thin_link_objects(".")
        .iter()
        .map(|object| PathBuf::from(object.file_name().unwrap()))
        .collect();
    thin_link_program(&objects);
    let (program, library) = (Path::new("program.o"), Path::new("library.o"));
    let index = index_of(program);

    inputs(program, &index);
    indexes(program, library, &index);
    newer_llvm(program, &index);
    missing_import(program, library, &index);
    other_import(program, library, &index);
    other_target(program, &index);
    outputs(program, &index);
}

/// Runs a backend, and returns the message of its error.
#[track_caller]
fn error(input: &Path, index: &Path, options: &[&str]) -> String {
    rfs::create_dir("out");
    let mut rustc = bare_rustc();
    rustc.arg("-Zunstable-options").arg(format!("-Zthinlto-index={}", index.display()));
    let output = rustc.opt().input(input).emit("obj").out_dir("out").args(options).run_fail();
    output.assert_exit_code(1).assert_stdout_equals("");
    // Fails if there is anything in it.
    rfs::remove_dir("out");
    let stderr = output.stderr_utf8();
    println!("{stderr}");
    assert!(stderr.starts_with("error: "), "{stderr}");
    assert!(stderr.contains("\n   = help: ") || stderr.contains("\n  = help: "), "{stderr}");
    assert!(!stderr.contains("\n\n  |"), "blank lines in the message: {stderr}");
    stderr.lines().next().unwrap().to_owned()
}

const FAILED: &str = "error: the ThinLTO backend failed: ";

fn inputs(program: &Path, index: &Path) {
    assert_eq!(
        error(Path::new("missing.o"), index, &[]),
        FAILED.to_owned() + "cannot read `missing.o`: No such file or directory"
    );
    assert_eq!(
        error(Path::new("."), index, &["--crate-name=folder"]),
        FAILED.to_owned() + "cannot read `.`: Is a directory"
    );
    for source in ["program.rs", "native.o"] {
        if source == "native.o" {
            rustc().input("library.rs").crate_type("lib").emit("obj").output(source).run();
        }
        assert_eq!(
            error(Path::new(source), index, &[]),
            format!("{FAILED}`{source}` is not LLVM bitcode")
        );
    }
    rfs::write("no_summary.ll", "target triple = \"x86_64-unknown-linux-gnu\"");
    llvm_as().input("no_summary.ll").arg("-o").arg("no_summary.o").run();
    assert_eq!(
        error(Path::new("no_summary.o"), index, &[]),
        FAILED.to_owned() + "`no_summary.o` has no summary"
    );
    assert_eq!(
        error(&summary_of(program), index, &[]),
        FAILED.to_owned() + "`program.indexing.o` is a summary or an index: it has no code"
    );
}

fn indexes(program: &Path, library: &Path, index: &Path) {
    assert_eq!(
        error(program, Path::new("missing.thinlto.bc"), &[]),
        FAILED.to_owned() + "cannot read `missing.thinlto.bc`: No such file or directory"
    );
    assert_eq!(
        error(program, Path::new("program.rs"), &[]),
        FAILED.to_owned() + "`program.rs` is not LLVM bitcode"
    );
    assert_eq!(
        error(program, program, &[]),
        FAILED.to_owned() + "`program.o` is a module, not an index"
    );
    assert_eq!(
        error(program, &index_of(library), &[]),
        FAILED.to_owned() + "the index `library.o.thinlto.bc` does not name `program.o`"
    );
    // The program imports from the library, so its index does name the library.
    assert_eq!(
        error(library, index, &[]),
        FAILED.to_owned()
            + "the index `program.o.thinlto.bc` is for another module than `library.o`"
    );
    rfs::create_dir("changed");
    let mut rustc = thin_link_rustc();
    rustc.arg("-Copt-level=1").input("program.rs").arg("-L.").codegen_units(1);
    rustc.emit("obj").output("changed/program.o").run();
    assert_eq!(
        error(Path::new("changed/program.o"), index, &["-Zthinlto-remap-module==changed"]),
        FAILED.to_owned()
            + "the index `program.o.thinlto.bc` was made for another version of `changed/program.o`"
    );
}

fn missing_import(program: &Path, library: &Path, index: &Path) {
    rfs::rename(library, "hidden");
    assert_eq!(
        error(program, index, &[]),
        FAILED.to_owned() + "cannot read `library.o`: No such file or directory"
    );
    rfs::copy("program.rs", library);
    assert_eq!(error(program, index, &[]), FAILED.to_owned() + "`library.o` is not LLVM bitcode");
    rfs::rename("hidden", library);
}

/// What a newer LLVM may write: bitcode of the next epoch, and an index of a later version.
fn newer_llvm(program: &Path, index: &Path) {
    let mut bitcode = rfs::read(program);
    // The first block identifies the writer. After the magic come the word that enters it, that of
    // its length in words, and those words. Its last record is the epoch, 0, in 6 bits. Nothing but
    // zeros follow, and the 5 bits before are the number of the abbreviation, 0b00101.
    let length = u32::from_le_bytes(bitcode[8..12].try_into().unwrap()) as usize;
    let bits = 8 * 12..8 * (12 + 4 * length);
    let last = bits.rev().find(|bit| bitcode[bit / 8] >> (bit % 8) & 1 == 1).unwrap();
    let epoch = last + 3;
    bitcode[epoch / 8] |= 1 << (epoch % 8);
    rfs::write("newer.o", bitcode);
    let dump = llvm_bcanalyzer().arg("--dump").input("newer.o").run().invalid_stdout_utf8();
    assert!(dump.contains("<EPOCH abbrevid=5 op0=1/>"), "{dump}");
    assert_eq!(
        error(Path::new("newer.o"), index, &[]),
        FAILED.to_owned() + "`newer.o`: Incompatible epoch: Bitcode '1' vs current: '0'"
    );

    let mut newer = rfs::read(index);
    let dump = llvm_bcanalyzer().arg("--dump").input(index).run().invalid_stdout_utf8();
    let (_, block) = dump.split_once("<GLOBALVAL_SUMMARY_BLOCK NumWords=").unwrap();
    let (length, block) = block.split_once(' ').unwrap();
    let length: u32 = length.parse().unwrap();
    let (_, version) = block.split_once("<VERSION op0=").unwrap();
    let version: u32 = version.split_once('/').unwrap().0.parse().unwrap();
    // After the word of its length, the block begins with the record of its version, without an
    // abbreviation: 3 in 4 bits, then the code 10, the count 1 and the version in 6 bits each.
    let record = 3 | 10 << 4 | 1 << 10 | version << 16;
    let word = |at: usize| u32::from_le_bytes(newer[at..at + 4].try_into().unwrap());
    let mut starts = (4..newer.len() - 4).step_by(4);
    let start =
        starts.find(|&at| word(at - 4) == length && word(at) & ((1 << 22) - 1) == record).unwrap();
    let later = word(start) | 31 << 16;
    newer[start..start + 4].copy_from_slice(&later.to_le_bytes());
    rfs::write("newer.thinlto.bc", newer);
    let message = error(program, Path::new("newer.thinlto.bc"), &[]);
    assert!(
        message.starts_with(&format!("{FAILED}`newer.thinlto.bc`: Invalid summary version 31.")),
        "{message}"
    );
}

/// The import is there, but it is not what the thin link saw.
fn other_import(program: &Path, library: &Path, index: &Path) {
    rfs::rename(library, "hidden");
    let mut rustc = thin_link_rustc();
    rustc.arg("-Copt-level=1").input("library.rs").crate_type("rlib").codegen_units(1);
    rustc.emit("obj").output(library).run();
    assert_eq!(
        error(program, index, &[]),
        FAILED.to_owned()
            + "the index `program.o.thinlto.bc` was made with another version of `library.o`"
    );
    rfs::rename("hidden", library);
}

fn other_target(program: &Path, index: &Path) {
    let message = error(program, index, &["--target=aarch64-unknown-linux-gnu"]);
    let host = run_make_support::target();
    assert_eq!(
        message,
        format!("{FAILED}`program.o` is for `{host}`, the session for `aarch64-unknown-linux-gnu`")
    );
}

fn outputs(program: &Path, index: &Path) {
    for kind in ["link", "metadata", "dep-info", "mir", "thin-link-bitcode"] {
        assert_eq!(
            error(program, index, &[&format!("--emit={kind}")]),
            format!("error: `-Zthinlto-index` cannot emit `{kind}`")
        );
    }
    let before = rfs::read(program);
    assert_eq!(
        error(program, index, &["--emit=obj=program.o"]),
        "error: the output `program.o` would overwrite an input"
    );
    assert!(rfs::read(program) == before);

    // Of several outputs none is written if one of them cannot be.
    assert_eq!(
        error(program, index, &["--emit=asm=missing/program.s"]),
        "error: cannot write `missing/program.s`: No such file or directory (os error 2)"
    );
    rfs::create_dir("folder.s");
    assert_eq!(
        error(program, index, &["--emit=asm=folder.s"]),
        "error: cannot write `folder.s`: Is a directory (os error 21)"
    );
    for same in ["x", "./x", "out/../x"] {
        assert_eq!(
            error(program, index, &[&format!("--emit=asm=x,obj={same}")]),
            format!("error: the output `{same}` would overwrite another output")
        );
    }

    // A full device and a name that is too long are noticed only when LLVM is done.
    assert_eq!(
        error(program, index, &["--emit=asm=out/x.s,llvm-ir=/dev/full"]),
        "error: cannot write `/dev/full`: No space left on device (os error 28)"
    );
    let long = format!("out/{}.o", "long".repeat(100));
    rfs::create_dir("kept");
    rfs::write("kept/x.s", "old");
    assert_eq!(
        error(program, index, &[&format!("--emit=asm=kept/x.s,llvm-ir=kept/x.ll,obj={long}")]),
        format!("error: cannot write `{long}`: File name too long (os error 36)")
    );
    assert_eq!(take_files("kept"), BTreeMap::from([("x.s".to_owned(), b"old".to_vec())]));

    // The object fits into the file size that the shell allows, and the assembly does not.
    let mut shell = cmd("sh");
    shell.arg("-c").arg("trap '' XFSZ; ulimit -f $0; exec \"$@\"").arg("14").arg(rustc_path());
    shell.args(["-Zunstable-options", "-O", "--emit=obj,asm", "--out-dir=out"]);
    shell.arg(format!("-Zthinlto-index={}", index.display())).arg(program);
    let output = shell.run_fail();
    output.assert_exit_code(1);
    output.assert_stderr_contains("cannot write `out/program.s`: File too large");
    rfs::remove_dir("out");
}
