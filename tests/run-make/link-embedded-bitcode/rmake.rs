// With `-Clinker-plugin-lto -Zlink-embedded-bitcode` an rlib of native code takes part in the linker's
// LTO by its embedded bitcode: the linker is given an archive in which each Rust object is that
// bitcode, and all else is as it was. What must not be in LTO stays native, and without the option
// nothing changes. The program does not depend on the name of the temporary folder, nor does what
// lld keeps in its cache.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux
//@ needs-unwind

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use run_make_support::llvm::{llvm_ar, llvm_nm, llvm_objcopy};
use run_make_support::object::read::archive::ArchiveFile;
use run_make_support::thin_link::{llvm_clang, std_lto_rustc, std_rlibs, thin_link_rustc};
use run_make_support::{
    Rustc, cmd, cwd, has_prefix, has_suffix, rfs, rustc, shallow_find_files, target,
};

const OUTPUT: &str = "606 1\n";

fn main() {
    rfs::create_dir("c");
    for name in ["first", "second"] {
        rfs::create_dir(name);
        // Both members have the same name.
        let object = format!("{name}/helper.o");
        llvm_clang().arg("-c").arg(format!("{name}.c")).arg("-o").arg(&object).run();
        llvm_ar().arg("qc").arg("c/libhelper.a").arg(object).run();
    }
    library("library.rs").codegen_units(2).arg("-Lc").run();
    library("no_builtins.rs").run();

    members();
    stale_modules();
    not_asked_for();
    with_lto_fat();
    deterministic();
    with_lto_thin();
    shared_library();
    static_library();
    dynamic_library();
    damaged();
}

fn library(source: &str) -> Rustc {
    let mut rustc = rustc();
    rustc.opt().input(source).crate_type("rlib").arg("-Cembed-bitcode=yes");
    rustc
}

fn program() -> Rustc {
    let mut rustc = std_lto_rustc();
    rustc.opt().input("program.rs").codegen_units(1).arg("-L.");
    // What is optimized alike is optimized once.
    rustc.link_arg("-Wl,--thinlto-cache-dir=cache");
    rustc
}

#[track_caller]
fn run(program: &str) {
    cmd(cwd().join(program)).run().assert_stdout_equals(OUTPUT.trim());
}

/// The rlibs on the command line of the linker: file name without hash, path.
fn linked_rlibs(rustc: &mut Rustc) -> BTreeMap<String, PathBuf> {
    let line = rustc.arg("--print=link-args").run().stdout_utf8();
    line.split('"')
        .filter(|argument| argument.ends_with(".rlib"))
        .map(|path| {
            let name = Path::new(path).file_stem().unwrap().to_str().unwrap();
            (name.split('-').next().unwrap().to_owned(), PathBuf::from(path))
        })
        .collect()
}

/// The members of an archive in their order. Those of a thin archive are files beside it.
fn content(path: &Path) -> Vec<(String, Vec<u8>)> {
    let data = rfs::read(path);
    let archive = ArchiveFile::parse(&*data).unwrap();
    archive
        .members()
        .map(|member| {
            let member = member.unwrap();
            let name = String::from_utf8(member.name().to_vec()).unwrap();
            let content = if archive.is_thin() {
                rfs::read(path.with_file_name(&name))
            } else {
                member.data(&*data).unwrap().to_vec()
            };
            (name, content)
        })
        .collect()
}

/// The embedded bitcode of a native object.
fn embedded(object: &[u8]) -> Vec<u8> {
    rfs::write("object", object);
    llvm_objcopy().arg("--dump-section").arg(".llvmbc=bitcode").arg("object").arg("copy").run();
    rfs::read("bitcode")
}

/// The symbols of a program or object, as `llvm-nm` lists them.
#[track_caller]
fn symbols(file: &str) -> String {
    llvm_nm().arg("--demangle").input(file).run().stdout_utf8()
}

/// What the linker is given: for each rlib its members in their order.
fn members() {
    rfs::create_dir("temporary");
    let mut rustc = program();
    // The temporary folder, which is beside the program, stays.
    rustc.arg("-Csave-temps").output(cwd().join("temporary/members"));
    let rlibs = linked_rlibs(&mut rustc);
    run("temporary/members");

    let native = ["libcompiler_builtins", "libno_builtins"];
    let mut originals = std_rlibs();
    originals.extend(["liblibrary.rlib", "libno_builtins.rlib"].map(PathBuf::from));
    let mut replaced = 0;
    for (name, path) in &rlibs {
        let original = originals.iter().find(|path| {
            path.file_name().unwrap().to_str().unwrap().split(['-', '.']).next() == Some(&**name)
        });
        let original = original.unwrap_or_else(|| panic!("{name} is not expected"));
        if native.contains(&&**name) {
            assert_eq!(path.file_name(), original.file_name());
            assert!(!path.starts_with(cwd().join("temporary")), "{}", path.display());
            continue;
        }
        // std stands ready in the sysroot.
        let folder = match original.parent().unwrap().parent() {
            Some(of_target) => of_target.join("thin-link"),
            None => cwd().join("temporary"),
        };
        assert!(path.starts_with(folder), "{}", path.display());
        let mut expected = content(original);
        expected.retain(|(name, _)| name != "lib.rmeta");
        let found = content(path);
        assert_eq!(found.len(), expected.len(), "{name}");
        for ((name, found), (original_name, original)) in found.into_iter().zip(expected) {
            assert_eq!(name, original_name);
            if name.ends_with(".rcgu.o") {
                assert!(found.starts_with(b"BC\xC0\xDE"), "{name} is not bitcode");
                assert!(found == embedded(&original), "{name} is not the embedded bitcode");
                replaced += 1;
            } else {
                assert_eq!(name, "helper.o");
                assert!(found == original, "{name}");
            }
        }
    }
    assert!(rlibs.contains_key("libstd") && rlibs.contains_key("libcore"), "{rlibs:?}");
    assert!(native.iter().all(|name| rlibs.contains_key(*name)), "{rlibs:?}");
    let helpers =
        content(&rlibs["liblibrary"]).iter().filter(|(name, _)| name == "helper.o").count();
    assert_eq!(helpers, 2);
    assert!(replaced > 20, "{replaced}");
}

/// The modules in the sysroot are used only if they are those of its rlibs.
fn stale_modules() {
    let original = std_rlibs()[0].parent().unwrap().parent().unwrap().to_owned();
    let copy = cwd().join("sysroot/lib/rustlib").join(target());
    for folder in ["lib", "thin-link"] {
        rfs::create_dir_all(copy.join(folder));
        for file in shallow_find_files(original.join(folder), |path| path.is_file()) {
            rfs::copy(&file, copy.join(folder).join(file.file_name().unwrap()));
        }
    }
    let uses_modules_of = |name| {
        let mut rustc = program();
        rustc.arg("--sysroot").arg(cwd().join("sysroot"));
        rustc.env("TMPDIR", cwd().join("temporary")).output("with_copy");
        let rlibs = linked_rlibs(&mut rustc);
        run("with_copy");
        rlibs[name].starts_with(copy.join("thin-link"))
    };
    assert!(uses_modules_of("libstd") && uses_modules_of("libcore"));
    let of_core = shallow_find_files(copy.join("thin-link"), |path| {
        has_prefix(path, "core-") && has_suffix(path, ".rcgu.o")
    });
    rfs::write(&of_core[0], "of another build");
    assert!(uses_modules_of("libstd") && !uses_modules_of("libcore"));
}

/// Without the option the linker is given the rlibs as they are; with it std is optimized together
/// with the program.
fn not_asked_for() {
    let mut off = thin_link_rustc();
    off.opt().input("program.rs").codegen_units(1).arg("-L.");
    off.env("TMPDIR", cwd().join("temporary")).output("off");
    for (name, path) in linked_rlibs(&mut off) {
        assert!(!path.starts_with(cwd().join("temporary")), "{name}");
    }
    run("off");
    program().output("on").run();
    run("on");
    let (on, off) = (symbols("on"), symbols("off"));
    // Called once, from `lang_start_internal` and so across modules of std.
    assert!(off.contains("library::sums::total"), "{off}");
    assert!(rfs::metadata("on").len() < rfs::metadata("off").len());
    assert!(on.lines().count() < off.lines().count());
}

/// With the LTO that rustc runs, the option means nothing.
fn with_lto_fat() {
    let [yes, no] = ["yes", "no"].map(|switch| {
        let mut rustc = thin_link_rustc();
        rustc.input("program.rs").codegen_units(1).arg("-L.").arg("-Clto=fat");
        rustc.arg(format!("-Zlink-embedded-bitcode={switch}")).output("plain").run();
        run("plain");
        rfs::read("plain")
    });
    assert!(yes == no);
}

/// Two links in different temporary folders make the same program, the second from the cache, and
/// the same as without a cache.
fn deterministic() {
    let mut made = Vec::new();
    for name in ["one", "another_with_a_longer_name"] {
        rfs::create_dir(name);
        let output = format!("{name}/program");
        let mut rustc = program();
        rustc.env("TMPDIR", cwd().join(name)).output(&output);
        rustc.link_arg("-Wl,--thinlto-cache-dir=fresh_cache").run();
        let mut cached: Vec<_> = shallow_find_files("fresh_cache", |_| true);
        cached.sort();
        made.push((rfs::read(output), cached));
    }
    // The time stamp of the cache and the modules.
    assert!(made[0].1.len() > 20, "{:?}", made[0].1);
    assert_eq!(made[0].1, made[1].1, "the second link adds nothing to the cache");
    assert!(made[0].0 == made[1].0 && made[0].0 == rfs::read("on"));
}

/// `-Clto=thin -Clinker-plugin-lto` leaves ThinLTO to the linker.
fn with_lto_thin() {
    program().arg("-Clto=thin").output("lto_thin").run();
    // rustc has the linker keep fewer of std's symbols global then, so the bytes differ.
    let names = |program| {
        let symbols = symbols(program);
        // An address, or as many spaces, and a letter go before the name.
        let mut names: Vec<_> = symbols
            .lines()
            .map(|line| line[19..].to_owned())
            .filter(|name| !name.starts_with("GCC_except_table"))
            .collect();
        names.sort();
        names
    };
    let found = names("lto_thin");
    assert!(found.len() > 100, "{found:?}");
    assert_eq!(found, names("on"));
}

fn shared_library() {
    std_lto_rustc().opt().input("shared.rs").crate_type("cdylib").arg("-L.").run();
    llvm_clang().args(["main.c", "libshared.so", "-Wl,-rpath,$ORIGIN", "-o", "with_shared"]).run();
    cmd(cwd().join("with_shared")).run().assert_stdout_equals("212\n3");
    let exported = llvm_nm().arg("-D").arg("--defined-only").input("libshared.so").run();
    let exported = exported.stdout_utf8();
    let exported: Vec<_> = exported.lines().filter_map(|line| line.split(' ').last()).collect();
    assert_eq!(exported, ["describe"]);
}

/// In a static library too the modules of std and of other rlibs are bitcode, as its own are.
fn static_library() {
    std_lto_rustc().opt().input("shared.rs").crate_type("staticlib").arg("-L.").run();
    llvm_clang()
        .args(["-fuse-ld=lld", "main.c", "libshared.a", "-lgcc_s", "-o", "with_static"])
        .run();
    cmd(cwd().join("with_static")).run().assert_stdout_equals("212\n3");
    for (name, data) in content(Path::new("libshared.a")) {
        let native = name == "helper.o" || name.starts_with("compiler_builtins-");
        assert_eq!(data.starts_with(b"BC\xC0\xDE"), !native, "{name}");
    }
    let mut off = thin_link_rustc();
    off.opt().input("shared.rs").crate_type("staticlib").arg("-L.").output("liboff.a").run();
    let std = content(Path::new("liboff.a")).into_iter().find(|(name, _)| name.starts_with("std-"));
    assert!(std.unwrap().1.starts_with(b"\x7fELF"));
}

/// Where std is a dynamic library, it is linked as one; a dynamic library that holds std exports it.
fn dynamic_library() {
    let mut rustc = program();
    rustc.arg("-Cprefer-dynamic").env("TMPDIR", cwd().join("temporary")).output("dynamic");
    let rlibs = linked_rlibs(&mut rustc);
    let names: Vec<_> = rlibs.keys().map(String::as_str).collect();
    assert_eq!(names, ["libcompiler_builtins", "liblibrary", "libno_builtins"]);

    let [on, off] = ["yes", "no"].map(|switch| {
        let mut rustc = std_lto_rustc();
        rustc.opt().input("library.rs").crate_type("dylib").arg("-Lc").output("libdynamic.so");
        rustc.arg(format!("-Zlink-embedded-bitcode={switch}")).run();
        let exported =
            llvm_nm().arg("-D").arg("--format=just-symbols").input("libdynamic.so").run();
        let mut exported: Vec<_> = exported.stdout_utf8().lines().map(str::to_owned).collect();
        exported.retain(|symbol| symbol.contains("4core") || symbol.contains("7library"));
        exported.sort();
        exported
    });
    assert_eq!(on, off);
    assert!(on.iter().any(|symbol| symbol.contains("7library4sums5total")), "{on:?}");
    assert!(on.len() > 100, "{on:?}");
}

/// An error names the rlib.
fn damaged() {
    rfs::create_dir("damaged");
    let mut data = rfs::read("liblibrary.rlib");
    data.truncate(data.len() - 100);
    rfs::write("damaged/liblibrary.rlib", data);
    let mut rustc = std_lto_rustc();
    rustc.input("program.rs").arg("-L.").output("with_damaged");
    let output = rustc.arg("--extern=library=damaged/liblibrary.rlib").run_fail();
    output.assert_exit_code(1);
    let rlib = cwd().join("damaged/liblibrary.rlib");
    output.assert_stderr_contains(format!(
        "error: failed to build archive from rlib at `{}`: ",
        rlib.display()
    ));
    assert!(!Path::new("with_damaged").exists());
}
