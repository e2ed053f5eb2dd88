"""The module extension that makes toolchains."""

load("//private:repository.bzl", "rust_thinlto_repository")

_toolchain = tag_class(
    doc = "A compiler to make toolchains of. The root module's tag decides.",
    attrs = {
        "lld": attr.string(
            doc = "The `ld.lld` of the compiler's LLVM. By default, `lib/rustlib/<host>/bin/ld.lld` in the sysroot.",
        ),
        "sysroot": attr.string(
            doc = "The folder of a compiler that `./x.py build` built. A relative path is in the workspace.",
            mandatory = True,
        ),
    },
)

def _impl(module_ctx):
    tags = [tag for module in module_ctx.modules if module.is_root for tag in module.tags.toolchain]
    if len(tags) > 1:
        fail("there are {} tags `thinlto.toolchain`, but a build has one compiler".format(len(tags)))
    rust_thinlto_repository(
        name = "thinlto_toolchains",
        lld = tags[0].lld if tags else "",
        sysroot = tags[0].sysroot if tags else "",
    )

thinlto = module_extension(
    implementation = _impl,
    doc = "Makes the repository `thinlto_toolchains`, with the toolchains of a sysroot.",
    tag_classes = {"toolchain": _toolchain},
)
