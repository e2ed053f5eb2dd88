"""Programs, tests and shared libraries by distributed ThinLTO, from libraries of the prelude's rules."""

load("@prelude//cxx:cxx_toolchain_types.bzl", "CxxToolchainInfo")
load("@prelude//rust:link_info.bzl", "RustProcMacroPlugin")
load("@prelude//rust:rust_toolchain.bzl", "RustToolchainInfo")
load(":compile.bzl", "compile")
load(":link.bzl", "link")
load(":toolchain.bzl", "RustThinLtoToolchainInfo")

_DEP = attrs.dep(pulls_plugins = [RustProcMacroPlugin])

_ATTRS = {
    "contacts": attrs.list(attrs.string(), default = []),
    "crate": attrs.option(attrs.string(), default = None, doc = "the name of the crate, if not that of the target"),
    "crate_root": attrs.option(attrs.string(), default = None, doc = "the path of the root in the sources"),
    "deps": attrs.list(_DEP, default = [], doc = "Rust libraries, proc macros and native libraries"),
    "edition": attrs.option(attrs.string(), default = None, doc = "the edition, if not that of the toolchain"),
    "env": attrs.dict(key = attrs.string(), value = attrs.arg(), default = {}, doc = "variables for the compiler"),
    "features": attrs.list(attrs.string(), default = []),
    "flagged_deps": attrs.list(attrs.tuple(_DEP, attrs.list(attrs.string())), default = [], doc = "dependencies with options of `--extern`"),
    "labels": attrs.list(attrs.string(), default = []),
    "linker_flags": attrs.list(attrs.arg(), default = [], doc = "flags before all others of the linker"),
    "mapped_srcs": attrs.dict(key = attrs.source(), value = attrs.string(), default = {}, doc = "sources that have another path in the crate"),
    "named_deps": attrs.dict(key = attrs.string(), value = _DEP, default = {}, doc = "dependencies under another name"),
    "rustc_flags": attrs.list(attrs.arg(), default = []),
    "srcs": attrs.list(attrs.source(), default = []),
    "_cxx_toolchain": attrs.toolchain_dep(default = "toolchains//:cxx", providers = [CxxToolchainInfo]),
    "_rust_toolchain": attrs.toolchain_dep(default = "toolchains//:rust", providers = [RustToolchainInfo, RustThinLtoToolchainInfo]),
}

def _build(ctx, name, crate_type, flags, default_roots):
    """Compiles and links the target to a file `name`, for which it returns the artifact and `DefaultInfo`."""
    output = ctx.actions.declare_output(name)
    compiled = compile(ctx, crate_type, flags, default_roots)
    sub_targets = link(ctx, ctx.attrs._rust_toolchain[RustThinLtoToolchainInfo], compiled, output)
    return output, DefaultInfo(default_output = output, sub_targets = sub_targets)

def _rust_thinlto_binary_impl(ctx):
    flags = ctx.attrs._rust_toolchain[RustToolchainInfo].rustc_binary_flags
    program, info = _build(ctx, ctx.label.name, "bin", flags, ["main.rs"])
    return [info, RunInfo(args = cmd_args(program))]

rust_thinlto_binary = rule(
    impl = _rust_thinlto_binary_impl,
    doc = "A program, with the attributes of the prelude's `rust_binary`.",
    attrs = _ATTRS,
    uses_plugins = [RustProcMacroPlugin],
)

def _rust_thinlto_test_impl(ctx):
    flags = ctx.attrs._rust_toolchain[RustToolchainInfo].rustc_test_flags + ["--test"]
    program, info = _build(ctx, ctx.label.name, "bin", flags, ["main.rs", "lib.rs"])
    return [
        info,
        RunInfo(args = cmd_args(program)),
        ExternalRunnerTestInfo(
            type = "rust",
            command = [program],
            contacts = ctx.attrs.contacts,
            env = ctx.attrs.env | ctx.attrs.run_env,
            labels = ctx.attrs.labels,
            run_from_project_root = True,
        ),
    ]

rust_thinlto_test = rule(
    impl = _rust_thinlto_test_impl,
    doc = "Unit tests or an integration test, with the attributes of the prelude's `rust_test`.",
    attrs = _ATTRS | {
        "run_env": attrs.dict(key = attrs.string(), value = attrs.arg(), default = {}, doc = "variables for the test"),
    },
    uses_plugins = [RustProcMacroPlugin],
)

def _rust_thinlto_shared_library_impl(ctx):
    soname = ctx.attrs.soname or "lib{}.so".format((ctx.attrs.crate or ctx.label.name).replace("-", "_"))
    flags = ["-Clink-arg=-Wl,-soname," + soname]
    _, info = _build(ctx, soname, "cdylib", flags, ["lib.rs"])
    return [info]

rust_thinlto_shared_library = rule(
    impl = _rust_thinlto_shared_library_impl,
    doc = "A shared library with a C interface (`cdylib`).",
    attrs = _ATTRS | {
        "soname": attrs.option(attrs.string(), default = None, doc = "the file name and soname, `libCRATE.so` by default"),
    },
    uses_plugins = [RustProcMacroPlugin],
)
