"""The toolchain: rustc with std's modules, and `rust-thinlto`."""

load("@prelude//rust:rust_toolchain.bzl", "PanicRuntime", "RustToolchainInfo")

RustThinLtoToolchainInfo = provider(
    doc = "What the rules of distributed ThinLTO need besides the prelude's `RustToolchainInfo`.",
    fields = {
        # the flags of rustc as a backend
        "backend_flags": provider_field(list[str]),
        # `rust-thinlto`
        "rust_thinlto": provider_field(RunInfo),
        # rustc for the target, without std
        "rustc": provider_field(RunInfo),
        # the libraries of std
        "std": provider_field(list[Artifact]),
        # the modules of std and their summaries, by file name
        "std_modules": provider_field(dict[str, Artifact]),
        # the path of the sysroot, without inputs
        "sysroot": provider_field(typing.Any),
    },
)

def _rust_thinlto_toolchain_impl(ctx):
    rustc = cmd_args(ctx.attrs.rustc, hidden = ctx.attrs.rustc_lib)
    modules = {file.basename: file for file in ctx.attrs.std_modules}
    if not modules:
        fail("{}: `std_modules` is empty. Name the files in `lib/rustlib/TARGET/thin-link` of the compiler's sysroot.".format(ctx.label))
    return [
        DefaultInfo(),
        RustToolchainInfo(
            compiler = RunInfo(args = cmd_args(rustc, hidden = ctx.attrs.std)),
            default_edition = ctx.attrs.default_edition,
            panic_runtime = PanicRuntime("unwind"),
            rustc_flags = ctx.attrs.rustc_flags,
            rustc_target_triple = ctx.attrs.rustc_target_triple,
        ),
        RustThinLtoToolchainInfo(
            backend_flags = ctx.attrs.backend_flags,
            rust_thinlto = RunInfo(args = cmd_args(ctx.attrs.rust_thinlto, hidden = ctx.attrs.rustc_lib)),
            rustc = RunInfo(args = cmd_args(rustc, "--target=" + ctx.attrs.rustc_target_triple)),
            std = ctx.attrs.std,
            std_modules = modules,
            sysroot = cmd_args(ctx.attrs.rustc, parent = 2, ignore_artifacts = True),
        ),
    ]

rust_thinlto_toolchain = rule(
    impl = _rust_thinlto_toolchain_impl,
    doc = """
A Rust toolchain for the prelude's rules and for those of this cell. Its files are those of `./x.py build` or of the
packages of `./x.py dist`; `sysroot_files` names them.
""",
    attrs = {
        "backend_flags": attrs.list(attrs.string(), default = ["-Copt-level=3"], doc = "the flags of rustc as a backend"),
        "default_edition": attrs.option(attrs.string(), default = None, doc = "the edition of crates that name none"),
        "rust_thinlto": attrs.source(doc = "`bin/rust-thinlto` of the sysroot"),
        "rustc": attrs.source(doc = "`bin/rustc` of the sysroot"),
        "rustc_flags": attrs.list(attrs.arg(), default = [], doc = "the flags of every compile"),
        "rustc_lib": attrs.list(attrs.source(), doc = "the shared libraries in `lib` of the sysroot"),
        "rustc_target_triple": attrs.string(default = "x86_64-unknown-linux-gnu", doc = "the target"),
        "std": attrs.list(attrs.source(), doc = "the files in `lib/rustlib/TARGET/lib` of the sysroot"),
        "std_modules": attrs.list(attrs.source(), doc = "the files in `lib/rustlib/TARGET/thin-link` of the sysroot"),
    },
    is_toolchain_rule = True,
)

def sysroot_files(folder, target = "x86_64-unknown-linux-gnu"):
    """The attributes of `rust_thinlto_toolchain` that name files.

    Args:
        folder: the sysroot, in the package of the toolchain
        target: the target

    Returns:
        keyword arguments
    """
    libraries = "{}/lib/rustlib/{}".format(folder, target)
    return {
        "rust_thinlto": folder + "/bin/rust-thinlto",
        "rustc": folder + "/bin/rustc",
        "rustc_lib": glob([folder + "/lib/*.so*"]),
        "rustc_target_triple": target,
        "std": glob([libraries + "/lib/*"]),
        "std_modules": glob([libraries + "/thin-link/*"]),
    }
