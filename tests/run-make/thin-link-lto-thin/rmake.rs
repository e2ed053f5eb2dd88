// `-Clto=thin -Clinker-plugin-lto` leaves ThinLTO to the linker: the summaries are those of this
// crate's modules, the same as without `-Clto=thin`, and none of those of std or of another crate.
// `-Clto=thin` by itself is refused: see `tests/ui/thin-link` and `thin-link-refused`.

//@ ignore-cross-compile
//@ needs-backends: llvm

use run_make_support::rustc;
use run_make_support::thin_link::{Files, take_files, thin_link_objects, thin_link_rustc};

fn main() {
    rustc().input("helper.rs").crate_type("rlib").arg("-Clinker-plugin-lto").run();
    for units in [1, 2] {
        let plain = compile(units, &[]);
        // The units and the allocator shim, an object and a summary each.
        assert_eq!(plain.len(), 2 * (units + 1), "{:?}", plain.keys());
        let lto = compile(units, &["-Clto=thin"]);
        assert!(lto.keys().eq(plain.keys()), "{:?}", lto.keys());
        for (name, content) in &lto {
            assert!(plain[name] == *content, "{name}");
        }
    }
}

fn compile(units: usize, flags: &[&str]) -> Files {
    thin_link_rustc()
        .args(flags)
        .input("program.rs")
        .edition("2021")
        .extern_("helper", "libhelper.rlib")
        .codegen_units(units)
        .emit("obj,thin-link-bitcode")
        .out_dir("out")
        .run();
    thin_link_objects("out");
    take_files("out")
}
