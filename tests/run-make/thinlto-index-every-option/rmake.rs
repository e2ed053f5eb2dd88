// Each `-C` and `-Z` option is in one of three lists: a backend refuses it, obeys it, or has no use
// for it. The test fails for an option in none of them, so that whoever adds one to the compiler
// decides what `-Zthinlto-index` does with it.

//@ ignore-cross-compile
//@ needs-backends: llvm
//@ only-linux
//@ needs-llvm-components: aarch64 riscv x86

use std::collections::BTreeSet;

use run_make_support::thin_link::{index_of, thin_link_rustc, thinlto_backend};
use run_make_support::{bare_rustc, cwd, rfs};

/// Refused options, by the reason that the error gives. Where an option needs another one or a
/// certain target, that follows it.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "it says how source is compiled, and the module is compiled already",
        &[
            "--test",
            "--crate-type=lib",
            "--extern=library=liblibrary.rlib",
            "-Ccontrol-flow-guard=yes",
            "-Cdebug-assertions=yes",
            "-Cdwarf-version=5",
            "-Cmetadata=x",
            "-Coverflow-checks=yes",
            "-Cpanic=abort",
            "-Cpasses=dce",
            "-Zannotate-moves",
            "-Zbranch-protection=bti --target=aarch64-unknown-linux-gnu",
            "-Zcf-protection=full",
            "-Zdefault-visibility=hidden",
            "-Zdirect-access-external-data=yes",
            "-Zdwarf-version=5",
            "-Zehcont-guard",
            "-Zindirect-branch-cs-prefix --target=x86_64-unknown-linux-gnu",
            "-Zlint-llvm-ir",
            "-Zllvm-module-flag=name:u32:7:max",
            "-Zno-analysis",
            "-Zno-codegen",
            "-Zoffload=Device",
            "-Zparse-crate-root-only",
            "-Zreg-struct-return --target=i686-unknown-linux-gnu",
            "-Zregparm=1 --target=i686-unknown-linux-gnu",
            // Honored on targets where it is an option of LLVM.
            "-Zsmall-data-threshold=8 --target=riscv64gc-unknown-linux-gnu",
            "-Zsplit-lto-unit -Clinker-plugin-lto",
            "-Zunpretty=mir",
            "-Zvirtual-function-elimination -Clto=fat",
        ],
    ),
    (
        "each function and each static has its own setting since it was compiled",
        &[
            "-Cforce-frame-pointers=yes",
            "-Cforce-unwind-tables=yes",
            "-Cjump-tables=no",
            "-Cno-redzone=yes",
            "-Zfunction-return=thunk-extern --target=x86_64-unknown-linux-gnu",
            "-Zinline-llvm=no",
            "-Zmin-function-alignment=16",
            "-Zpatchable-function-entry=1",
            "-Zplt=yes",
            "-Zretpoline --target=x86_64-unknown-linux-gnu",
            "-Zretpoline-external-thunk --target=x86_64-unknown-linux-gnu",
            "-Zstack-protector=all",
            // Honored if it is `emulated`.
            "-Ztls-model=local-exec",
            "-Ztune-cpu=native",
            "-Zuse-sync-unwind=yes",
        ],
    ),
    (
        "code is instrumented when it is compiled, before the thin link",
        &[
            "-Cinstrument-coverage",
            "-Cprofile-generate",
            "-Zinstrument-mcount",
            "-Zinstrument-xray",
            "-Zsanitizer=address",
        ],
    ),
    (
        "it says how a program is linked, and a backend does not link",
        &[
            "-lstatic=x",
            "-Cdefault-linker-libraries=yes",
            "-Cdlltool=dlltool",
            "-Clink-arg=-O1",
            "-Clink-args=-O1",
            "-Clink-dead-code=yes",
            "-Clink-self-contained=yes",
            "-Clinker=cc",
            "-Clinker-features=-lld --target=x86_64-unknown-linux-gnu",
            "-Clinker-flavor=gcc",
            "-Cprefer-dynamic",
            "-Crelro-level=full",
            "-Crpath",
            "-Cstrip=debuginfo",
            "-Zpre-link-arg=-O1",
            "-Zpre-link-args=-O1",
        ],
    ),
    (
        "the thin link has decided what is optimized together",
        &["-Clinker-plugin-lto", "-Clto=thin", "-Zdylib-lto", "-Zthinlto=yes"],
    ),
    ("a backend makes one object of one module", &["-Ccodegen-units=2"]),
    ("a backend leaves nothing behind but its outputs", &["-Cincremental=cache"]),
    ("intermediate files are written beside the outputs", &["-Ztemps-dir=temps"]),
];

/// Refused options that only some builds of the compiler accept at all.
const REFUSED_UNTESTED: &[(&str, &str)] = &[("it needs Enzyme", "-Zautodiff")];

/// Options that work as in any session, or as in any that generates code.
const HONORED: &[(&str, &str)] = &[
    (
        "the target machine and LLVM's own options",
        "-Ccode-model -Cllvm-args -Crelocation-model -Csoft-float -Ctarget-cpu -Ctarget-feature \
         -Zdebuginfo-compression -Zemit-stack-sizes -Zemscripten-wasm-eh -Zfixed-x18 \
         -Zfunction-sections -Zlarge-data-threshold -Zno-generate-arange-section \
         -Zno-unique-section-names -Zrelax-elf-relocations -Ztrap-unreachable \
         -Zuse-ctors-section -Zverbose-asm",
    ),
    (
        "the pass pipeline",
        "-Cno-prepopulate-passes -Cno-vectorize-loops -Cno-vectorize-slp -Copt-level \
         -Cprofile-use -Zdebug-info-for-profiling -Zllvm-plugins -Zmerge-functions \
         -Zprofile-sample-use -Zverify-llvm-ir",
    ),
    (
        "the outputs, their names and the names in them",
        "-Cextra-filename -Csave-temps -Csplit-debuginfo -Zfewer-names -Zremap-cwd-prefix \
         -Zsplit-dwarf-kind -Zsplit-dwarf-out-dir",
    ),
    (
        "reports on LLVM's work, and their form",
        "-Cremark -Zdeduplicate-diagnostics -Zeagerly-emit-delayed-bugs -Zllvm-time-trace \
         -Zprint-codegen-stats -Zprint-llvm-passes -Zremark-dir -Zself-profile \
         -Zself-profile-counter -Zself-profile-events -Zterminal-urls -Ztime-llvm-passes \
         -Ztime-passes -Ztime-passes-format -Ztrack-diagnostics -Ztreat-err-as-bug -Zui-testing",
    ),
    (
        "the choice of what the session does, and the reading of its command line",
        "-Chelp -Zcodegen-backend -Zhelp -Zlink-only -Zls -Zshell-argfiles -Zthinlto-index \
         -Zthinlto-remap-module -Zunstable-options",
    ),
];

/// Options that have no meaning for a backend.
const WITHOUT_MEANING: &[(&str, &str)] = &[
    ("the compiler ignores it", "-Car -Cinline-threshold -Cno-stack-check -Zwasm-c-abi"),
    (
        "it refines what is refused",
        "-Zcoverage-options -Zno-profiler-runtime -Zprofiler-runtime \
         -Zsanitizer-cfi-canonical-jump-tables -Zsanitizer-cfi-generalize-pointers \
         -Zsanitizer-cfi-normalize-integers -Zsanitizer-dataflow-abilist -Zsanitizer-kcfi-arity \
         -Zsanitizer-memory-track-origins -Zsanitizer-recover",
    ),
    (
        "it is about debug info, which the module contains or does not",
        "-Ccollapse-macro-debuginfo -Cdebuginfo -Zdebug-info-type-line-numbers -Zembed-source \
         -Zinline-mir-preserve-debug -Zmir-strip-debuginfo -Zsplit-dwarf-inlining \
         -Zsrc-hash-algorithm",
    ),
    (
        "it is about crates, their metadata and their dependencies",
        "-Cembed-bitcode -Cunsafe-allow-abi-mismatch -Zalways-encode-mir -Zbinary-dep-depinfo \
         -Zbuild-sdylib-interface -Zchecksum-hash-algorithm -Zdep-info-omit-d-target \
         -Zdual-proc-macros -Zembed-metadata -Znormalize-docs -Zshare-generics \
         -Zsimulate-remapped-rust-src-base -Ztranslate-remapped-path-to-local-path",
    ),
    (
        "it is about a link",
        "-Zexport-executable-symbols -Zexternal-clangrt -Zlink-directives -Zlink-embedded-bitcode \
         -Zlink-native-libraries -Zno-link -Zosx-rpath-install-name -Zpacked-bundled-libs \
         -Zstaticlib-allow-rdylib-deps -Zstaticlib-prefer-dynamic -Zwasi-exec-model",
    ),
    (
        "it is about how work is divided and found again",
        "-Zassert-incr-state -Zcodegen-source-order -Zdump-dep-graph -Zhuman-readable-cgu-names \
         -Zincremental-ignore-spans -Zincremental-info -Zincremental-verify-ich \
         -Zno-parallel-backend -Zquery-dep-graph -Zthin-link-fixed-names -Zthreads",
    ),
    (
        "it is about the language, and how its types and its errors are checked and shown",
        "-Zallow-features -Zassume-incomplete-release -Zcache-proc-macros -Zcheck-cfg-all-expected \
         -Zcrate-attr -Zenforce-type-length-limit -Zexperimental-default-bounds \
         -Zextra-const-ub-checks -Zforce-unstable-if-unmarked -Zfuture-incompat-test \
         -Zgraphviz-dark-mode -Zgraphviz-font -Zhas-thread-local -Zhigher-ranked-assumptions \
         -Zidentify-regions -Zignore-directory-in-diagnostics-source-blocks -Zinput-stats \
         -Zmacro-backtrace -Zmacro-stats -Zmeta-stats -Zmetrics-dir -Zmove-size-limit \
         -Znamespaced-crates -Znext-solver -Znll-facts -Znll-facts-dir -Zno-implied-bounds-compat \
         -Zno-leak-check -Zno-steal-thir -Zpolonius -Zproc-macro-backtrace \
         -Zproc-macro-execution-strategy -Zprofile-closures -Zspan-debug -Zspan-free-formats \
         -Zstrict-init-checks -Zteach -Ztiny-const-eval-limit -Ztrace-macros \
         -Ztrim-diagnostic-paths -Ztyping-mode-borrowck -Zunleash-the-miri-inside-of-you \
         -Zverbose-internals -Zwrite-long-types-to-disk",
    ),
    (
        "it is about how source becomes MIR, and MIR LLVM's IR",
        "-Csymbol-mangling-version -Zbox-noalias -Zcontract-checks -Zcross-crate-inline-threshold \
         -Zdump-mir -Zdump-mir-dataflow -Zdump-mir-dir -Zdump-mir-exclude-alloc-bytes \
         -Zdump-mir-exclude-pass-number -Zdump-mir-graphviz -Zdump-mono-stats \
         -Zdump-mono-stats-format -Zflatten-format-args -Zfmt-debug -Zhint-mostly-unused \
         -Zinline-mir -Zinline-mir-forwarder-threshold -Zinline-mir-hint-threshold \
         -Zinline-mir-threshold -Zlayout-seed -Zlint-mir -Zlocation-detail \
         -Zmaximal-hir-to-mir-coverage -Zmir-emit-retag -Zmir-enable-passes -Zmir-include-spans \
         -Zmir-opt-bisect-limit -Zmir-opt-level -Zmir-preserve-ub -Zmutable-noalias \
         -Zno-trait-vptr -Zon-broken-pipe -Zpanic-abort-tests -Zpanic-in-drop \
         -Zprecise-enum-drop-elaboration -Zprint-mono-items -Zprint-type-sizes \
         -Zrandomize-layout -Zsaturating-float-casts -Zub-checks -Zuninit-const-chunk-threshold \
         -Zunsound-mir-opts -Zvalidate-mir",
    ),
];

fn main() {
    rfs::write("library.rs", "#![no_std] #[no_mangle] pub fn identity(x: u32) -> u32 { x }");
    let mut rustc = thin_link_rustc();
    rustc.opt().input("library.rs").crate_type("lib").emit("obj").output("library.o").run();
    // Asks for code without ThinLTO.
    rfs::write(index_of("library.o"), "");
    thinlto_backend("library.o").emit("obj").output("library.native.o").run();

    for (reason, options) in REFUSED {
        for option in *options {
            refused(option, reason);
        }
    }
    complete();
}

/// The name of an option, without its value.
fn name(option: &str) -> &str {
    option.split([' ', '=']).next().unwrap()
}

fn refused(option: &str, reason: &str) {
    let mut backend = thinlto_backend("library.o");
    backend.args(option.split(' ').collect::<Vec<_>>()).emit("obj").output("refused.o");
    let output = backend.run_fail();
    output.assert_exit_code(1);
    let shown = match name(option) {
        "-lstatic" => "-l",
        "-Clink-args" => "-Clink-arg",
        "-Zpre-link-args" => "-Zpre-link-arg",
        name => name,
    };
    output
        .assert_stderr_contains(format!("error: `{shown}` cannot be used with `-Zthinlto-index`\n"))
        .assert_stderr_contains(format!(" = note: {reason}\n"));
    assert!(!cwd().join("refused.o").exists(), "{option}");
}

fn complete() {
    let refused = REFUSED.iter().flat_map(|(_, options)| options.iter().map(|option| name(option)));
    let others = REFUSED_UNTESTED.iter().chain(HONORED).chain(WITHOUT_MEANING);
    let others = others.flat_map(|(_, options)| options.split_whitespace());
    let is_listed = |option: &&str| option.starts_with("-C") || option.starts_with("-Z");
    let mut listed = BTreeSet::new();
    for option in refused.filter(is_listed).chain(others) {
        assert!(listed.insert(option.to_owned()), "{option} is listed twice");
    }

    let mut all = BTreeSet::new();
    for kind in ["-C", "-Z"] {
        let help = bare_rustc().arg(kind).arg("help").run().stdout_utf8();
        let names = help.lines().filter_map(|line| {
            Some(line.trim_start().strip_prefix(kind)?.trim_start().split_once("=val -- ")?.0)
        });
        all.extend(names.map(|name| format!("{kind}{name}")));
    }
    assert!(all.contains("-Copt-level") && all.contains("-Zthinlto-index"), "{all:?}");

    let missing: Vec<_> = all.difference(&listed).collect();
    assert!(missing.is_empty(), "add these to one of the lists: {missing:?}");
    let gone: Vec<_> = listed.difference(&all).collect();
    assert!(gone.is_empty(), "these options do not exist any more: {gone:?}");
}
