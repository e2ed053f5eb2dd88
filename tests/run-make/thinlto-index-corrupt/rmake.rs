// A damaged module, index or import is an error with exit code 1 and no output, or, where the damage
// does not matter to LLVM, a whole object: cut off at every 64th of the length, and with one of 2,000
// single bytes changed. A crash inside LLVM is an error like any other.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::path::Path;
use std::{fs, thread};

use run_make_support::object::Object;
use run_make_support::object::read::File;
use run_make_support::thin_link::{
    index_of, thin_link_objects, thin_link_program, thin_link_rustc, thinlto_backend,
};
use run_make_support::{rfs, shallow_find_files};

const CHANGES: usize = 2000;
const WORKERS: usize = 2;

fn main() {
    for (source, crate_type) in [("library.rs", "rlib"), ("program.rs", "bin")] {
        let mut rustc = thin_link_rustc();
        rustc.opt().input(source).crate_type(crate_type).codegen_units(1).out_dir(".");
        rustc.arg("-L.").emit("link,obj,thin-link-bitcode").run();
    }
    thin_link_program(&thin_link_objects("."));

    let index = index_of("program.o");
    let files = ["program.o", index.to_str().unwrap(), "library.o"];
    let mut damages = Vec::new();
    for file in files {
        let length = rfs::read(file).len();
        damages.extend((0..64).map(|part| Damage::Cut { file, at: length * part / 64 }));
    }
    let mut random = Random(1);
    for number in 0..CHANGES {
        let file = files[number % files.len()];
        let at = random.next() % rfs::read(file).len();
        damages.push(Damage::Change { file, at, to: random.next() as u8 });
    }

    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let damages = &damages;
            scope.spawn(move || {
                for damage in damages.iter().skip(worker).step_by(WORKERS) {
                    survives(&format!("worker{worker}"), damage);
                }
            });
        }
    });
}

#[derive(Debug)]
enum Damage<'a> {
    Cut { file: &'a str, at: usize },
    Change { file: &'a str, at: usize, to: u8 },
}

/// Runs the backend of the program in `folder` with the damage done.
fn survives(folder: &str, damage: &Damage<'_>) {
    rfs::create_dir(folder);
    for file in shallow_find_files(".", |path| path.is_file()) {
        rfs::copy(&file, Path::new(folder).join(&file));
    }
    match *damage {
        Damage::Cut { file, at } => {
            rfs::write(Path::new(folder).join(file), &rfs::read(file)[..at]);
        }
        Damage::Change { file, at, to } => {
            let mut bytes = rfs::read(file);
            bytes[at] = to;
            rfs::write(Path::new(folder).join(file), bytes);
        }
    }

    let before = fs::read_dir(folder).unwrap().count();
    let mut backend = thinlto_backend("program.o");
    let output = backend.current_dir(folder).emit("obj").output("native.o").run_unchecked();
    let native = fs::read(Path::new(folder).join("native.o"));
    let stderr = output.invalid_stderr_utf8();
    let written = fs::read_dir(folder).unwrap().count() - before;
    match output.status().code() {
        Some(0) => {
            let native = native.unwrap();
            let object = File::parse(&native[..]).unwrap_or_else(|err| panic!("{damage:?}: {err}"));
            assert!(object.sections().count() > 0, "{damage:?}");
            assert_eq!(written, 1, "{damage:?}");
        }
        Some(1) => {
            assert!(stderr.lines().any(|line| line.starts_with("error: ")), "{damage:?}: {stderr}");
            assert_eq!(written, 0, "{damage:?}");
        }
        code => panic!("{damage:?}: {code:?}, {stderr}"),
    }
    rfs::remove_dir_all(folder);
}

/// A small generator of numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize
    }
}
