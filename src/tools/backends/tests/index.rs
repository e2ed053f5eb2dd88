//! Renames the modules in indexes that lld 22 wrote, and reads them with LLVM's tools.

use std::fs;
use std::path::Path;
use std::process::Command;

use backends::index::{is_of_rustc, paths, with_names};

fn run(dir: &Path, program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .current_dir(dir)
        .args(arguments)
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}\n{messages}"
    );
    output.stdout
}

/// Modules that call each other, and their indexes `NAME.o.thinlto.bc`.
fn thin_link(dir: &Path) {
    let sources = [
        (
            "a",
            "int b(int); int alias(int); int main(void) { return b(1) + alias(2); }",
        ),
        (
            "b",
            "static int n; int c(int); int b(int x) { return c(x) + n++; }
             int alias(int x) __attribute__((alias(\"b\")));",
        ),
        ("c", "int c(int x) { return x * 3; }"),
    ];
    for (name, text) in sources {
        fs::write(dir.join(format!("{name}.c")), text).unwrap();
        let (source, object) = (format!("{name}.c"), format!("{name}.o"));
        run(
            dir,
            "clang-22",
            &["-O2", "-flto=thin", "-c", &source, "-o", &object],
        );
    }
    run(
        dir,
        "ld.lld-22",
        &["--thinlto-index-only", "a.o", "b.o", "c.o", "-o", "x"],
    );
}

#[test]
fn only_names_change() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    thin_link(dir);
    let text = |name: &str| {
        let text = run(dir, "llvm-dis-22", &[name, "-o", "-"]);
        String::from_utf8(text).unwrap()
    };
    let index = fs::read(dir.join("a.o.thinlto.bc")).unwrap();
    let old = paths(&index).unwrap();
    assert_eq!(old, ["a.o", "b.o", "c.o"]);
    assert_eq!(text("a.o.thinlto.bc").matches("path: ").count(), 3);
    // Shorter, of the same length, and longer; with characters outside of LLVM's 6 bits. llvm-dis
    // sorts them.
    for new in [
        ["x", "y", "z"],
        ["1.o", "2.o", "3.o"],
        ["modules/0123456789.o", "w ä", "~"],
    ] {
        let names = new.map(str::to_owned);
        let renamed = with_names(&index, &names).unwrap();
        assert_eq!(paths(&renamed).unwrap(), names);
        fs::write(dir.join("renamed.bc"), &renamed).unwrap();
        let mut expected = text("a.o.thinlto.bc").replace("a.o.thinlto.bc", "renamed.bc");
        for (old, new) in old.iter().zip(new) {
            let escaped: String = new
                .bytes()
                .map(|byte| match byte.is_ascii() {
                    true => char::from(byte).to_string(),
                    false => format!("\\{byte:02X}"),
                })
                .collect();
            expected =
                expected.replace(&format!("path: \"{old}\""), &format!("path: \"{escaped}\""));
        }
        assert_eq!(text("renamed.bc"), expected);
    }
    assert!(with_names(&index, &["one".to_owned()]).is_err());
}

#[test]
fn folders_that_sort_differently_give_the_same_index() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    thin_link(dir);
    // LLVM's order depends on hashes of paths as well.
    for number in 0..5 {
        let folders =
            ["a", "b", "c"].map(|name| format!("{}{name}", (number * 7 + name.as_bytes()[0]) % 5));
        let objects = ["a", "b", "c"].into_iter().zip(&folders);
        let objects: Vec<String> = objects
            .map(|(name, folder)| {
                fs::create_dir_all(dir.join(folder)).unwrap();
                let object = format!("{folder}/{name}.o");
                fs::copy(dir.join(format!("{name}.o")), dir.join(&object)).unwrap();
                object
            })
            .collect();
        let mut arguments = vec!["--thinlto-index-only", "-o", "x"];
        arguments.extend(objects.iter().map(String::as_str));
        run(dir, "ld.lld-22", &arguments);
        for (object, name) in objects.iter().zip(["a", "b", "c"]) {
            let canonical = |index: String| {
                let index = fs::read(dir.join(index)).unwrap();
                let names = paths(&index).unwrap();
                let last = |path: &String| path.rsplit('/').next().unwrap().to_owned();
                with_names(&index, &names.iter().map(last).collect::<Vec<_>>()).unwrap()
            };
            assert_eq!(
                canonical(format!("{object}.thinlto.bc")),
                canonical(format!("{name}.o.thinlto.bc"))
            );
        }
    }
}

#[test]
fn the_backend_gives_the_same_object() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    thin_link(dir);
    let backend = |dir: &Path, module: &str, index: &str| {
        let index = format!("-fthinlto-index={index}");
        run(
            dir,
            "clang-22",
            &["-O2", "-c", module, &index, "-o", "native.o"],
        );
        fs::read(dir.join("native.o")).unwrap()
    };
    let names = ["1.o", "2.o", "3.o"].map(str::to_owned);
    let index = fs::read(dir.join("a.o.thinlto.bc")).unwrap();
    let sandbox = dir.join("sandbox");
    fs::create_dir(&sandbox).unwrap();
    for (old, new) in ["a.o", "b.o", "c.o"].iter().zip(&names) {
        fs::copy(dir.join(old), sandbox.join(new)).unwrap();
    }
    fs::write(sandbox.join("index"), with_names(&index, &names).unwrap()).unwrap();
    let here = backend(dir, "a.o", "a.o.thinlto.bc");
    assert_eq!(backend(&sandbox, "1.o", "index"), here);
    // `b` and `c` were imported and inlined.
    let symbols = run(dir, "llvm-nm-22", &["native.o"]);
    assert!(!String::from_utf8(symbols).unwrap().contains(" U c"));
}

#[test]
fn files_that_are_no_indexes_are_errors() {
    assert_eq!(paths(b"").unwrap(), [""; 0]);
    assert_eq!(with_names(b"", &[]).unwrap(), b"");
    for wrong in [
        &b"\x7fELF"[..],
        b"BC",
        b"BC\xc0\xde",
        b"BC\xc0\xde\x35\x14\0\0\x05",
    ] {
        assert!(paths(wrong).is_err(), "{wrong:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    thin_link(dir.path());
    let index = fs::read(dir.path().join("a.o.thinlto.bc")).unwrap();
    let table = 100;
    for length in 1..table {
        assert!(paths(&index[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn modules_of_clang_are_not_rustc_s() {
    let dir = tempfile::tempdir().unwrap();
    thin_link(dir.path());
    assert!(!is_of_rustc(&fs::read(dir.path().join("a.o")).unwrap()).unwrap());
    // The name of its compiler alone does not make a module rustc's.
    let text = "const char *s = \"rustc version 1\"; int f(void) { return 1; }";
    fs::write(dir.path().join("s.c"), text).unwrap();
    run(dir.path(), "clang-22", &["-g", "-flto=thin", "-c", "s.c"]);
    assert!(!is_of_rustc(&fs::read(dir.path().join("s.o")).unwrap()).unwrap());
    assert!(is_of_rustc(b"int f(void);").is_err());
}
