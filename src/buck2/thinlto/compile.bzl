"""Compiles the crate of a program, up to its link."""

load("@prelude//cxx:cxx_toolchain_types.bzl", "CxxToolchainInfo")
load("@prelude//rust:rust_toolchain.bzl", "RustToolchainInfo")
load(":crates.bzl", "crates_of")
load(":toolchain.bzl", "RustThinLtoToolchainInfo")

Compiled = record(
    # the file of `--emit=link-inputs`
    link_inputs = field(Artifact),
    # the folders with modules and with files that only the link needs, by a name for each
    folders = field(dict[str, Artifact]),
    # the libraries, of which some are linked as they are
    rlibs = field(list),
    # everything else that the linker may read, and the linker itself
    linker_inputs = field(typing.Any),
)

# Sets environment variables to absolute paths: rustc resolves the paths in `include!` from the folder of the source.
_ABSOLUTE = """\
set -e
while [ "$1" != -- ]; do
    export "$1=$PWD/$2"
    shift 2
done
shift
exec "$@"
"""

def compile(ctx, crate_type, flags, default_roots):
    """Compiles the crate of the target to bitcode with summaries, and names the inputs of its link.

    Args:
        ctx: the context of a rule with the attributes of a program
        crate_type: the value of `--crate-type`
        flags: further flags of rustc
        default_roots: names of files one of which is the root of the crate

    Returns:
        `Compiled`
    """
    rust = ctx.attrs._rust_toolchain[RustToolchainInfo]
    thinlto = ctx.attrs._rust_toolchain[RustThinLtoToolchainInfo]
    edition = ctx.attrs.edition or rust.default_edition
    if not edition:
        fail("{} has no `edition`, and the toolchain has no `default_edition`.".format(ctx.label))
    if rust.advanced_unstable_linking:
        fail("{}: with `advanced_unstable_linking` in the toolchain, rustc does not know the link.".format(ctx.label))

    crates = crates_of(ctx)
    modules = {}
    for rlib in crates.rlibs:
        name = rlib.basename.removesuffix(".rlib")
        if name in modules:
            fail("{} depends on two libraries {}. Give one of them another `crate`.".format(ctx.label, rlib.basename))
        modules[name] = _modules(ctx, thinlto, name, rlib)

    crate = (ctx.attrs.crate or ctx.label.name).replace("-", "_")
    sources, root = _sources(ctx, crate, default_roots)
    own = ctx.actions.declare_output("__thinlto__/compiled", dir = True)
    link_inputs = ctx.actions.declare_output("__thinlto__/{}.link-inputs.json".format(crate))
    linker = _linker(ctx, rust)
    libraries = crates.rlibs + crates.proc_macros
    options = cmd_args(
        cmd_args(sources, "/", root, delimiter = ""),
        "--crate-name=" + crate,
        "--crate-type=" + crate_type,
        "--edition=" + edition,
        cmd_args(thinlto.sysroot, format = "--sysroot={}"),
        ["-Zunstable-options", "-Clinker-plugin-lto", "-Zlink-embedded-bitcode"],
        cmd_args("--emit=obj,thin-link-bitcode,link-inputs=", link_inputs.as_output(), delimiter = ""),
        cmd_args(own.as_output(), format = "--out-dir={}"),
        cmd_args("--remap-path-prefix=", sources, "=", ctx.label.package, delimiter = ""),
        "-Zremap-cwd-prefix=.",
        cmd_args(linker, format = "-Clinker={}"),
        cmd_args(crates.native, format = "-Clink-arg={}"),
        cmd_args(ctx.attrs.features, format = '--cfg=feature="{}"'),
        crates.externs,
        cmd_args(libraries, format = "-Ldependency={}", parent = 1),
        cmd_args(modules.values(), format = "-Ldependency={}"),
    )
    file, _ = ctx.actions.write("__thinlto__/compile.args", options, allow_args = True)
    env, paths = _environment(rust.rustc_env | ctx.attrs.env)
    ctx.actions.run(
        cmd_args(
            paths,
            thinlto.rustc,
            cmd_args(file, format = "@{}", hidden = options),
            rust.rustc_flags,
            flags,
            ctx.attrs.rustc_flags,
            rust.extra_rustc_flags,
            hidden = [thinlto.std, thinlto.std_modules.values()],
        ),
        category = "thinlto_compile",
        env = env,
    )
    return Compiled(
        folders = modules | {"": own},
        link_inputs = link_inputs,
        linker_inputs = cmd_args(hidden = [linker, crates.native, thinlto.std, ctx.attrs.rustc_flags, ctx.attrs.env.values()]),
        rlibs = crates.rlibs,
    )

def _modules(ctx, thinlto, name, rlib):
    """Splits a library into its modules with their summaries."""
    folder = ctx.actions.declare_output("__thinlto__/modules/" + name, dir = True)
    ctx.actions.run(
        cmd_args(
            thinlto.rustc,
            ["-Zunstable-options", "--emit=obj,thin-link-bitcode"],
            cmd_args(folder.as_output(), format = "--out-dir={}"),
            rlib,
        ),
        category = "thinlto_modules",
        identifier = name,
    )
    return folder

def _sources(ctx, crate, default_roots):
    """Puts the sources into one folder, and finds the root of the crate in it."""
    files = {source.short_path: source for source in ctx.attrs.srcs}
    files.update({path: source for source, path in ctx.attrs.mapped_srcs.items()})
    root = ctx.attrs.crate_root
    if not root:
        names = default_roots + [crate + ".rs"]
        roots = [path for path in files if path.split("/")[-1] in names]
        if len(roots) != 1:
            fail("{} needs `crate_root`: {} of its sources are named {}.".format(ctx.label, len(roots), " or ".join(names)))
        root = roots[0]
    elif root not in files:
        fail("{} has no source {}, its `crate_root`.".format(ctx.label, root))
    return ctx.actions.symlinked_dir("__thinlto__/sources", files), root

def _linker(ctx, rust):
    """Writes a script that runs the linker of the C++ toolchain with its flags and those of the target."""
    info = ctx.attrs._cxx_toolchain[CxxToolchainInfo].linker_info
    command = cmd_args(info.linker, info.linker_flags or [], rust.linker_flags, ctx.attrs.linker_flags)
    last = cmd_args(info.post_linker_flags or [])
    script, _ = ctx.actions.write(
        "__thinlto__/linker.sh",
        ["#!/bin/sh", cmd_args("exec", cmd_args(command, quote = "shell"), '"$@"', cmd_args(last, quote = "shell"), delimiter = " ")],
        allow_args = True,
        is_executable = True,
    )
    return cmd_args(script, hidden = [command, last])

def _environment(variables):
    """Divides environment variables into values and paths of files, which a command has to make absolute."""
    env = {}
    paths = cmd_args()
    script = None
    for name, value in variables.items():
        if len(cmd_args(value).inputs) == 0:
            env[name] = value
        else:
            paths.add(name, value)
            script = True
    if script:
        paths = cmd_args("/bin/sh", "-c", _ABSOLUTE, "sh", paths, "--")
    return env, paths
