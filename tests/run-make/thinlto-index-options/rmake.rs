// What the command line says of code generation means in a backend what it means in a compile.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux
//@ only-x86_64

use std::path::Path;

use run_make_support::llvm::{
    llvm_bin_dir, llvm_dis, llvm_nm, llvm_objdump, llvm_profdata, llvm_readobj,
};
use run_make_support::object::read::{File, Object, ObjectSection};
use run_make_support::rustc::Rustc;
use run_make_support::thin_link::{
    thin_link_objects, thin_link_program, thin_link_rustc, thinlto_backend,
};
use run_make_support::{cmd, cwd, rfs, serde_json, shallow_find_files};

fn main() {
    for (source, crate_type) in [("library.rs", "rlib"), ("program.rs", "bin")] {
        let mut rustc = thin_link_rustc();
        rustc.opt().arg("-g").input(source).crate_type(crate_type).codegen_units(1);
        rustc.arg("-Lbitcode").out_dir("bitcode").emit("link,obj,thin-link-bitcode").run();
    }
    thin_link_program(&thin_link_objects("bitcode"));

    opt_level();
    split_dwarf();
    save_temps();
    self_profile();
    time_trace();
    remarks();
    profile_use();
    models();
    target_cpu();
    function_sections();
    target_machine();
    llvm_args();
    json_errors();
}

fn backend() -> Rustc {
    thinlto_backend("bitcode/program.o")
}

/// Runs the backend with `options`, and returns its object.
fn object(options: &[&str]) -> Vec<u8> {
    backend().args(options).emit("obj").output("x.o").run();
    rfs::read("x.o")
}

fn section_names(object: &[u8]) -> Vec<String> {
    let file = File::parse(object).unwrap();
    file.sections().map(|section| section.name().unwrap().to_owned()).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn file_names(folder: &str) -> Vec<String> {
    let files = shallow_find_files(folder, |_| true);
    let names = files.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Without optimization nothing is inlined.
fn opt_level() {
    for (level, calls) in [("0", true), ("3", false)] {
        backend().opt_level(level).emit("obj").output("x.o").run();
        let symbols = llvm_nm().input("x.o").arg("--demangle").run().stdout_utf8();
        assert_eq!(symbols.contains("U library::weigh"), calls, "{level}: {symbols}");
    }
}

/// Debug info in a file of its own, or in sections of the object that the linker leaves alone; the
/// object says where it is.
fn split_dwarf() {
    let kinds = [("split", &["x.native.dwo", "x.native.o"][..]), ("single", &["x.native.o"])];
    for (kind, files) in kinds {
        let mut rustc = backend();
        rustc.arg("-Csplit-debuginfo=unpacked").arg(format!("-Zsplit-dwarf-kind={kind}"));
        rfs::create_dir(kind);
        rustc.emit("obj").output(format!("{kind}/x.native.o")).run();
        assert_eq!(file_names(kind), files);
        let object = rfs::read(format!("{kind}/x.native.o"));
        let split = format!("{kind}/{}", files[0]);
        let has_dwo = |bytes: &[u8]| section_names(bytes).contains(&".debug_info.dwo".to_owned());
        assert!(has_dwo(&rfs::read(&split)), "{kind}");
        assert_eq!(has_dwo(&object), kind == "single");
        assert!(contains(&object, &format!("\0{split}\0")), "the object does not name {split}");
    }
    let object = object(&[]);
    assert!(section_names(&object).contains(&".debug_info".to_owned()));
    assert!(!contains(&object, ".dwo"));

    // Beside the input, which stays as it is.
    let before = (file_names("bitcode"), rfs::read("bitcode/program.o"));
    let mut rustc = backend();
    rustc.arg("-Csplit-debuginfo=unpacked").emit("obj").output("bitcode/program.native.o").run();
    for file in ["program.native.dwo", "program.native.o"] {
        rfs::remove_file(Path::new("bitcode").join(file));
    }
    assert!((file_names("bitcode"), rfs::read("bitcode/program.o")) == before);
}

/// The module as it was read, after the imports, and optimized.
fn save_temps() {
    rfs::create_dir("temps");
    backend().arg("-Csave-temps").emit("obj").output("temps/x.o").run();
    let stages = ["x.thin-lto-after-import.bc", "x.thin-lto-after-pm.bc", "x.thin-lto-input.bc"];
    let mut files = stages.map(str::to_owned).to_vec();
    files.insert(0, "x.o".to_owned());
    files.sort();
    assert_eq!(file_names("temps"), files);
    let imported = stages.map(|stage| {
        llvm_dis().input(Path::new("temps").join(stage)).arg("-o").arg("temps/x.ll").run();
        rfs::read_to_string("temps/x.ll").contains("define available_externally ")
    });
    assert_eq!(imported, [true, false, false]);
}

/// The backend and LLVM's passes are recorded, and how large the outputs are.
fn self_profile() {
    let mut rustc = backend();
    rustc.arg("-Zself-profile=events");
    rustc.arg("-Zself-profile-events=default,llvm,artifact-sizes,args");
    rustc.emit("obj").output("recorded.o").run();
    let files = shallow_find_files("events", |_| true);
    assert_eq!(files.len(), 1, "{files:?}");
    let events = rfs::read(&files[0]);
    for event in ["LLVM_thinlto_backend", "InlinerPass", "object_file", "recorded.o"] {
        assert!(contains(&events, event), "{event}");
    }
}

/// LLVM's own record of what took how long.
fn time_trace() {
    backend().arg("-Zllvm-time-trace").emit("obj").output("traced.o").run();
    let trace = rfs::read_to_string("traced.llvm_timings.json");
    let trace: serde_json::Value = serde_json::from_str(&trace).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    for name in ["InlinerPass", "OptModule"] {
        assert!(events.iter().any(|event| event["name"] == name), "{name}: {trace}");
    }
}

/// Of the functions that were imported, on standard error and in a file.
fn remarks() {
    let stderr = object_stderr(&["-Cremark=inline"]);
    assert!(
        stderr.lines().any(|line| {
            line.starts_with("note: ")
                && line.contains(" inline (success): ")
                && line.contains("library")
                && line.contains("weigh")
        }),
        "{stderr}"
    );
    assert_eq!(object_stderr(&["-Cremark=loop-vectorize"]).contains(" inline ("), false);

    let stderr = object_stderr(&["-Cremark=inline", "-Zremark-dir=new/remarks"]);
    assert!(!stderr.contains(" inline ("), "{stderr}");
    let files = shallow_find_files("new/remarks", |_| true);
    assert_eq!(files.len(), 1, "{files:?}");
    let yaml = rfs::read_to_string(&files[0]);
    assert!(yaml.contains("Pass:            inline\n"), "{yaml}");
}

fn object_stderr(options: &[&str]) -> String {
    backend().args(options).emit("obj").output("x.o").run().stderr_utf8()
}

/// What a profile says of functions is put into modules when they are compiled. A backend that is
/// told of the profile runs the passes for modules with one, as `-Clto=thin` does.
fn profile_use() {
    rfs::write("profile.txt", ":ir\nmain\n1\n1\n5\n");
    llvm_profdata().merge().input("profile.txt").output("x.profdata").run();
    for option in [None, Some("-Cprofile-use=x.profdata")] {
        let mut rustc = backend();
        rustc.args(["-Zself-profile=passes", "-Zself-profile-events=llvm"]).args(option.as_slice());
        rustc.emit("obj").output("x.o").run();
        let passes = shallow_find_files("passes", |_| true);
        assert_eq!(contains(&rfs::read(&passes[0]), "PGOMemOPSizeOpt"), option.is_some());
        rfs::remove_dir_all("passes");
    }
    let missing = backend().arg("-Cprofile-use=missing").emit("obj").output("x.o").run_fail();
    missing.assert_stderr_contains("`missing` passed to `-C profile-use` does not exist");
}

/// The relocations are those of the models that were asked for, and else of the module's: PIC, small.
fn models() {
    let relocations = |options: &[&str]| {
        object(options);
        llvm_readobj().arg("--relocations").input("x.o").run().stdout_utf8()
    };
    let default = relocations(&[]);
    assert!(default.contains(" R_X86_64_GOTPCREL "), "{default}");
    assert!(!default.contains(" R_X86_64_32S ") && !default.contains("GOTPC64"), "{default}");
    let fixed = relocations(&["-Crelocation-model=static"]);
    assert!(fixed.contains(" R_X86_64_32S "), "{fixed}");
    let large = relocations(&["-Ccode-model=large"]);
    assert!(large.contains(" R_X86_64_GOTPC64 "), "{large}");
}

/// `-Ctarget-cpu` is for functions that do not say themselves.
fn target_cpu() {
    cmd(llvm_bin_dir().join("opt"))
        .args(["-passes=", "--thinlto-bc", "plain.ll", "-o", "plain.o"])
        .run();
    rfs::write("plain.o.thinlto.bc", "");
    for (cpu, expected) in [("x86-64", false), ("haswell", true)] {
        let mut rustc = thinlto_backend("plain.o");
        rustc.arg(format!("-Ctarget-cpu={cpu}")).emit("obj").output("plain.native.o").run();
        let text = llvm_objdump().disassemble().input("plain.native.o").run().stdout_utf8();
        let (silent, says) = text.split_once("<says>:").unwrap();
        assert_eq!(silent.contains("popcnt"), expected, "{cpu}: {text}");
        assert!(!says.contains("popcnt"), "{cpu}: {text}");
    }
}

fn function_sections() {
    let of_functions = |options: &[&str]| {
        section_names(&object(options)).iter().filter(|name| name.starts_with(".text.")).count()
    };
    assert!(of_functions(&[]) >= 2);
    assert_eq!(of_functions(&["-Zfunction-sections=no"]), 0);
}

/// Options of the target machine change the object.
fn target_machine() {
    let default = object(&[]);
    for option in [
        "-Zdebuginfo-compression=zlib",
        "-Zemit-stack-sizes",
        "-Zno-generate-arange-section",
        "-Zno-unique-section-names",
        "-Zrelax-elf-relocations=yes",
    ] {
        assert!(object(&[option]) != default, "{option}");
    }
}

fn llvm_args() {
    for (options, expected) in [(None, false), (Some("-Cllvm-args=-x86-asm-syntax=intel"), true)] {
        backend().args(options.as_slice()).emit("asm").output("x.s").run();
        assert_eq!(rfs::read_to_string("x.s").contains("\t.intel_syntax noprefix\n"), expected);
    }
}

/// Errors are diagnostics like any other.
fn json_errors() {
    rfs::rename("bitcode/library.o", "hidden");
    let failed = backend().error_format("json").emit("obj").output("none.o").run_fail();
    failed.assert_exit_code(1);
    let stderr = failed.stderr_utf8();
    let error: serde_json::Value = serde_json::from_str(stderr.lines().next().unwrap()).unwrap();
    assert_eq!(error["level"], "error");
    assert_eq!(
        error["message"],
        "the ThinLTO backend failed: cannot read `bitcode/library.o`: No such file or directory"
    );
    assert_eq!(error["children"][0]["level"], "help");
    let help = error["children"][0]["message"].as_str().unwrap();
    assert!(help.contains("-Zthinlto-remap-module=OLD=NEW"), "{help}");
    assert!(!cwd().join("none.o").exists());
    rfs::rename("hidden", "bitcode/library.o");
}
