// A build system learns what rustc wrote from `--json=artifacts` and from dep-info: both name every
// object and every summary, those of the allocator shim among them, and nothing that is not there.
// So it is with one codegen unit and with several, and for units that come out of the incremental
// cache.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use run_make_support::thin_link::{thin_link_objects, thin_link_rustc};
use run_make_support::{Rustc, rfs, serde_json, shallow_find_files};

fn main() {
    for crate_type in ["lib", "cdylib", "bin"] {
        for units in [1, 2] {
            for others in ["obj", "link", "llvm-bc", "obj,link,asm,llvm-ir,llvm-bc,metadata,mir"] {
                let emit = format!("dep-info,thin-link-bitcode,{others}");
                println!("{crate_type} {units} {emit}");
                check(compile(crate_type, units).emit(&emit).out_dir("out"));
                // The first of two sessions fills the cache for the second.
                for _ in 0..2 {
                    let mut rustc = compile(crate_type, units);
                    check(rustc.emit(&emit).out_dir("out").incremental("cache"));
                }
                rfs::remove_dir_all("cache");
            }
        }
    }

    check(compile("cdylib", 1).args([
        "--emit=obj=out/named.o,thin-link-bitcode=out/named.indexing.o,dep-info=out/named.d",
        "--out-dir=out",
    ]));
    check(compile("bin", 1).emit("dep-info,obj,thin-link-bitcode").output("out/stem"));
}

/// Prepares a session with an empty folder `out`.
fn compile(crate_type: &str, units: usize) -> Rustc {
    rfs::create_dir("out");
    let mut rustc = thin_link_rustc();
    rustc
        .input("program.rs")
        .crate_type(crate_type)
        .codegen_units(units)
        // Of diagnostics there is only a warning about a name that is adapted for each kind.
        .arg("-Awarnings")
        .error_format("json")
        .json("artifacts");
    rustc
}

/// Runs the session and checks that it announces the files in `out`, each once and with its kind,
/// and that dep-info has a rule for each.
fn check(rustc: &mut Rustc) {
    let messages = rustc.run().stderr_utf8();
    let mut announced: Vec<(String, String)> = messages
        .lines()
        .map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| message[key].as_str().expect(line).to_owned();
            assert_eq!(text("$message_type"), "artifact");
            (text("artifact"), text("emit"))
        })
        .collect();
    announced.sort();

    let mut written: Vec<_> = shallow_find_files("out", |_| true)
        .into_iter()
        .map(|path| path.into_os_string().into_string().unwrap())
        .collect();
    written.sort();
    let expected: Vec<_> =
        written.iter().map(|path| (path.clone(), kind(path).to_owned())).collect();
    assert_eq!(announced, expected, "announced, and written");

    let dep_info = written.iter().find(|path| path.ends_with(".d")).unwrap();
    let mut rules: Vec<_> = rfs::read_to_string(dep_info)
        .lines()
        .filter_map(|line| line.strip_suffix(": program.rs").map(str::to_owned))
        .collect();
    rules.sort();
    assert_eq!(rules, written, "rules of dep-info, and written");

    if announced.iter().any(|(_, kind)| kind == "obj") {
        thin_link_objects("out");
    }
    rfs::remove_dir_all("out");
}

/// Returns the kind in `--emit` that a file belongs to.
fn kind(path: &str) -> &'static str {
    let name = path.rsplit_once('/').unwrap().1;
    if name.ends_with(".indexing.o") {
        return "thin-link-bitcode";
    }
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "o" => "obj",
        "bc" => "llvm-bc",
        "d" => "dep-info",
        "ll" => "llvm-ir",
        "mir" => "mir",
        "rmeta" => "metadata",
        "s" => "asm",
        "" | "rlib" | "so" => "link",
        extension => panic!("{extension}"),
    }
}
