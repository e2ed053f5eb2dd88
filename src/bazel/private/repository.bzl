"""The repository with the toolchains of a sysroot."""

_HEADER = """\
load("@rules_rust//rust:toolchain.bzl", "rust_stdlib_filegroup", "rust_toolchain")
load("@rules_rust//rust/platform:triple_mappings.bzl", "triple_to_constraint_set")
load("@thinlto//:defs.bzl", "rust_thinlto_toolchain")

package(default_visibility = ["//visibility:public"])
"""

_TOOLCHAINS = """
rust_stdlib_filegroup(
    name = "std_{target}",
    srcs = glob(["lib/rustlib/{target}/lib/*"]),
)

rust_toolchain(
    name = "rust_{target}_impl",
    binary_ext = "",
    default_edition = "2021",
    dylib_ext = ".so",
    exec_triple = "{host}",
    rust_doc = ":rustdoc",
    rust_std = ":std_{target}",
    rustc = ":rustc",
    rustc_lib = ":rustc_lib",
    staticlib_ext = ".a",
    stdlib_linkflags = ["-lpthread", "-ldl"],
    target_triple = "{target}",
)

rust_thinlto_toolchain(
    name = "thinlto_{target}_impl",
    lld = "lld/bin/ld.lld",
    lld_lib = glob(["lld/lib/*"], allow_empty = True),
    rust_thinlto = "bin/rust-thinlto",
    rust_toolchain = ":rust_{target}_impl",
    rustc = ":rustc",
    rustc_lib = ":rustc_lib",
    std = glob(["lib/rustlib/{target}/thin-link/*.o"]),
)

[
    toolchain(
        name = name + "_{target}",
        exec_compatible_with = triple_to_constraint_set("{host}"),
        target_compatible_with = triple_to_constraint_set("{target}"),
        toolchain = ":{{}}_{target}_impl".format(name),
        toolchain_type = toolchain_type,
    )
    for name, toolchain_type in [
        ("rust", "@rules_rust//rust:toolchain_type"),
        ("thinlto", "@thinlto//:toolchain_type"),
    ]
]
"""

_RUSTC = """
filegroup(
    name = "rustc",
    srcs = ["bin/rustc"],
)

filegroup(
    name = "rustdoc",
    srcs = ["bin/rustdoc"],
)

filegroup(
    name = "rustc_lib",
    srcs = glob(["lib/*.so*"]),
)
"""

_NO_RUSTDOC = """\
#!/bin/sh
echo >&2 "error: {} has no rustdoc; \\`./x.py build src/tools/rustdoc\\` builds it"
exit 1
"""

def _path(rctx, text):
    """A path of the file system; a relative one is in the workspace."""
    return rctx.path(text) if text.startswith("/") else rctx.workspace_root.get_child(text)

def _existing(rctx, path, help):
    if not path.exists:
        fail("{}: there is no {}. {}".format(rctx.name, path, help))
    return path

def _link(rctx, sysroot, path):
    rctx.symlink(sysroot.get_child(path), path)

def _targets(rctx, sysroot):
    """The targets whose std has modules."""
    folder = sysroot.get_child("lib/rustlib")
    targets = [
        child.basename
        for child in (folder.readdir() if folder.exists else [])
        if child.get_child("thin-link").exists
    ]
    if not targets:
        fail("{}: {}/lib/rustlib has no folder `<target>/thin-link` with the modules of std. ".format(rctx.name, sysroot) +
             "`sysroot` has to be a compiler that `./x.py build` built, such as `build/host/stage1`")
    return sorted(targets)

def _lld(rctx, sysroot, host):
    if not rctx.attr.lld:
        tools = sysroot.get_child("lib/rustlib/{}/bin".format(host))
        lld = tools.get_child("ld.lld")
        return _existing(rctx, lld, "`lld` names the `ld.lld` of the compiler's LLVM, such as `/usr/bin/ld.lld-22`")
    return _existing(rctx, _path(rctx, rctx.attr.lld), "`lld` has to be the `ld.lld` of the compiler's LLVM")

def _word_after(rctx, command, words):
    """The word after `words` in what a command prints, or None if it does not run on this machine."""
    result = rctx.execute(command)
    _, found, rest = result.stdout.partition(words)
    return rest.split(" ")[0].split("\n")[0] if result.return_code == 0 and found else None

def _check_lld(rctx, rustc, lld):
    """An older LLVM cannot read rustc's bitcode, and rustc cannot read the indexes of a newer one."""
    llvm = _word_after(rctx, [rustc, "-vV"], "LLVM version: ")
    version = _word_after(rctx, [lld, "--version"], "LLD ")
    if llvm and version and llvm.split(".")[0] != version.split(".")[0]:
        fail("{}: {} is LLD {}, but rustc has LLVM {}. `lld` has to be of the same LLVM".format(rctx.name, lld, version, llvm))

def _impl(rctx):
    if not rctx.attr.sysroot:
        rctx.file("BUILD.bazel", "# No module has the tag `thinlto.toolchain(sysroot = …)`.\n")
        return
    sysroot = _path(rctx, rctx.attr.sysroot)
    for tool in ["rustc", "rust-thinlto"]:
        path = sysroot.get_child("bin", tool)
        _existing(rctx, path, "`sysroot` has to be a compiler that `./x.py build` built, such as `build/host/stage1`")
        _link(rctx, sysroot, "bin/" + tool)
    if sysroot.get_child("bin/rustdoc").exists:
        _link(rctx, sysroot, "bin/rustdoc")
    else:
        rctx.file("bin/rustdoc", _NO_RUSTDOC.format(sysroot))
    for child in sysroot.get_child("lib").readdir():
        if ".so" in child.basename:
            rctx.symlink(child, "lib/" + child.basename)
    targets = _targets(rctx, sysroot)
    for target in targets:
        for folder in ["lib", "thin-link"]:
            _link(rctx, sysroot, "lib/rustlib/{}/{}".format(target, folder))

    host = "{}-unknown-linux-gnu".format({"amd64": "x86_64"}.get(rctx.os.arch, rctx.os.arch))
    lld = _lld(rctx, sysroot, host)
    rctx.symlink(lld, "lld/bin/ld.lld")
    _check_lld(rctx, sysroot.get_child("bin/rustc"), lld)
    for library in lld.dirname.dirname.get_child("lib").readdir() if not rctx.attr.lld else []:
        if library.basename.startswith("libLLVM"):
            rctx.symlink(library, "lld/lib/" + library.basename)

    build = [_HEADER, _RUSTC]
    for target in targets:
        build.append(_TOOLCHAINS.format(
            host = host,
            target = target,
        ))
    rctx.file("BUILD.bazel", "".join(build))

rust_thinlto_repository = repository_rule(
    implementation = _impl,
    doc = "A repository with the toolchains of a sysroot: rules_rust's, with which crates are compiled, and that of ThinLTO.",
    attrs = {
        "lld": attr.string(
            doc = "The `ld.lld` of the compiler's LLVM. By default, `lib/rustlib/<host>/bin/ld.lld` in the sysroot.",
        ),
        "sysroot": attr.string(
            doc = "The folder of a compiler that `./x.py build` built. A relative path is in the workspace.",
        ),
    },
    local = True,
)
