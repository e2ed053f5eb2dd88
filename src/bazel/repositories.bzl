"""Toolchains for a WORKSPACE."""

load("//private:repository.bzl", "rust_thinlto_repository")

def rust_thinlto_register_toolchains(name = "thinlto_toolchains", *, sysroot, lld = ""):
    """Makes and registers the toolchains of a sysroot.

    Args:
        name: The name of the repository with the toolchains.
        sysroot: The folder of a compiler that `./x.py build` built. A relative path is in the workspace.
        lld: The `ld.lld` of the compiler's LLVM. By default, `lib/rustlib/<host>/bin/ld.lld` in the sysroot.
    """
    rust_thinlto_repository(
        name = name,
        lld = lld,
        sysroot = sysroot,
    )
    native.register_toolchains("@{}//:all".format(name))
