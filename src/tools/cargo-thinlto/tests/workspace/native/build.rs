//! Compiles C code as the `cc` crate does: by `CC` with `CFLAGS`.

use std::env;
use std::process::Command;

fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let variable = |name: &str| {
        println!("cargo::rerun-if-env-changed={name}");
        env::var(name).unwrap_or_default()
    };
    let (cc, flags) = (variable("CC"), variable("CFLAGS"));
    let cc = if cc.is_empty() { "cc" } else { &cc };
    run(Command::new(cc)
        .args(["-O2", "-fPIC", "-c", "src/add.c", "-o"])
        .arg(format!("{out}/add.o"))
        .args(flags.split_whitespace()));
    run(Command::new("ar").arg("crs").arg(format!("{out}/libadd.a")).arg(format!("{out}/add.o")));
    println!("cargo::rustc-link-search=native={out}");
    println!("cargo::rustc-link-lib=static=add");
    println!("cargo::rerun-if-changed=src/add.c");
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}
