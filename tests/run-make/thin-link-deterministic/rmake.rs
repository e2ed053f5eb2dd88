// Objects and summaries depend on the sources and the flags alone: not on the folder (once
// `--remap-path-prefix` takes it out of the debug information), nor on how many codegen units are
// compiled at once.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use run_make_support::thin_link::{Files, take_files, thin_link_objects};
use run_make_support::{cmd, cwd, env_var, rfs};

const UNITS: usize = 6;

fn main() {
    let [expected, others @ ..] = [
        // Below `make -j1` rustc finds no job server and would start one of its own.
        build("folder", "-j1", "-Zno-parallel-backend"),
        build("folder", "-j1", ""),
        build("folder", "-j2", ""),
        build("another/folder/far/away", "-j2", ""),
    ];
    // The units and the allocator shim, an object and a summary each.
    assert_eq!(expected.len(), 2 * (UNITS + 1), "{:?}", expected.keys());
    for other in others {
        assert!(other.keys().eq(expected.keys()), "{:?}", other.keys());
        for (name, content) in &expected {
            assert!(other[name] == *content, "{name}");
        }
    }
}

/// Compiles the program in `folder` below a `make` with the option `jobs`, and returns what comes
/// of it.
fn build(folder: &str, jobs: &str, flag: &str) -> Files {
    rfs::create_dir_all(folder);
    rfs::write(format!("{folder}/program.rs"), program());
    let root = cwd().join(folder);
    // The plus sign has make share its job slots with rustc.
    rfs::write(
        format!("{folder}/Makefile"),
        format!(
            "all:\n\t+{} -Zunstable-options -Clinker-plugin-lto -O -g -Ccodegen-units={UNITS} \
             {flag} --remap-path-prefix={}=/sources --emit=obj,thin-link-bitcode --out-dir=out \
             program.rs\n",
            env_var("RUSTC"),
            root.display(),
        ),
    );
    cmd("make").arg(jobs).current_dir(folder).run();
    let out = root.join("out");
    thin_link_objects(&out);
    take_files(out)
}

/// Returns the source of a program with as many modules as there are units, each with work for the
/// optimizer and for debug information.
fn program() -> String {
    let mut modules = String::new();
    let mut main = String::new();
    for unit in 0..UNITS {
        modules += &format!(
            "mod unit{unit} {{
                pub static TABLE: [u32; 3] = [{unit}, 2, 3];
                #[inline(never)]
                pub fn describe(count: usize) -> String {{
                    let values: Vec<String> =
                        TABLE.iter().cycle().take(count).map(|value| value.to_string()).collect();
                    assert!(!values.is_empty(), \"nothing in unit {unit}\");
                    values.join(\" \")
                }}
            }}\n"
        );
        main += &format!("println!(\"{{}}\", unit{unit}::describe(count));\n");
    }
    format!("{modules}fn main() {{ let count = std::env::args().count(); {main} }}\n")
}
