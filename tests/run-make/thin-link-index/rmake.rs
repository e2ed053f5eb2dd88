// A thin link that sees the summaries alone must come to the same decisions as one that sees the
// full objects: of a program of 13 crates, with generics, inline functions, statics and several
// codegen units, each per-module index and each list of imports is the same to the byte. The two
// links run in two folders that hold nothing but summaries, and nothing but objects.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux

use std::path::Path;
use std::str;

use run_make_support::llvm::llvm_bin_dir;
use run_make_support::thin_link::{
    Files, std_rlibs, summary_of, take_files, thin_link_objects, thin_link_rustc,
};
use run_make_support::{cmd, rfs, shallow_find_files};

const LIBRARIES: usize = 12;

fn main() {
    for number in 0..LIBRARIES {
        let name = format!("library{number}");
        rfs::write(format!("{name}.rs"), library_source(number));
        compile(&name, "rlib", 1 + number % 3);
    }
    rfs::write("program.rs", program_source());
    compile("program", "bin", 2);

    let objects = thin_link_objects("out");
    // Some libraries have one unit and others more; the program has two and the shim.
    assert!(objects.len() > LIBRARIES + 3, "{objects:?}");
    rfs::create_dir("full");
    rfs::create_dir("thin");
    for object in &objects {
        rfs::rename(object, Path::new("full").join(object.file_name().unwrap()));
        let summary = summary_of(object);
        rfs::rename(&summary, Path::new("thin").join(summary.file_name().unwrap()));
    }

    let from_objects = thin_link("full", &[]);
    let from_summaries = thin_link("thin", &["--thinlto-object-suffix-replace=.indexing.o;.o"]);

    assert!(from_objects.keys().eq(from_summaries.keys()), "{:?}", from_summaries.keys());
    // An index and a list of imports for each module, and the list of modules to link.
    assert_eq!(from_objects.len(), 2 * objects.len() + 1, "{:?}", from_objects.keys());
    for (name, content) in &from_objects {
        assert!(from_summaries[name] == *content, "{name}");
    }

    // The comparison means something: nearly every library has something that another one imports.
    let imports: String = from_summaries
        .iter()
        .filter(|(name, _)| name.ends_with(".imports"))
        .map(|(_, content)| str::from_utf8(content).unwrap())
        .collect();
    for number in 0..LIBRARIES - 1 {
        assert!(imports.contains(&format!("library{number}.")), "{imports}");
    }
}

/// Each library builds upon the one before it.
fn library_source(number: usize) -> String {
    let mut source = format!(
        "
        pub static WEIGHT: u32 = {number};
        pub static mut CALLS: u32 = 0;

        pub mod shapes {{
            pub trait Shape {{ fn area(&self) -> u32; }}
            pub struct Square(pub u32);
            impl Shape for Square {{
                fn area(&self) -> u32 {{ super::weigh(self.0) * self.0 }}
            }}
        }}

        pub mod sums {{
            #[inline]
            pub fn quick(value: u32) -> u32 {{ value ^ super::WEIGHT }}
            pub fn generic<T: Copy + Into<u64>>(values: &[T]) -> u64 {{
                values.iter().map(|value| (*value).into()).sum::<u64>() + {number}
            }}
        }}
        "
    );
    source += &match number.checked_sub(1) {
        // Not so small that rustc inlines it itself.
        None => "
            pub fn weigh(value: u32) -> u32 {
                (0..value % 5).fold(value, |sum, bit| sum.rotate_left(WEIGHT + bit))
            }
            "
        .to_owned(),
        Some(before) => format!(
            "
            extern crate library{before};
            pub fn weigh(value: u32) -> u32 {{
                unsafe {{ CALLS += 1 }};
                let shape: &dyn library{before}::shapes::Shape =
                    &library{before}::shapes::Square(value % 7);
                library{before}::weigh(value) + library{before}::WEIGHT
                    + library{before}::sums::quick(shape.area())
                    + library{before}::sums::generic(&[value, WEIGHT]) as u32
            }}
            "
        ),
    };
    source
}

fn program_source() -> String {
    let mut source = String::new();
    let mut main = String::new();
    for number in 0..LIBRARIES {
        source += &format!("extern crate library{number};\n");
        main += &format!("println!(\"{{}}\", library{number}::weigh(count));\n");
    }
    source + &format!("fn main() {{ let count = std::env::args().count() as u32; {main} }}")
}

fn compile(name: &str, crate_type: &str, units: usize) {
    thin_link_rustc()
        .opt()
        .input(format!("{name}.rs"))
        .crate_type(crate_type)
        .codegen_units(units)
        .emit(if crate_type == "rlib" {
            "link,obj,thin-link-bitcode"
        } else {
            "obj,thin-link-bitcode"
        })
        .out_dir("out")
        .arg("-Lout")
        .run();
}

/// Runs the thin link of the program over the files in `folder`, from which nothing else can be
/// seen, and returns what it wrote.
fn thin_link(folder: &str, options: &[&str]) -> Files {
    let mut inputs: Vec<_> = shallow_find_files(folder, |_| true)
        .into_iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    inputs.sort();

    let linker_options = ["--thinlto-index-only=modules", "--thinlto-emit-imports-files"];
    cmd(llvm_bin_dir().join("clang"))
        .current_dir(folder)
        .arg("-fuse-ld=lld")
        .args(
            linker_options
                .iter()
                .chain(options)
                .map(|option| format!("-Wl,{option}"))
                .collect::<Vec<_>>(),
        )
        .args(&inputs)
        .args(std_rlibs())
        .args(["-lgcc_s", "-lc", "-o", "program"])
        .run();

    let mut files = take_files(folder);
    files.retain(|name, _| !inputs.contains(name));
    files
}
