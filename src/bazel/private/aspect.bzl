"""The aspect that builds crates and programs for ThinLTO, beside rules_rust."""

load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_rust//rust:rust_common.bzl", "CrateInfo", "DepInfo", "TestCrateInfo")
load(":compile.bzl", "compile_crate")
load(":modules.bzl", "configure", "library", "place_modules")
load(":providers.bzl", "ThinLtoCratesInfo", "ThinLtoProgramInfo")

_DEPENDENCIES = ["actual", "crate", "deps"]

_LIBRARIES = ["lib", "rlib"]
_PROGRAMS = ["bin", "cdylib", "staticlib"]

# Crates of std that only a test harness, procedural macros, or nobody links.
_TEST_CRATES = ["getopts", "test", "unicode_width"]
_UNLINKED_CRATES = ["proc_macro", "sysroot"]

def _upstream(ctx):
    """The crates that the dependencies of a target were compiled to."""
    found = []
    for name in _DEPENDENCIES:
        value = getattr(ctx.rule.attr, name, None) or []
        for dependency in value if type(value) == "list" else [value]:
            if type(dependency) == "Target" and ThinLtoCratesInfo in dependency:
                found.append(dependency[ThinLtoCratesInfo].crates)
    return depset(transitive = found)

def _crate(target):
    if CrateInfo in target:
        return target[CrateInfo]
    if TestCrateInfo in target:
        return target[TestCrateInfo].crate
    return None

def _lto_libraries(dep_info):
    """The C++ libraries that were compiled for ThinLTO."""
    return [
        library
        for linker_input in dep_info.transitive_noncrates.to_list()
        for library in linker_input.libraries
        if library.pic_lto_bitcode_files or library.lto_bitcode_files
    ]

def _std(toolchain, crate):
    """The modules of std that a program links."""
    panic = "panic_abort" if crate.codegen.get("panic") == "abort" else "panic_unwind"
    unwanted = [name for name in ["panic_abort", "panic_unwind"] if name != panic] + _UNLINKED_CRATES
    if not crate.test:
        unwanted = unwanted + _TEST_CRATES
    return [std for name, std in toolchain.std.items() if name not in unwanted]

def _run_paths(ctx, dep_info):
    """Where a shared library in a folder of the package finds the libraries it needs.

    The paths from rules_rust are those from the package itself.
    """
    up = "/".join([".." for part in ctx.label.package.split("/") if part] + [".."])
    root = ctx.bin_dir.path + "/"
    folders = {}
    for linker_input in dep_info.transitive_noncrates.to_list():
        for library in linker_input.libraries:
            if library.dynamic_library and not (library.static_library or library.pic_static_library):
                folders[library.dynamic_library.dirname.removeprefix(root)] = True
    return ["-Wl,-rpath,$ORIGIN/{}/{}".format(up, folder) for folder in folders]

def _link(ctx, target, crate_info, crate, toolchain, linker_inputs):
    """Links a program by Bazel's LTO actions."""
    cc_toolchain = toolchain.cc_toolchain
    features = configure(ctx, cc_toolchain, ["opt-level-" + crate.codegen.get("opt-level", "0")])

    # Beside the output of rules_rust, as paths in it may be relative to its folder.
    package = "/".join([part for part in [ctx.bin_dir.path, ctx.label.workspace_root, ctx.label.package] if part])
    name = crate_info.output.path.removeprefix(package + "/")
    is_library = crate_info.type == "cdylib"
    if is_library:
        # Bazel adds `lib` and `.so`.
        folder, slash, file = name.rpartition("/")
        name = folder + slash + file.removeprefix("lib").removesuffix(".so")
    link_inputs = crate.link_inputs[0]
    outputs = cc_common.link(
        actions = ctx.actions,
        additional_inputs = crate.link_inputs + crate.link_files,
        cc_toolchain = cc_toolchain,
        compilation_outputs = place_modules(ctx, cc_toolchain, target.label.name + ".thinlto.modules", crate.pairs),
        feature_configuration = features,
        linking_contexts = [cc_common.create_linking_context(linker_inputs = depset(linker_inputs))],
        name = name + ".thinlto",
        output_type = "dynamic_library" if is_library else "executable",
        user_link_flags = ["--link-inputs=" + link_inputs.path] +
                          ["--without-crate=" + name for name in toolchain.std] +
                          (_run_paths(ctx, target[DepInfo]) if is_library else []),
    )
    if is_library:
        library = outputs.library_to_link
        return library.resolved_symlink_dynamic_library or library.dynamic_library
    return outputs.executable

def _compiler_builtins(ctx, toolchain):
    """The crate of std that has no modules, as a static library."""
    for file in toolchain.rust_toolchain.rust_std.to_list():
        if file.basename.startswith("libcompiler_builtins-") and file.extension == "rlib":
            # A library of C++ has to have this extension.
            archive = ctx.actions.declare_file(ctx.label.name + ".thinlto.crate/libcompiler_builtins.a")
            ctx.actions.symlink(output = archive, target_file = file)
            return cc_common.create_library_to_link(
                actions = ctx.actions,
                cc_toolchain = toolchain.cc_toolchain,
                feature_configuration = configure(ctx, toolchain.cc_toolchain),
                static_library = archive,
            )
    fail("{}: std has no compiler_builtins".format(ctx.label))

def _library(ctx, crate, toolchain):
    return library(ctx, toolchain.cc_toolchain, ctx.label.name + ".thinlto.modules", crate.pairs)

def _linking_context(ctx, target, crate, toolchain, linker_inputs):
    """All of a static library for a program in C++."""
    builtins = cc_common.create_linker_input(
        owner = ctx.label,
        libraries = depset([_compiler_builtins(ctx, toolchain)]),
    )
    return cc_common.create_linking_context(linker_inputs = depset(
        _library(ctx, crate, toolchain).to_list() + linker_inputs + [builtins],
        transitive = [
            target[DepInfo].transitive_noncrates,
            toolchain.rust_toolchain.stdlib_linkflags.linking_context.linker_inputs,
        ],
        order = "topological",
    ))

def _program(ctx, target, crate_info, toolchain, by_path):
    """A program or a library for other languages, with all of its crates."""
    dep_info = target[DepInfo]
    libraries = _lto_libraries(dep_info)
    archives = [
        archive
        for library in libraries
        for archive in [library.static_library, library.pic_static_library]
        if archive
    ]
    crate = compile_crate(ctx, target, crate_info, dep_info, toolchain, by_path, archives)
    crates = [
        by_path[output.path]
        for output in dep_info.transitive_crate_outputs.to_list()
        if output.path in by_path
    ]
    std = _std(toolchain, crate)
    linker_inputs = [linker_input for other in crates for linker_input in other.linker_inputs.to_list()]
    linker_inputs += [crate_of_std.linker_input for crate_of_std in std]
    pairs = [pair for other in [crate] + crates + std for pair in other.pairs]
    info = dict(
        modules = depset([pair.module for pair in pairs]),
        name = crate_info.output.basename,
        unused = depset([crate_info.output] + [
            file
            for library in libraries
            for file in [library.dynamic_library, library.resolved_symlink_dynamic_library]
            if file
        ]),
        summaries = depset([pair.summary for pair in pairs]),
        type = crate_info.type,
    )
    if crate_info.type == "staticlib":
        context = _linking_context(ctx, target, crate, toolchain, linker_inputs)
        return ThinLtoProgramInfo(file = None, linking_context = context, **info)
    linker_inputs.append(cc_common.create_linker_input(owner = ctx.label, libraries = depset(libraries)))
    file = _link(ctx, target, crate_info, crate, toolchain, linker_inputs)
    return ThinLtoProgramInfo(file = file, linking_context = None, **info)

def _impl(target, ctx):
    upstream = _upstream(ctx)
    crate_info = _crate(target)
    if crate_info == None or crate_info.type not in _LIBRARIES + _PROGRAMS:
        return [ThinLtoCratesInfo(crates = upstream)]
    toolchain = ctx.toolchains["//:toolchain_type"].thinlto
    by_path = {path: crate for crate in upstream.to_list() for path in crate.replaces}
    if crate_info.type in _PROGRAMS:
        return [
            ThinLtoCratesInfo(crates = depset()),
            _program(ctx, target, crate_info, toolchain, by_path),
        ]
    crate = compile_crate(ctx, target, crate_info, target[DepInfo], toolchain, by_path, [])
    linkable = struct(
        linker_inputs = _library(ctx, crate, toolchain),
        pairs = crate.pairs,
        replaces = crate.replaces,
        rlib = crate.rlib,
    )
    return [ThinLtoCratesInfo(crates = depset([linkable], transitive = [upstream]))]

thinlto_aspect = aspect(
    implementation = _impl,
    doc = """\
Builds a target of rules_rust by distributed ThinLTO.

Each crate is compiled once, by the command line of rules_rust's own action with other outputs. Procedural macros and
build scripts are rules_rust's.
""",
    attr_aspects = _DEPENDENCIES,
    fragments = ["cpp"],
    toolchains = ["//:toolchain_type"],
)
