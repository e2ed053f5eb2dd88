// A link of its own (`-Zno-link`, then `-Zlink-only`) leaves the pairs of the compile, which were
// asked for, as a link in the same session does. The `.rlink` file between the two names no
// summaries: it is that of a compiler without them.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::collections::BTreeMap;

use run_make_support::thin_link::{thin_link_objects, thin_link_rustc};
use run_make_support::{cmd, has_suffix, rfs, shallow_find_files};

fn main() {
    for units in [1, 4] {
        let folder = format!("units_{units}");
        rfs::create_dir(&folder);
        thin_link_rustc()
            .input("program.rs")
            .out_dir(&folder)
            .codegen_units(units)
            .emit("link,obj,thin-link-bitcode")
            .arg("-Zno-link")
            .run();
        let files = shallow_find_files(&folder, |path| has_suffix(path, ".o"));
        let before: BTreeMap<_, _> =
            files.into_iter().map(|path| (path.clone(), rfs::read(path))).collect();

        let rlink = format!("{folder}/program.rlink");
        let content = rfs::read(&rlink);
        let names = |name: &[u8]| content.windows(name.len()).any(|window| window == name);
        assert!(names(b".rcgu.o"));
        assert!(!names(b".indexing.o"));

        thin_link_rustc().input(&rlink).out_dir(&folder).arg("-Zlink-only").run();
        assert_eq!(cmd(format!("{folder}/program")).run().stdout_utf8(), "42\n");
        let objects = thin_link_objects(&folder);
        // A program of one unit has a second module, the allocator shim.
        assert!(objects.len() > units.min(2), "{objects:?}");
        for object in objects {
            assert_eq!(rfs::read(&object), before[&object], "{}", object.display());
        }
    }
}
