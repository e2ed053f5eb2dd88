"""A stand-in for the prelude's toolchain of installed programs."""

load("@prelude//cxx:cxx_toolchain_types.bzl", "CxxToolchainInfo", "LinkerInfo")

def _impl(ctx):
    linker = LinkerInfo(linker = RunInfo(args = ctx.attrs.linker), linker_flags = ["-fuse-ld=lld"] + ctx.attrs.link_flags)
    return [DefaultInfo(), CxxToolchainInfo(compiler = RunInfo(args = ctx.attrs.compiler), linker_info = linker)]

system_cxx_toolchain = rule(
    impl = _impl,
    attrs = {
        "compiler": attrs.string(),
        "compiler_type": attrs.string(),
        "cxx_compiler": attrs.string(),
        "link_flags": attrs.list(attrs.arg(), default = []),
        "linker": attrs.string(),
    },
    is_toolchain_rule = True,
)
