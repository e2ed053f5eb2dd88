"""A stand-in for the prelude's `cxx_library`."""

load("@prelude//cxx:cxx_toolchain_types.bzl", "CxxToolchainInfo")
load("@prelude//linking:link_info.bzl", "MergedLinkInfo")

def _impl(ctx):
    compiler = ctx.attrs._cxx_toolchain[CxxToolchainInfo].compiler
    objects = []
    for source in ctx.attrs.srcs:
        object = ctx.actions.declare_output(source.short_path + ".o")
        ctx.actions.run(cmd_args(compiler, "-O2", "-fPIC", "-c", source, "-o", object.as_output()), category = "cxx_compile", identifier = source.short_path)
        objects.append(object)
    archive = ctx.actions.declare_output("lib{}.a".format(ctx.label.name))
    ctx.actions.run(cmd_args("ar", "rcsD", archive.as_output(), objects), category = "archive")
    return [DefaultInfo(default_output = archive), MergedLinkInfo(archive = archive)]

cxx_library = rule(
    impl = _impl,
    attrs = {
        "srcs": attrs.list(attrs.source()),
        "_cxx_toolchain": attrs.toolchain_dep(default = "toolchains//:cxx"),
    },
)
