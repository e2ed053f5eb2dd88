// A program that cargo builds, with C code that a build script compiles and that comes as a static
// library in an rlib: linked from its link inputs alone, it is the one that cargo has rustc link.

//@ ignore-cross-compile
//@ only-x86_64-unknown-linux-gnu

use run_make_support::link_inputs::{linker, list, read_link_inputs, text};
use run_make_support::{cargo, cmd, cwd, rfs};

fn main() {
    let file = cwd().join("inputs.json");
    // In one run with the link that cargo asks for.
    let mut build = cargo();
    build.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    build.args(["rustc", "--release", "--offline", "--manifest-path=package/Cargo.toml"]);
    build.args(["--target-dir=target", "--", "-Zunstable-options"]);
    build.arg(format!("--emit=link-inputs={}", file.display())).run();

    let inputs = read_link_inputs(&file);
    let link = &inputs["links"][0];
    let libraries = list(&link["native_libraries"]);
    let answer = libraries.iter().find(|library| library["name"] == "answer").unwrap();
    assert_eq!(answer["crate"], "answer_sys");
    assert_eq!(answer["kind"], "static");

    let program = text(&link["output"]);
    let expected = rfs::read(program);
    rfs::remove_file(program);
    linker(&inputs, |argument| vec![argument.to_owned()]).run();
    assert!(rfs::read(program) == expected, "{program} is not the one that cargo built");
    cmd(program).run_fail().assert_exit_code(42);
}
