//! Programs with C code, and programs without std.

use std::path::Path;

use crate::project::{Project, counts, has_function, succeed};

#[test]
fn c_code_takes_part_if_clang_compiles_it() {
    let mut project = Project::new("workspace");
    let build = |project: &Project| {
        let (_, stderr) = succeed(&mut project.thinlto("build --bin app"));
        let program = project.path("target/release/app");
        assert_eq!(succeed(&mut project.command(&program)).0, "2 2 10 8\n");
        assert!(!has_function(&program, "numbers5twice"));
        (
            counts(&stderr).unwrap()[0],
            has_function(&program, "native_add"),
        )
    };
    let (without, is_there) = build(&project);
    assert!(is_there);
    project.set("CC", "clang-22");
    assert_eq!(build(&project), (without + 1, false));
    project.set("CC", "gcc");
    assert_eq!(build(&project), (without, true));
    project.environment.remove("CC");
    let setting = "env.CC = 'clang-22'\nenv.CFLAGS = { value = '-DUNUSED', force = false }\n";
    project.write(".cargo/config.toml", setting);
    assert_eq!(build(&project), (without + 1, false));
}

#[test]
fn a_program_without_std_is_built() {
    let project = Project::new("no_std");
    let (_, stderr) = succeed(&mut project.thinlto("build"));
    assert!(counts(&stderr).is_some(), "{stderr}");
    let program = project.path("target/release/bare");
    let output = project.command(&program).output().unwrap();
    assert_eq!(output.status.code(), Some(42));
    assert!(!has_function(Path::new(&program), "halves4half"));
}
