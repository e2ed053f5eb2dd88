// LLVM recurses into types, so a deeply nested module can overflow the stack. Like any crash in LLVM,
// this is one error, which names the module, and leaves no file behind.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux
//@ needs-llvm-components: x86

use run_make_support::llvm::llvm_bin_dir;
use run_make_support::thin_link::{index_of, thinlto_backend};
use run_make_support::{cmd, rfs, shallow_find_files};

const DEPTH: usize = 4000;

fn main() {
    let mut module = String::from("target triple = \"x86_64-unknown-linux-gnu\"\n");
    module += "target datalayout = \"e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-\
               n8:16:32:64-S128\"\n%t0 = type { i8 }\n";
    for depth in 1..DEPTH {
        module += &format!("%t{depth} = type {{ %t{} }}\n", depth - 1);
    }
    module += &format!(
        "define void @f(ptr %p) {{\n  %x = getelementptr %t{}, ptr %p, i64 1\n  store i8 0, ptr %x\n  \
         ret void\n}}\n",
        DEPTH - 1
    );
    rfs::write("deep.ll", module);
    cmd(llvm_bin_dir().join("opt"))
        .args(["-passes=", "--thinlto-bc", "deep.ll", "-o", "deep.o"])
        .run();
    // Asks for code without ThinLTO.
    rfs::write(index_of("deep.o"), "");

    // The usual stack is large enough.
    rfs::create_dir("out");
    thinlto_backend("deep.o").emit("obj,asm").out_dir("out").run();
    assert_eq!(shallow_find_files("out", |_| true).len(), 2);
    rfs::remove_dir_all("out");

    // With another size, the overflow is in another function.
    for stack in (300_000..400_000).step_by(7_000) {
        rfs::create_dir("out");
        let mut backend = thinlto_backend("deep.o");
        backend.env("RUST_MIN_STACK", stack.to_string()).emit("obj,asm").out_dir("out");
        let output = backend.run_fail();
        output.assert_exit_code(1).assert_stdout_equals("");
        let stderr = output.stderr_utf8();
        let error = "error: the ThinLTO backend of `deep.o` failed inside LLVM: it crashed\n";
        assert!(stderr.starts_with(error), "{stderr}");
        assert!(stderr.contains("error: aborting due to 1 previous error\n"), "{stderr}");
        assert!(stderr.contains("`RUST_MIN_STACK`"), "{stderr}");
        // Fails if there is anything in it.
        rfs::remove_dir("out");
    }
}
