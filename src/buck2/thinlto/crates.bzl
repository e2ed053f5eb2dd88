"""The crates that a program depends on, as the prelude's rules provide them."""

load("@prelude//cxx:cxx_toolchain_types.bzl", "CxxToolchainInfo")
load(
    "@prelude//linking:link_info.bzl",
    "LinkStrategy",
    "MergedLinkInfo",
    "get_link_args_for_strategy",
    "unpack_link_args",
)
load("@prelude//rust:build_params.bzl", "MetadataKind")
load("@prelude//rust:link_info.bzl", "RustLinkInfo", "RustProcMacroMarker", "RustProcMacroPlugin")

# The code of a program with shared Rust libraries could not be optimized across them.
_STRATEGY = LinkStrategy("static_pic")
_LINK = MetadataKind("link")

Crates = record(
    # `--extern` of each direct dependency
    externs = field(typing.Any),
    # the libraries, each of which takes part in the thin link
    rlibs = field(list),
    # proc macros, which only the compiler loads
    proc_macros = field(list),
    # the linker's arguments for native libraries
    native = field(typing.Any),
)

def crates_of(ctx):
    """Collects the dependencies of the target, direct and transitive.

    Args:
        ctx: the context of a rule with `deps`, `named_deps` and `flagged_deps`

    Returns:
        `Crates`
    """
    externs = cmd_args()
    rlibs = {}
    proc_macros = {}
    merged = {}
    available = {dep.label.raw_target(): dep for dep in ctx.plugins[RustProcMacroPlugin]}

    direct = [(None, dep, []) for dep in ctx.attrs.deps]
    direct += [(name, dep, []) for name, dep in ctx.attrs.named_deps.items()]
    direct += [(None, dep, flags) for dep, flags in ctx.attrs.flagged_deps]
    for name, dep, flags in direct:
        marker = dep.get(RustProcMacroMarker)
        info = available[marker.label][RustLinkInfo] if marker else dep.get(RustLinkInfo)
        if info == None:
            native = dep.get(MergedLinkInfo)
            if native == None:
                fail("{} depends on {}, which is neither a Rust library nor a native one.".format(ctx.label, dep.label))
            merged[dep.label.configured_target()] = native
            continue
        if info.crate.dynamic:
            fail("{} depends on {}, which has `crate_dynamic`. Give it a `crate` to link it by distributed ThinLTO.".format(ctx.label, dep.label))
        strategy = info.strategies[_STRATEGY]
        library = strategy.outputs[_LINK]
        crate = name.replace("-", "_") if name else info.crate.simple
        options = ",".join(flags) + ":" if flags else ""
        externs.add(cmd_args("--extern=", options, crate, "=", library, delimiter = ""))

        found = [library]
        for artifact in strategy.transitive_deps[_LINK].traverse():
            if artifact.crate.dynamic:
                fail("{} depends on the crate {}, which has `crate_dynamic`.".format(ctx.label, artifact.crate.simple))
            found.append(artifact.artifact)
        for transitive in strategy.transitive_proc_macro_deps:
            plugin = available[transitive.label][RustLinkInfo].strategies[_STRATEGY].outputs[_LINK]
            proc_macros[plugin] = None
        if marker:
            proc_macros[library] = None
            continue
        for artifact in found:
            rlibs[artifact] = None
        for node in info.native_link_deps.traverse():
            for label, native in node:
                merged[label] = native

    linker_info = ctx.attrs._cxx_toolchain[CxxToolchainInfo].linker_info
    native = get_link_args_for_strategy(ctx.actions, ctx.label, linker_info, merged.values(), _STRATEGY, False, None)
    return Crates(
        externs = externs,
        native = unpack_link_args(native) if merged else cmd_args(),
        proc_macros = proc_macros.keys(),
        rlibs = rlibs.keys(),
    )
