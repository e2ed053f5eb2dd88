// The files of `--emit=link-inputs`: announced, named in dep-info, the same in each run, whole or not
// there at all; what they name stays, and nothing else of rustc's does. The files of others are left
// alone. Errors name the file and say what to do.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-x86_64-unknown-linux-gnu

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use run_make_support::link_inputs::{linker, list, read_link_inputs, text};
use run_make_support::rustc::sysroot;
use run_make_support::{Rustc, bare_rustc, cmd, cwd, rfs, serde_json, shallow_find_files, target};

fn main() {
    bare_rustc().input("library.rs").crate_type("rlib").run();
    announced();
    one_module();
    with_link();
    standard_output();
    rlib();
    incremental();
    split_debuginfo();
    environment();
    refused();
    unwritable();
    not_unicode();
    stale();
    files_of_others();
}

fn compile() -> Rustc {
    let mut rustc = bare_rustc();
    rustc.arg("-Zunstable-options").arg("--extern=library=liblibrary.rlib").edition("2021");
    rustc.input("program.rs").out_dir("out");
    rustc
}

/// The names of the files in `out`, sorted.
fn written() -> Vec<String> {
    let mut names: Vec<String> = shallow_find_files("out", |_| true)
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// The objects that the file names.
fn named(inputs: &serde_json::Value) -> Vec<String> {
    let own = list(&inputs["modules"]).iter().chain([&inputs["allocator_module"]]);
    own.map(|module| text(&module["object"]).strip_prefix("out/").unwrap().to_owned()).collect()
}

fn announced() {
    rfs::create_dir("out");
    let mut rustc = compile();
    rustc.codegen_units(2).emit("link-inputs,dep-info").error_format("json").json("artifacts");
    let messages = rustc.run().stderr_utf8();
    assert!(
        messages.contains(r#"{"$message_type":"artifact","artifact":"out/program.link-inputs.json","emit":"link-inputs"}"#),
        "{messages}"
    );
    let dep_info = rfs::read_to_string("out/program.d");
    assert!(dep_info.contains("out/program.link-inputs.json: program.rs\n"), "{dep_info}");

    let inputs = read_link_inputs("out/program.link-inputs.json");
    assert_eq!(list(&inputs["modules"]).len(), 2);
    let mut expected = named(&inputs);
    expected.extend(["program.d".to_owned(), "program.link-inputs.json".to_owned()]);
    expected.sort();
    assert_eq!(written(), expected);
    assert_eq!(inputs["links"][0]["symbols_object"], "out/program.link-inputs/bin/symbols.o");
    let folder = shallow_find_files("out/program.link-inputs/bin", |_| true);
    assert_eq!(folder, [Path::new("out/program.link-inputs/bin/symbols.o")]);
    let permissions = |path: &str| rfs::metadata(path).permissions().mode();
    assert_eq!(permissions("out/program.link-inputs"), permissions("out"));
    linker(&inputs, |argument| vec![argument.to_owned()]).run();
    runs();
    rfs::remove_dir_all("out");
}

fn runs() {
    cmd(cwd().join("out/program")).run().assert_stdout_equals("85");
    rfs::remove_file("out/program");
}

/// The only module has the name that the command line gives it, and only that.
fn one_module() {
    compile().codegen_units(1).emit("link-inputs,obj").run();
    let inputs = read_link_inputs("out/program.link-inputs.json");
    assert_eq!(inputs["modules"][0]["object"], "out/program.o");
    let mut expected = named(&inputs);
    expected.push("program.link-inputs.json".to_owned());
    expected.sort();
    assert_eq!(written(), expected);
    linker(&inputs, |argument| vec![argument.to_owned()]).run();
    runs();
    rfs::remove_dir_all("out");

    // `-o` names the file, and gives the program its stem.
    rfs::create_dir("out");
    let mut rustc = compile();
    rustc.codegen_units(1).emit("link-inputs").output("out/named.json").run();
    assert_eq!(read_link_inputs("out/named.json")["links"][0]["output"], "out/named");
    rfs::remove_dir_all("out");
}

fn with_link() {
    let inputs = |emit: &str| {
        compile().codegen_units(2).emit(emit).run();
        rfs::read("out/program.link-inputs.json")
    };
    let alone = inputs("link-inputs");
    rfs::remove_dir_all("out");
    assert!(inputs("link,link-inputs") == alone);
    runs();
    let inputs = read_link_inputs("out/program.link-inputs.json");
    linker(&inputs, |argument| vec![argument.to_owned()]).run();
    runs();
    rfs::remove_dir_all("out");
}

fn standard_output() {
    compile().codegen_units(2).emit("link-inputs").run();
    let expected = rfs::read_to_string("out/program.link-inputs.json");
    rfs::remove_dir_all("out");
    compile().codegen_units(2).emit("link-inputs=-").run().assert_stdout_equals(expected);
    assert!(!Path::new("out/program.link-inputs.json").exists());
    rfs::remove_dir_all("out");
}

/// An rlib has modules, and nothing to link.
fn rlib() {
    let mut rustc = bare_rustc();
    rustc.arg("-Zunstable-options").input("library.rs").crate_type("rlib").out_dir("out");
    rustc.codegen_units(2).emit("link-inputs").run();
    let file = rfs::read_to_string("out/library.link-inputs.json");
    let inputs: serde_json::Value = serde_json::from_str(&file).unwrap();
    assert_eq!(list(&inputs["links"]).len(), 0);
    assert_eq!(list(&inputs["modules"]).len(), 2);
    assert!(inputs["allocator_module"].is_null());
    rfs::remove_dir_all("out");
}

/// Objects from the cache are there like new ones.
fn incremental() {
    let mut first = None;
    for _ in 0..2 {
        compile().codegen_units(2).emit("link-inputs").incremental("cache").run();
        let inputs = read_link_inputs("out/program.link-inputs.json");
        linker(&inputs, |argument| vec![argument.to_owned()]).run();
        runs();
        rfs::remove_dir_all("out");
        assert_eq!(first.get_or_insert(inputs.clone()), &inputs);
    }
}

/// The named objects refer to their debug info in `.dwo` files: these stay, also where rustc links and
/// packs them.
fn split_debuginfo() {
    for emit in ["link-inputs", "link,link-inputs"] {
        let mut rustc = compile();
        rustc.arg("-g").split_debuginfo("packed").codegen_units(2).emit(emit).run();
        let inputs = read_link_inputs("out/program.link-inputs.json");
        for module in list(&inputs["modules"]) {
            let debug_info = Path::new(text(&module["object"])).with_extension("dwo");
            assert!(debug_info.is_file(), "{emit}: {debug_info:?}");
        }
        rfs::remove_dir_all("out");
    }
}

/// The linker gets the same environment from a reader as from rustc, and `PATH` is not in the file.
fn environment() {
    let script = "#!/bin/sh\nenv > \"$0.environment\"\nexec cc \"$@\"\n";
    rfs::write("linker.sh", script);
    rfs::set_permissions("linker.sh", std::fs::Permissions::from_mode(0o755));
    let seen = || -> Vec<String> {
        let environment = rfs::read_to_string("linker.sh.environment");
        rfs::remove_file("linker.sh.environment");
        let names = ["PATH=", "LC_ALL=", "VSLANG="];
        let of_rustc = |line: &&str| names.iter().any(|name| line.starts_with(name));
        let mut lines: Vec<String> =
            environment.lines().filter(of_rustc).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    compile().linker("./linker.sh").emit("link,link-inputs").run();
    let expected = seen();
    assert_eq!(expected.len(), 3, "{expected:?}");
    let inputs = read_link_inputs("out/program.link-inputs.json");
    linker(&inputs, |argument| vec![argument.to_owned()]).run();
    assert_eq!(seen(), expected);
    runs();
    let environment = &inputs["links"][0]["linker"]["environment"];
    assert_eq!(environment["LC_ALL"], "C");
    assert!(environment["PATH"].is_null());
    let tools = list(&inputs["links"][0]["linker"]["path"]);
    assert!(tools.iter().any(|folder| text(folder).contains("/rustlib/")), "{tools:?}");

    let file = rfs::read_to_string("out/program.link-inputs.json");
    let longer = env::join_paths(
        env::split_paths(&env::var_os("PATH").unwrap()).chain([cwd().join("elsewhere")]),
    );
    let mut rustc = compile();
    rustc.linker("./linker.sh").emit("link-inputs").env("PATH", longer.unwrap()).run();
    assert_eq!(rfs::read_to_string("out/program.link-inputs.json"), file);

    // Under a relative name, nothing of the sysroot is in a folder of this machine.
    rfs::symlink_dir(sysroot(), "sysroot");
    compile().linker("./linker.sh").arg("--sysroot=sysroot").emit("link-inputs").run();
    let inputs = read_link_inputs("out/program.link-inputs.json");
    let tools = list(&inputs["links"][0]["linker"]["path"]).iter().map(text).collect::<Vec<_>>();
    assert_eq!(tools, [format!("sysroot/lib/rustlib/{}/bin", target())]);
    rfs::remove_dir_all("out");
}

/// What leaves no link inputs, or none of the files that they are to name.
fn refused() {
    rfs::create_dir("out");
    for option in ["-Zno-link", "-Zno-codegen"] {
        let failed = compile().arg(option).emit("link-inputs").run_fail();
        let message = format!("error: `--emit=link-inputs` cannot be used with `{option}`");
        failed.assert_exit_code(1).assert_stderr_contains(message);
        failed.assert_stderr_contains(format!("= help: leave out `{option}`"));
        assert!(written().is_empty(), "{:?}", written());
    }
    for (output, path) in [
        ("obj", "-"),
        ("thin-link-bitcode", "-"),
        ("link", "-"),
        ("obj", "/dev/null"),
        ("thin-link-bitcode", "/dev/null"),
    ] {
        let message = format!(
            "error: `--emit=link-inputs` cannot name the output of `--emit={output}`, which goes to \
             `{path}`",
        );
        let option = format!("--emit=link-inputs,{output}={path}");
        let lto = if output == "thin-link-bitcode" { "-Clinker-plugin-lto" } else { "-O" };
        let failed = compile().arg(option).arg(lto).run_fail();
        failed.assert_exit_code(1).assert_stderr_contains(message);
        failed.assert_stderr_contains("= help: have it written to a file");
        assert!(written().is_empty(), "{:?}", written());
    }
    let failed = compile().emit("link-inputs=out/inputs.json,obj").output("-").run_fail();
    failed.assert_stderr_contains("cannot name the output of `--emit=obj`, which goes to `-`");
    assert!(written().is_empty(), "{:?}", written());

    compile().arg("-Zno-link").run();
    let mut rustc = bare_rustc();
    rustc.args(["-Zunstable-options", "-Zlink-only"]).input("out/program.rlink");
    let failed = rustc.emit("link-inputs").run_fail();
    let message = "error: `--emit=link-inputs` cannot be used with `-Zlink-only`";
    failed.assert_exit_code(1).assert_stderr_contains(message);
    assert!(!Path::new("out/program.link-inputs.json").exists());
    rfs::remove_dir_all("out");
}

fn unwritable() {
    let mut rustc = compile();
    let failed = rustc.emit("link-inputs=missing/inputs.json").run_fail();
    failed.assert_exit_code(1);
    failed.assert_stderr_contains("error: cannot write the link inputs `missing/inputs.json`: ");
    failed.assert_stderr_contains("= help: make room there, or choose another place with");
    assert!(!Path::new("out/program.link-inputs").exists());
    rfs::remove_dir_all("out");
}

/// JSON holds Unicode only. Arguments are Unicode, but the compiler may be in a folder that is not.
fn not_unicode() {
    let moved = Path::new(OsStr::from_bytes(b"sysroot-\xff"));
    cmd("cp").args(["--archive", "--link"]).arg(sysroot()).arg(moved).run();
    let mut rustc = cmd("rustc");
    rustc.env("PATH", env::join_paths([&cwd().join(moved).join("bin")]).unwrap());
    rustc.env_remove("LD_LIBRARY_PATH");
    rustc.args(["-Zunstable-options", "--emit=link-inputs", "--out-dir=out", "library.rs"]);
    let failed = rustc.arg("--crate-type=cdylib").run_fail();
    failed.assert_exit_code(1);
    failed.assert_stderr_contains("error: the link inputs cannot name `");
    failed.assert_stderr_contains("`, which is not valid UTF-8");
    failed.assert_stderr_contains("= help: the file is JSON, which holds Unicode only");
    assert!(!Path::new("out/library.link-inputs.json").exists());
    rfs::remove_dir_all(moved);
    rfs::remove_dir_all("out");
}

/// A run that fails leaves neither the file nor the folder of a run before it.
fn stale() {
    compile().crate_type("cdylib").emit("link-inputs").run();
    assert!(Path::new("out/program.link-inputs.json").exists());
    assert!(Path::new("out/program.link-inputs/cdylib/symbols.o").exists());

    let rlib = rfs::read("liblibrary.rlib");
    rfs::write("liblibrary.rlib", &rlib[..last_header(&rlib) + 20]);
    let failed = compile().crate_type("cdylib").emit("link-inputs").run_fail();
    failed.assert_exit_code(1);
    failed.assert_stderr_contains("error: cannot read the rlib `liblibrary.rlib`: ");
    failed.assert_stderr_contains("= help: compile its crate again");
    assert!(!Path::new("out/program.link-inputs.json").exists());
    assert!(!Path::new("out/program.link-inputs").exists());
    rfs::write("liblibrary.rlib", &rlib);
    rfs::remove_dir_all("out");
}

/// rustc removes what it has put into the folder before, and nothing else.
fn files_of_others() {
    let compile = |crate_type: &str| {
        let mut rustc = compile();
        rustc.crate_type(crate_type).emit("link-inputs");
        rustc
    };
    let symbols = |crate_type: &str| {
        Path::new("out/program.link-inputs").join(crate_type).join("symbols.o").exists()
    };
    compile("bin").run();
    assert!(symbols("bin") && !symbols("cdylib"));
    compile("cdylib").run();
    assert!(symbols("cdylib") && !symbols("bin"));

    for place in ["", "cdylib/", "mine/"] {
        let file = format!("out/program.link-inputs/{place}notes");
        rfs::create_dir_all(Path::new(&file).parent().unwrap());
        rfs::write(&file, "mine");
        let failed = compile("cdylib").run_fail();
        failed.assert_exit_code(1);
        failed.assert_stderr_contains(
            "error: `out/program.link-inputs` is not empty: rustc did not write `",
        );
        failed.assert_stderr_contains("= help: move what else is in it");
        assert_eq!(rfs::read_to_string(&file), "mine");
        assert!(!symbols("cdylib") && !Path::new("out/program.link-inputs.json").exists());
        rfs::remove_dir_all("out/program.link-inputs");
        compile("cdylib").run();
    }

    // Nor does it follow a list that somebody else has written.
    rfs::write("kept", "mine");
    rfs::write("out/program.link-inputs/.rustc-contents", "../../kept\n/proc\n");
    compile("cdylib").run_fail().assert_stderr_contains("is not empty");
    assert_eq!(rfs::read_to_string("kept"), "mine");

    rfs::remove_dir_all("out/program.link-inputs");
    rfs::write("out/program.link-inputs", "mine");
    let failed = compile("cdylib").run_fail();
    failed
        .assert_stderr_contains("error: cannot write the link inputs `out/program.link-inputs`: ");
    assert_eq!(rfs::read_to_string("out/program.link-inputs"), "mine");
}

/// The offset of the last member's header in an archive. Metadata is in a member before it.
fn last_header(archive: &[u8]) -> usize {
    let mut offset = "!<arch>\n".len();
    loop {
        let size = std::str::from_utf8(&archive[offset..][48..58]).unwrap();
        let size: usize = size.trim_end().parse().unwrap();
        let next = offset + 60 + size.next_multiple_of(2);
        if next >= archive.len() {
            return offset;
        }
        offset = next;
    }
}
