"""The toolchain of a ThinLTO build."""

load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/toolchains:cc_toolchain.bzl", "cc_toolchain")
load(":cc_toolchain_config.bzl", "cc_toolchain_config")
load(":modules.bzl", "library")
load(":providers.bzl", "ThinLtoToolchainInfo")

def _pairs(files):
    """The pairs of std by crate. A module of the crate `std` is named `std-HASH.UNIT.rcgu.o`."""
    names = {file.basename: file for file in files}
    crates = {}
    for name, module in names.items():
        summary = names.get(name.removesuffix(".o") + ".indexing.o")
        if not name.endswith(".o") or summary == None:
            continue
        crate = name.split("-")[0]
        crates.setdefault(crate, []).append(struct(module = module, summary = summary))
    return crates

def _impl(ctx):
    cc_toolchain = ctx.attr.cc_toolchain[cc_common.CcToolchainInfo]
    crates = _pairs(ctx.files.std)
    if "core" not in crates:
        fail("{}: `std` has no modules of std. They are in the folder `lib/rustlib/<target>/thin-link` of a ".format(ctx.label) +
             "sysroot that `./x.py build` built")
    std = {}
    for crate, modules in crates.items():
        inputs = library(ctx, cc_toolchain, "std/" + crate, modules)
        (linker_input,) = inputs.to_list()
        std[crate] = struct(linker_input = linker_input, pairs = modules)
    return [platform_common.ToolchainInfo(thinlto = ThinLtoToolchainInfo(
        cc_toolchain = cc_toolchain,
        rust_thinlto = ctx.file.rust_thinlto,
        rust_toolchain = ctx.attr.rust_toolchain[platform_common.ToolchainInfo],
        std = std,
    ))]

_rust_thinlto_toolchain = rule(
    implementation = _impl,
    fragments = ["cpp"],
    doc = "The tools of a ThinLTO build, as files that its actions declare as inputs.",
    attrs = {
        "cc_toolchain": attr.label(
            doc = "The C++ toolchain that has these tools.",
            mandatory = True,
            providers = [cc_common.CcToolchainInfo],
        ),
        "lld": attr.label(
            doc = "lld of the compiler's LLVM. Its name has to be `ld.lld`, by which C compilers find it.",
            allow_single_file = True,
            cfg = "exec",
            mandatory = True,
        ),
        "rust_thinlto": attr.label(
            doc = "The program `rust-thinlto`, beside rustc in `bin`.",
            allow_single_file = True,
            cfg = "exec",
            mandatory = True,
        ),
        "rust_toolchain": attr.label(
            doc = "The `rust_toolchain` of rules_rust with the same compiler. That it is the one that compiles " +
                  "crates is checked.",
            mandatory = True,
            providers = [platform_common.ToolchainInfo],
        ),
        "std": attr.label_list(
            doc = "The modules of std and their summaries: all files of `lib/rustlib/<target>/thin-link`.",
            allow_files = [".o"],
            mandatory = True,
        ),
    },
)

def rust_thinlto_toolchain(name, rust_toolchain, rustc, rustc_lib, rust_thinlto, lld, std, lld_lib = [], **kwargs):
    """A toolchain for `@thinlto//:toolchain_type`.

    Args:
        name: The name of the target that the attribute `toolchain` of a `toolchain` names.
        rust_toolchain: The `rust_toolchain` of rules_rust with the same compiler.
        rustc: rustc, as the backend: `bin/rustc`.
        rustc_lib: The libraries that rustc loads, as in `rust_toolchain`.
        rust_thinlto: The program `bin/rust-thinlto`.
        lld: lld of the compiler's LLVM, in a file named `ld.lld`.
        std: The files of `lib/rustlib/<target>/thin-link`.
        lld_lib: The libraries that lld loads, if they are not to come from the system.
        **kwargs: Attributes of all rules, such as `visibility`.
    """
    config = name + "_cc_config"
    cc_toolchain_config(
        name = config,
        lld = lld,
        rust_thinlto = rust_thinlto,
        rustc = rustc,
        **kwargs
    )
    compiler_files = name + "_compiler_files"
    native.filegroup(
        name = compiler_files,
        srcs = [rustc, rustc_lib, rust_thinlto],
        **kwargs
    )
    linker_files = name + "_linker_files"
    native.filegroup(
        name = linker_files,
        srcs = [rust_thinlto, lld] + lld_lib,
        **kwargs
    )
    cc = name + "_cc"
    cc_toolchain(
        name = cc,
        all_files = compiler_files,
        ar_files = rust_thinlto,
        as_files = rust_thinlto,
        # The inputs of backends as well.
        compiler_files = compiler_files,
        dwp_files = rust_thinlto,
        linker_files = linker_files,
        objcopy_files = rust_thinlto,
        strip_files = rust_thinlto,
        toolchain_config = config,
        **kwargs
    )
    _rust_thinlto_toolchain(
        name = name,
        cc_toolchain = cc,
        lld = lld,
        rust_thinlto = rust_thinlto,
        rust_toolchain = rust_toolchain,
        std = std,
        **kwargs
    )
