"""A stand-in for the prelude's Rust rules: the same providers, artifacts and kinds of compiles."""

load("@prelude//linking:link_info.bzl", "LinkStrategy", "MergedLinkInfo")
load(":build_params.bzl", "MetadataKind")
load(
    ":link_info.bzl",
    "CrateName",
    "RustArtifact",
    "RustLinkInfo",
    "RustLinkStrategyInfo",
    "RustNativeLinkDeps",
    "RustProcMacroMarker",
    "RustProcMacroPlugin",
    "TransitiveDeps",
)
load(":rust_toolchain.bzl", "RustToolchainInfo")

_STRATEGY = LinkStrategy("static_pic")
_LINK = MetadataKind("link")

_ATTRS = {
    "crate": attrs.option(attrs.string(), default = None),
    "crate_dynamic": attrs.option(attrs.dep(), default = None),
    "crate_root": attrs.option(attrs.string(), default = None),
    "deps": attrs.list(attrs.dep(pulls_and_pushes_plugins = [RustProcMacroPlugin]), default = []),
    "edition": attrs.option(attrs.string(), default = None),
    "features": attrs.list(attrs.string(), default = []),
    "proc_macro": attrs.bool(default = False),
    "rustc_flags": attrs.list(attrs.arg(), default = []),
    "srcs": attrs.list(attrs.source()),
    "_cxx_toolchain": attrs.toolchain_dep(default = "toolchains//:cxx"),
    "_rust_toolchain": attrs.toolchain_dep(default = "toolchains//:rust"),
}

def _compile(ctx, crate, crate_type, output):
    """Compiles a crate, and returns the transitive libraries, proc macros and native libraries."""
    rust = ctx.attrs._rust_toolchain[RustToolchainInfo]
    plugins = {dep.label: dep for dep in ctx.plugins[RustProcMacroPlugin]}
    command = cmd_args(
        rust.compiler,
        "--crate-name=" + crate,
        "--crate-type=" + crate_type,
        "--edition=" + (ctx.attrs.edition or rust.default_edition),
        "-Crelocation-model=pic",
        "-Cmetadata={}".format(ctx.label),
        "--target=" + rust.rustc_target_triple,
        rust.rustc_flags,
        ctx.attrs.rustc_flags,
        cmd_args(ctx.attrs.features, format = '--cfg=feature="{}"'),
        "--extern=proc_macro" if crate_type == "proc-macro" else [],
        cmd_args("--emit=link=", output.as_output(), delimiter = ""),
    )
    children = []
    markers = []
    native = []
    for dep in ctx.attrs.deps:
        marker = dep.get(RustProcMacroMarker)
        info = plugins[marker.label][RustLinkInfo] if marker else dep.get(RustLinkInfo)
        if info == None:
            native.append((dep.label, dep[MergedLinkInfo]))
            continue
        strategy = info.strategies[_STRATEGY]
        library = strategy.outputs[_LINK]
        command.add(cmd_args("--extern=", info.crate.simple, "=", library, delimiter = ""))
        if marker:
            markers.append(marker)
            continue
        own = ctx.actions.tset(TransitiveDeps, value = RustArtifact(artifact = library, crate = info.crate), children = [strategy.transitive_deps[_LINK]])
        children.append(own)
        markers += list(strategy.transitive_proc_macro_deps)
        command.add(cmd_args([it.artifact for it in own.traverse()], format = "-Ldependency={}", parent = 1))
    for marker in markers:
        plugin = plugins[marker.label][RustLinkInfo].strategies[_STRATEGY].outputs[_LINK]
        command.add(cmd_args(plugin, format = "-Ldependency={}", parent = 1))
    if crate_type != "rlib":
        command.add("-Clinker=clang-22", "-Clink-arg=-fuse-ld=lld")
    root = ctx.attrs.crate_root or ("main.rs" if crate_type == "bin" else "lib.rs")
    roots = [source for source in ctx.attrs.srcs if source.short_path == root or source.basename == root]
    command.add(cmd_args(roots, hidden = ctx.attrs.srcs))
    ctx.actions.run(command, category = "rustc", identifier = crate)
    return children, markers, native

def _library_impl(ctx):
    crate = (ctx.attrs.crate or ctx.label.name.removeprefix("_")).replace("-", "_")
    if ctx.attrs.proc_macro:
        output = ctx.actions.declare_output("lib{}-{}.so".format(crate, ctx.label.name))
        children, markers, native = _compile(ctx, crate, "proc-macro", output)
        children = []
        markers = []
        native = []
    else:
        output = ctx.actions.declare_output("lib{}-{}.rlib".format(crate, ctx.label.name))
        children, markers, native = _compile(ctx, crate, "rlib", output)
    dynamic = ctx.attrs.crate_dynamic[DefaultInfo].default_output if ctx.attrs.crate_dynamic else None
    strategy = RustLinkStrategyInfo(
        outputs = {_LINK: output},
        transitive_deps = {_LINK: ctx.actions.tset(TransitiveDeps, children = children)},
        transitive_proc_macro_deps = set(markers),
    )
    links = [dep[RustLinkInfo].native_link_deps for dep in ctx.attrs.deps if dep.get(RustLinkInfo) and not dep.get(RustProcMacroMarker)]
    return [
        DefaultInfo(default_output = output),
        RustLinkInfo(
            crate = CrateName(simple = crate, dynamic = dynamic),
            native_link_deps = ctx.actions.tset(RustNativeLinkDeps, value = native, children = links),
            strategies = {_STRATEGY: strategy},
        ),
    ]

_rust_library = rule(impl = _library_impl, attrs = _ATTRS, uses_plugins = [RustProcMacroPlugin])

def _alias_impl(ctx):
    return list(ctx.attrs.actual_exec.providers) + [RustProcMacroMarker(label = ctx.attrs.actual_plugin)]

_rust_proc_macro_alias = rule(
    impl = _alias_impl,
    attrs = {
        "actual_exec": attrs.exec_dep(),
        "actual_plugin": attrs.plugin_dep(kind = RustProcMacroPlugin),
    },
)

def rust_library(name, proc_macro = False, **values):
    """A library or a proc macro, which is an alias of a target that is built for the compiler."""
    if proc_macro:
        _rust_proc_macro_alias(name = name, actual_exec = ":_" + name, actual_plugin = ":_" + name)
        name = "_" + name
    _rust_library(name = name, proc_macro = proc_macro, **values)

def _binary_impl(ctx):
    output = ctx.actions.declare_output(ctx.label.name)
    _compile(ctx, ctx.label.name.replace("-", "_"), "bin", output)
    return [DefaultInfo(default_output = output), RunInfo(args = cmd_args(output))]

rust_binary = rule(impl = _binary_impl, attrs = _ATTRS, uses_plugins = [RustProcMacroPlugin])
