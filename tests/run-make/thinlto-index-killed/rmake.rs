// A backend that is killed by `kill -9` leaves each output whole or as it was before, whenever that
// happens. `killer` stops it in turn at each of the system calls by which it changes files.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux
//@ only-x86_64

use run_make_support::thin_link::{
    index_of, llvm_clang, thin_link_objects, thin_link_program, thin_link_rustc, thinlto_backend,
};
use run_make_support::{cmd, cwd, rfs, rustc_path};

const OUTPUTS: [&str; 3] = ["program.o", "program.s", "program.ll"];

fn main() {
    llvm_clang().args(["-O1", "killer.c", "-o", "killer"]).run();
    rfs::create_dir("bitcode");
    for (source, crate_type) in [("library.rs", "rlib"), ("program.rs", "bin")] {
        let mut rustc = thin_link_rustc();
        rustc.opt().input(source).crate_type(crate_type).codegen_units(1).out_dir("bitcode");
        rustc.arg("-Lbitcode").emit("link,obj,thin-link-bitcode").run();
    }
    thin_link_program(&thin_link_objects("bitcode"));

    thinlto_backend("bitcode/program.o").emit("obj,asm,llvm-ir").out_dir("whole").run();
    let whole = OUTPUTS.map(|name| rfs::read(format!("whole/{name}")));

    // Once onto nothing, once onto old outputs.
    for old in [None, Some(b"old".to_vec())] {
        let mut killed = 0;
        loop {
            rfs::create_dir("out");
            if let Some(old) = &old {
                for name in OUTPUTS {
                    rfs::write(format!("out/{name}"), old);
                }
            }
            let mut killer = cmd(cwd().join("killer"));
            killer.arg((killed + 1).to_string()).arg(rustc_path());
            killer.args(["-Zunstable-options", "-O", "--emit=obj,asm,llvm-ir", "--out-dir=out"]);
            killer.arg(format!("-Zthinlto-index={}", index_of("bitcode/program.o").display()));
            let output = killer.arg("bitcode/program.o").run_unchecked();
            let found = OUTPUTS.map(|name| {
                let path = cwd().join("out").join(name);
                path.exists().then(|| rfs::read(path))
            });
            rfs::remove_dir_all("out");
            if output.status().code() == Some(0) {
                assert_eq!(found, whole.clone().map(Some));
                break;
            }
            output.assert_exit_code(9);
            killed += 1;
            for ((found, whole), name) in found.into_iter().zip(&whole).zip(OUTPUTS) {
                assert!(found == old || found.as_ref() == Some(whole), "{name}, kill {killed}");
            }
        }
        // At least a write and a rename for each.
        assert!(killed >= 2 * OUTPUTS.len(), "killed {killed} times");
        println!("killed {killed} times");
    }
}
