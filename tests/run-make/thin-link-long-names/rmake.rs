// rustc cuts names of files that are longer than 143 bytes. The names of an object and its summary
// differ in the suffix alone even then, and are those that dep-info foretells.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use run_make_support::thin_link::{Files, take_files, thin_link_objects, thin_link_rustc};

const LIMIT: usize = 143;

fn main() {
    for crate_type in ["lib", "cdylib"] {
        for incremental in [false, true] {
            let session = |length| Session { crate_type, incremental, length };
            let (short, longer) = (session(1).longest_name(), session(2).longest_name());
            // As many letters in the crate's name as make that of the object as long as it may be.
            let most = 1 + (LIMIT - short) / (longer - short);
            // The suffix of a summary is nine bytes longer than that of an object.
            for length in (most - 10..=most + 2).chain([150]) {
                session(length).longest_name();
            }
            session(150).matches_dep_info();
        }
    }
}

struct Session {
    crate_type: &'static str,
    incremental: bool,
    /// The number of letters in the crate's name.
    length: usize,
}

impl Session {
    /// Compiles the library in two codegen units, and returns what it leaves.
    fn run(&self, emit: &str) -> Files {
        println!("{} {} {} {emit}", self.crate_type, self.incremental, self.length);
        let mut rustc = thin_link_rustc();
        rustc.input("library.rs").crate_type(self.crate_type).codegen_units(2).emit(emit);
        rustc.crate_name("x".repeat(self.length)).out_dir("out");
        if self.incremental {
            rustc.incremental("cache");
        }
        rustc.run();
        let shims = usize::from(self.crate_type == "cdylib");
        assert_eq!(thin_link_objects("out").len(), 2 + shims);
        take_files("out")
    }

    /// Checks the pairs, and returns how long the name of an object is at most.
    fn longest_name(&self) -> usize {
        let files = self.run("obj,thin-link-bitcode");
        files.keys().filter(|name| !name.ends_with(".indexing.o")).map(String::len).max().unwrap()
    }

    fn matches_dep_info(&self) {
        let files = self.run("dep-info,obj,thin-link-bitcode");
        let name = "x".repeat(self.length);
        let dep_info = std::str::from_utf8(&files[&format!("{name}.d")]).unwrap();
        for file in files.keys() {
            assert!(dep_info.contains(&format!("out/{file}: ")), "{file}");
        }
    }
}
