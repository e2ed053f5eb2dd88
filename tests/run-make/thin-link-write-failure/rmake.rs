// Where an object or a summary cannot be written, rustc names the path and exits with 1, and under
// the final name there is the whole new file, what was there before, or nothing: a build system
// must never take a part of a summary for a summary.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::path::Path;

use run_make_support::thin_link::{Files, take_files, thin_link_objects, thin_link_rustc};
use run_make_support::{Rustc, assert_contains, cmd, env_var, rfs};

/// What the files hold that are to be replaced.
const OLD: &[u8] = b"old";

const PAGE: usize = 4096;

fn main() {
    unwritable_paths();
    read_only_folder();
    full_disk(1);
    full_disk(2);
}

fn unwritable_paths() {
    rfs::write("file", OLD);
    for (path, reason) in [
        ("missing/path", "No such file or directory (os error 2)"),
        // Refused to root as well, unlike a folder without write permission.
        ("file/path", "Not a directory (os error 20)"),
        ("/dev/full", "No space left on device (os error 28)"),
    ] {
        for (unwritable, other) in [("thin-link-bitcode", "obj"), ("obj", "thin-link-bitcode")] {
            println!("{unwritable} to {path}");
            let output = compile(1).emit(format!("{unwritable}={path},{other}")).run_fail();
            output.assert_exit_code(1);
            let stderr = output.stderr_utf8();
            let error = stderr.lines().next().unwrap();
            assert!(error.starts_with("error: "), "{stderr}");
            assert!(error.ends_with(&format!(" to \"{path}\": {reason}")), "{stderr}");
            assert!(!Path::new("missing").exists());
            assert_eq!(rfs::read("file"), OLD);
            rfs::remove_dir_all("out");
        }
    }
}

fn read_only_folder() {
    let disk = compile_on_disk(
        1000 * PAGE,
        "mount -o remount,ro out",
        "--emit=obj=program.o,thin-link-bitcode=out/program.indexing.o -Ccodegen-units=1",
    );
    assert_eq!(disk.status, Some(1), "{}", disk.stderr);
    let error = disk.stderr.lines().next().unwrap();
    assert!(error.starts_with("error: "), "{error}");
    assert!(
        error.ends_with(" to \"out/program.indexing.o\": Read-only file system (os error 30)"),
        "{error}"
    );
    assert_eq!(disk.files, Files::new());
}

/// Compiles on a disk with no page to spare, with one, and so on until there are enough. The disk
/// has files under the final names already.
fn full_disk(units: usize) {
    let finished = {
        compile(units).emit("obj,thin-link-bitcode").run();
        thin_link_objects("out");
        take_files("out")
    };
    // Until the end the files of a single unit have other names, and those are kept here too.
    let whole = {
        compile(units).emit("obj,thin-link-bitcode").arg("-Csave-temps").run();
        take_files("out")
    };
    rfs::create_dir("before");
    for name in finished.keys() {
        rfs::write(format!("before/{name}"), OLD);
    }

    let mut errors = String::new();
    for spare in 0.. {
        let disk = compile_on_disk(
            (finished.len() + spare) * PAGE,
            "cp before/* out",
            &format!("--emit=obj,thin-link-bitcode -Ccodegen-units={units} --out-dir=out"),
        );
        if disk.status == Some(0) {
            assert!(disk.files == finished);
            break;
        }
        assert_eq!(disk.status, Some(1), "{}", disk.stderr);
        for (name, content) in &disk.files {
            let old = content == OLD && finished.contains_key(name);
            assert!(old || whole.get(name) == Some(content), "{name}, {spare} pages to spare");
        }
        errors += disk.stderr.lines().next().unwrap();
        errors += "\n";
    }
    for error in errors.lines() {
        assert!(error.starts_with("error: "), "{errors}");
        assert!(error.contains("out/program."), "{errors}");
        assert!(error.ends_with(": No space left on device (os error 28)"), "{errors}");
    }
    assert_contains(&errors, "error: failed to write thin-link bitcode to out/program.");
    rfs::remove_dir_all("before");
}

/// Prepares a session that compiles the program into `out`.
fn compile(units: usize) -> Rustc {
    let mut rustc = thin_link_rustc();
    rustc.input("program.rs").codegen_units(units).out_dir("out");
    rustc
}

struct Disk {
    /// The exit code of rustc.
    status: Option<i32>,
    stderr: String,
    /// What was there in the end.
    files: Files,
}

/// Runs rustc with `options` while a file system of `size` bytes, which is there for this one
/// command, is mounted at `out`, once the shell commands `prepare` have run.
fn compile_on_disk(size: usize, prepare: &str, options: &str) -> Disk {
    rfs::create_dir_all("out");
    rfs::create_dir("left");
    let script = format!(
        "set -e
        mount -t tmpfs -o size={size} none out
        {prepare}
        status=0
        {} -Zunstable-options -Clinker-plugin-lto program.rs {options} || status=$?
        cp -r out/. left
        exit $status",
        env_var("RUSTC"),
    );
    let mut unshare = cmd("unshare");
    // Only root may mount; without it, be root in a namespace of one's own.
    if cmd("id").arg("-u").run().stdout_utf8().trim() != "0" {
        unshare.arg("--map-root-user");
    }
    let output = unshare.args(["--mount", "sh", "-c", &script]).run_unchecked();
    Disk { status: output.status().code(), stderr: output.stderr_utf8(), files: take_files("left") }
}
