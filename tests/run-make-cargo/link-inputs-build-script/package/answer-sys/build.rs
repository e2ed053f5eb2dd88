use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let out = Path::new(&out);
    let object = out.join("answer.o");
    let compiler = env::var("CC").unwrap_or("cc".into());
    run(Command::new(compiler).args(["-c", "-fPIC", "answer.c", "-o"]).arg(&object));
    run(Command::new("ar").arg("crs").arg(out.join("libanswer.a")).arg(object));
    println!("cargo::rustc-link-search=native={}", out.display());
    println!("cargo::rustc-link-lib=static=answer");
    println!("cargo::rerun-if-changed=answer.c");
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}
