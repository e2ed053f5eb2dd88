//! Cases besides the matrix: other options of code generation and of links, targets without std, and
//! information that the compiler prints.

use crate::case::Case;
use crate::crates::{EDITION, externs};

/// Options that are combined with a program. `LINKER_PLUGIN_LTO` is that option, with a linker that runs LTO.
const OPTIONS: [&str; 45] = [
    // Names of outputs.
    "-o out",
    "--out-dir=out",
    "-Cextra-filename=-x -Cmetadata=x",
    "--emit=link=out,obj=out.o -Ccodegen-units=1",
    "--emit=obj=out.o",
    "--emit=asm=-",
    "--emit=dep-info=-",
    "--crate-name=a23456789_123456789_123456789_123456789_123456789_123456789_123456789_123456789_\
     123456789_123456789_123456789_123456789_123456789_123456789_123456789_ --emit=link,obj",
    "--error-format=json --json=artifacts --emit=link,obj,asm,llvm-ir,llvm-bc,dep-info,metadata",
    "-Zhuman-readable-cgu-names --emit=obj",
    "-Zbinary-dep-depinfo --emit=dep-info",
    // Sessions without a link, or with another result.
    "-Zno-link",
    "-Zno-codegen",
    "--print=native-static-libs --crate-type=staticlib",
    "--test",
    // Code generation.
    "-Copt-level=3",
    "-Copt-level=s",
    "-Copt-level=z",
    "-Ctarget-cpu=native",
    "-Cno-prepopulate-passes",
    "-Cllvm-args=-inline-threshold=3 -O",
    "-Cremark=all -Ccodegen-units=1 -O",
    "-Crelocation-model=static",
    "-Ccode-model=large",
    "-Cpanic=abort",
    "-Cembed-bitcode=no",
    "-Cprefer-dynamic",
    "-Clink-dead-code",
    "-Zthinlto=no -O",
    "-Zshare-generics=yes",
    "-Zno-parallel-backend",
    "-Zcrate-attr=no_builtins -Clinker-plugin-lto --emit=obj",
    "-Zsplit-lto-unit -Clinker-plugin-lto --emit=obj,llvm-bc",
    "-Zsanitizer=address --emit=obj,llvm-ir",
    // LTO of a program and std.
    "-Clto=fat",
    "-Clto=fat -Csave-temps",
    "-Clto=thin -O",
    "-Clto=thin -Cincremental=cache",
    "-Clto=fat LINKER_PLUGIN_LTO",
    "-Clto=thin LINKER_PLUGIN_LTO",
    // Debug information.
    "-Cstrip=debuginfo -g",
    "-Cdebuginfo=line-tables-only",
    "-Zdwarf-version=5 -g -Csplit-debuginfo=unpacked",
    "-Zsplit-dwarf-kind=single -g -Csplit-debuginfo=packed",
    "-Zsplit-dwarf-kind=single -g -Csplit-debuginfo=unpacked --emit=link,obj",
];

/// Options that every crate of a link should have, for a program that depends only on std.
const SANITIZERS: [&str; 3] = [
    "-Zsanitizer=cfi LINKER_PLUGIN_LTO -Ccodegen-units=1",
    "-Zsanitizer=cfi -Clto -Ccodegen-units=1",
    "-Zsanitizer=kcfi -Cpanic=abort",
];

const TARGETS: [&str; 8] = [
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-gnu",
    "i686-pc-windows-gnu",
    "powerpc64-ibm-aix",
    "riscv64gc-unknown-linux-gnu",
    "thumbv7em-none-eabihf",
    "wasm32-unknown-unknown",
    "x86_64-pc-windows-msvc",
];

/// Lists of options, to which the fork adds its own.
const LISTS: [&str; 3] = ["--help", "--help --verbose", "-Zhelp"];

/// Other information that the compiler prints, and its errors.
const ANSWERS: [&str; 23] = [
    "-Chelp",
    "-Whelp",
    "-vV",
    "--explain=E0463",
    "--print=calling-conventions",
    "--print=cfg",
    "--print=check-cfg -Zunstable-options",
    "--print=code-models",
    "--print=crate-name program.rs",
    "--print=file-names program.rs --emit=link,obj",
    "--print=host-tuple",
    "--print=relocation-models",
    "--print=split-debuginfo",
    "--print=stack-protector-strategies",
    "--print=supported-crate-types -Zunstable-options",
    "--print=target-cpus",
    "--print=target-features",
    "--print=target-libdir",
    "--print=target-list",
    "--print=all-target-specs-json -Zunstable-options",
    "--print=tls-models",
    "wrong.rs",
    "missing.rs",
];

/// All of these cases. `linker_plugin_lto` is that option, with a linker that runs LTO.
pub fn cases(linker_plugin_lto: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let externs = externs(false).join(" ");
    for options in OPTIONS {
        let options = options.replace("LINKER_PLUGIN_LTO", linker_plugin_lto);
        let arguments = format!("{EDITION} program.rs {externs} {options}");
        cases.push(Case::new("other options", &arguments));
    }
    for options in SANITIZERS {
        let options = options.replace("LINKER_PLUGIN_LTO", linker_plugin_lto);
        let allow = "-Cunsafe-allow-abi-mismatch=sanitizer";
        let arguments = format!("{EDITION} hello.rs {allow} {options}");
        cases.push(Case::new("sanitizers", &arguments));
    }
    for target in TARGETS {
        for options in [
            "",
            "-Ccodegen-units=4 -g",
            "-Clinker-plugin-lto",
            "-Cincremental=cache -O",
        ] {
            let target = format!("--crate-type=lib --target={target} -Cpanic=abort");
            let arguments =
                format!("{EDITION} bare.rs {target} --emit=link,obj,asm,llvm-ir {options}");
            cases.push(Case::new("other targets", &arguments));
        }
    }
    for arguments in LISTS {
        let mut case = Case::new("printed", arguments);
        case.lists_options = true;
        cases.push(case);
    }
    cases.extend(ANSWERS.map(|arguments| Case::new("printed", arguments)));
    cases
}
