// With an rlib as the input, `--emit=obj,thin-link-bitcode` writes its modules as thin-link pairs:
// those that are embedded in native objects, and of objects that are bitcode the same files as their
// compilation. The sysroot has these files for all of std.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::path::Path;

use run_make_support::llvm::{llvm_ar, llvm_objcopy};
use run_make_support::thin_link::{
    assert_thin_link_pair, std_rlibs, summary_of, take_files, thin_link_objects, thin_link_rustc,
};
use run_make_support::{Rustc, bare_rustc, has_prefix, rfs, rustc, serde_json, shallow_find_files};

fn main() {
    native();
    bitcode();
    announced();
    refused();
    sysroot();
}

fn split(rlib: impl AsRef<Path>) -> Rustc {
    let mut rustc = bare_rustc();
    rustc.arg("-Zunstable-options").emit("obj,thin-link-bitcode").out_dir("out").input(rlib);
    let _ = std::fs::create_dir("out");
    rustc
}

/// The bitcode that is embedded in the members of an rlib: name of the member, content.
fn embedded(rlib: &Path) -> Vec<(String, Vec<u8>)> {
    rfs::create_dir("members");
    let members = llvm_ar().arg("t").arg(rlib).run().stdout_utf8();
    llvm_ar().arg("x").arg("--output=members").arg(rlib).run();
    let objects = members.lines().filter(|name| name.ends_with(".rcgu.o"));
    let embedded = objects.map(|name| {
        let mut objcopy = llvm_objcopy();
        objcopy.arg("--dump-section").arg(".llvmbc=section").arg(format!("members/{name}"));
        objcopy.arg("copy").run();
        (name.to_owned(), rfs::read("section"))
    });
    let embedded = embedded.collect();
    rfs::remove_dir_all("members");
    embedded
}

fn native() {
    rustc()
        .opt()
        .input("library.rs")
        .crate_type("rlib")
        .codegen_units(2)
        .arg("-Cembed-bitcode=yes")
        .run();
    split("liblibrary.rlib").run().assert_stderr_equals("");
    assert_eq!(thin_link_objects("out").len(), 2);
    let found = take_files("out");
    for (name, bitcode) in embedded(Path::new("liblibrary.rlib")) {
        assert!(found[&name] == bitcode, "{name}");
    }

    // Without `obj` the same summaries.
    let mut rustc = bare_rustc();
    rfs::create_dir("out");
    rustc.arg("-Zunstable-options").emit("thin-link-bitcode").out_dir("out");
    rustc.input("liblibrary.rlib").run();
    let summaries = take_files("out");
    assert_eq!(summaries.len(), 2);
    assert!(summaries.iter().all(|(name, summary)| found[name] == *summary));
}

fn bitcode() {
    let mut rustc = thin_link_rustc();
    rustc.opt().input("library.rs").crate_type("rlib").crate_name("bitcode").codegen_units(2);
    rustc.out_dir("compiled").emit("link,obj,thin-link-bitcode").run();
    split("compiled/libbitcode.rlib").run();
    let found = take_files("out");
    let mut compiled = take_files("compiled");
    compiled.remove("libbitcode.rlib");
    assert_eq!(compiled.len(), 4);
    assert!(found == compiled, "{:?} {:?}", found.keys(), compiled.keys());
}

fn announced() {
    let output = split("liblibrary.rlib").error_format("json").json("artifacts").run();
    let mut found: Vec<String> = output
        .stderr_utf8()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| format!("{} {}", line["emit"].as_str().unwrap(), line["artifact"]))
        .collect();
    found.sort();
    let mut expected: Vec<String> = take_files("out")
        .keys()
        .map(|name| {
            let summary = name.ends_with(".indexing.o");
            format!("{} \"out/{name}\"", if summary { "thin-link-bitcode" } else { "obj" })
        })
        .collect();
    expected.sort();
    assert_eq!(found, expected);
}

fn refused() {
    let refuses = |rustc: &mut Rustc, message: &str| {
        let output = rustc.run_fail();
        output.assert_exit_code(1).assert_stderr_contains(message);
        assert!(take_files("out").is_empty(), "{message}");
    };
    refuses(split("liblibrary.rlib").emit("asm"), "error: `--emit=asm` cannot be made of an rlib");
    refuses(
        split("liblibrary.rlib").output("out/one.o"),
        "error: the modules of an rlib have files of their own",
    );
    refuses(&mut split("missing.rlib"), "error: cannot read missing.rlib: ");
    rfs::write("source.rlib", "fn main() {}");
    refuses(&mut split("source.rlib"), "error: cannot read source.rlib: ");

    let mut rustc = rustc();
    rustc.input("library.rs").crate_type("rlib").arg("-Cembed-bitcode=no");
    rustc.output("libnone.rlib").run();
    refuses(&mut split("libnone.rlib"), "error: libnone.rlib holds no bitcode");

    // Bitcode with its end cut off.
    let (name, bitcode) = embedded(Path::new("liblibrary.rlib")).remove(0);
    rfs::write(&name, &bitcode[..bitcode.len() / 2 / 4 * 4]);
    llvm_ar().arg("rc").arg("libdamaged.rlib").arg(&name).run();
    refuses(
        &mut split("libdamaged.rlib"),
        &format!("error: cannot read the bitcode of `{name}` in libdamaged.rlib: "),
    );

    let mut rustc = bare_rustc();
    rustc.emit("obj,thin-link-bitcode").input("liblibrary.rlib");
    rustc.run_fail().assert_stderr_contains("-Zunstable-options not specified");
}

/// Each module of std is there as it is in its rlib, with an archive of those of each rlib, and nothing
/// else.
fn sysroot() {
    let rlibs = std_rlibs();
    let folder = rlibs[0].parent().unwrap().with_file_name("thin-link");
    let mut expected = Vec::new();
    for rlib in rlibs.iter().filter(|rlib| !has_prefix(rlib, "libcompiler_builtins-")) {
        for (name, bitcode) in embedded(rlib) {
            let object = folder.join(name);
            assert!(rfs::read(&object) == bitcode, "{}", object.display());
            assert!(rfs::read(summary_of(&object)).starts_with(b"BC\xC0\xDE"));
            if has_prefix(rlib, "libpanic_unwind-") || has_prefix(rlib, "libmemchr-") {
                assert_thin_link_pair(&object, summary_of(&object));
            }
            expected.extend([summary_of(&object), object]);
        }
        let archive = folder.join(rlib.file_name().unwrap());
        assert!(rfs::read(&archive).starts_with(b"!<thin>\n"), "{}", archive.display());
        expected.push(archive);
    }
    assert!(expected.len() > 100, "{expected:?}");
    let mut found = shallow_find_files(folder, |path| {
        !has_prefix(path, "panic_abort-") && !has_prefix(path, "libpanic_abort-")
    });
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
