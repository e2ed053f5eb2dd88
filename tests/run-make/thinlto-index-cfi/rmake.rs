// Control-flow integrity in distributed ThinLTO. CFI divides modules into a ThinLTO part and a
// regular LTO part. The thin link compiles the regular parts of all modules to the object that
// `--lto-obj-path` names, and the link takes it with the objects of the backends. The program runs,
// and a call through a pointer to a function of another type ends it.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-x86_64-unknown-linux-gnu

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

use run_make_support::llvm::llvm_nm;
use run_make_support::thin_link::{
    link_program, summary_of, thin_link_objects, thin_link_rustc, thinlto_backend,
};
use run_make_support::{cwd, rfs};

const SIGILL: i32 = 4;

fn main() {
    for units in [1, 4] {
        for level in ["-Copt-level=0", "-Copt-level=3"] {
            println!("{units} units, {level}");
            program(units, level);
        }
    }
}

fn program(units: usize, level: &str) {
    for (source, crate_type) in [("library.rs", "rlib"), ("program.rs", "bin")] {
        let mut rustc = thin_link_rustc();
        rustc.input(source).crate_type(crate_type).codegen_units(units).arg(level);
        rustc.args(["-Zsanitizer=cfi", "-Cunsafe-allow-abi-mismatch=sanitizer", "-Lbitcode"]);
        rustc.out_dir("bitcode").emit("metadata,obj,thin-link-bitcode").run();
    }
    let objects = thin_link_objects("bitcode");
    link_program(objects.iter().map(summary_of))
        .arg("-Wl,--thinlto-index-only=linked.txt,--lto-obj-path=regular.o")
        .arg("-Wl,--thinlto-object-suffix-replace=.indexing.o;.o")
        .run();
    let symbols = llvm_nm().input("regular.o").run().stdout_utf8();
    assert!(symbols.contains(" T __typeid__ZTSFu3u32S_E_global_addr"), "{symbols}");

    let mut natives: Vec<PathBuf> = vec!["regular.o".into()];
    for object in &objects {
        let native = object.with_extension("native");
        thinlto_backend(object).arg(level).emit("obj").output(&native).run();
        natives.push(native);
    }
    link_program(natives).arg("-o").arg("program").run();
    let run = |mode| Command::new(cwd().join("program")).arg(mode).output().unwrap();
    assert_eq!(run("increment").stdout, b"21\n");
    assert_eq!(run("double").stdout, b"40\n");
    let broken = run("broken");
    assert_eq!((broken.status.signal(), &*broken.stdout), (Some(SIGILL), &b""[..]));
    rfs::remove_dir_all("bitcode");
}
