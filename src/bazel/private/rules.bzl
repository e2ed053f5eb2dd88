"""The rules that users write."""

load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load(":aspect.bzl", "thinlto_aspect")
load(":outputs.bzl", "outputs_aspect")
load(":providers.bzl", "ThinLtoIndexesInfo", "ThinLtoProgramInfo")

def _without(ctx, runfiles, unused):
    """The runfiles without these files, which would have to be built."""
    unused = {file.path: True for file in unused.to_list()}
    return ctx.runfiles(
        transitive_files = depset([file for file in runfiles.files.to_list() if file.path not in unused]),
        symlinks = {entry.path: entry.target_file for entry in runfiles.symlinks.to_list()},
        root_symlinks = {entry.path: entry.target_file for entry in runfiles.root_symlinks.to_list()},
    )

_RULES = {
    "bin": "`rust_binary` or `rust_test`",
    "cdylib": "`rust_shared_library`",
    "staticlib": "`rust_static_library`",
}

def _info(ctx, type):
    """The output of the aspect for `binary`."""
    target = ctx.attr.binary
    if ThinLtoProgramInfo not in target or target[ThinLtoProgramInfo].type != type:
        fail("{}: `binary` has to be a {}, but {} is none".format(ctx.label, _RULES[type], target.label))
    return target[ThinLtoProgramInfo]

def _program(ctx, program, name):
    """The linked file under a name in the rule's package, and its runfiles."""
    target = ctx.attr.binary
    output = ctx.actions.declare_file(name)
    ctx.actions.symlink(output = output, target_file = program.file, is_executable = True)
    info = target[DefaultInfo]
    runfiles = ctx.runfiles(files = [output, program.file] + ctx.files.data).merge_all(
        [_without(ctx, info.default_runfiles, program.unused)] +
        [data[DefaultInfo].default_runfiles for data in ctx.attr.data],
    )
    return output, runfiles

def _executable(ctx):
    output, runfiles = _program(ctx, _info(ctx, "bin"), ctx.label.name)
    environment = {}
    inherited = []
    if RunEnvironmentInfo in ctx.attr.binary:
        info = ctx.attr.binary[RunEnvironmentInfo]
        environment.update(info.environment)
        inherited = info.inherited_environment
    for name, value in ctx.attr.env.items():
        environment[name] = ctx.expand_location(value, ctx.attr.data)
    return [
        DefaultInfo(executable = output, files = depset([output]), runfiles = runfiles),
        RunEnvironmentInfo(environment = environment, inherited_environment = inherited),
        _output_groups(ctx),
    ]

def _shared_library(ctx):
    program = _info(ctx, "cdylib")
    output, runfiles = _program(ctx, program, "{}/{}".format(ctx.label.name, program.name))
    return [
        DefaultInfo(files = depset([output]), runfiles = runfiles),
        _output_groups(ctx),
    ]

def _static_library(ctx):
    program = _info(ctx, "staticlib")
    return [
        CcInfo(linking_context = program.linking_context),
        DefaultInfo(files = program.modules),
        OutputGroupInfo(summaries = program.summaries),
    ]

def _output_groups(ctx):
    program = ctx.attr.binary[ThinLtoProgramInfo]
    indexes = ctx.attr.binary[ThinLtoIndexesInfo]
    files = depset(transitive = [indexes.imports, indexes.indexes, program.modules, program.summaries])
    return OutputGroupInfo(
        imports = indexes.imports,
        indexes = indexes.indexes,
        report = depset([_report(ctx, files)]),
        summaries = program.summaries,
    )

def _report(ctx, files):
    """Counts modules, imported functions and bytes."""
    report = ctx.actions.declare_file(ctx.label.name + ".report.json")
    arguments = ctx.actions.args()
    arguments.use_param_file("@%s")
    arguments.add("report")
    arguments.add(report, format = "--output=%s")
    arguments.add_all(files)
    ctx.actions.run(
        arguments = [arguments],
        executable = ctx.toolchains["//:toolchain_type"].thinlto.rust_thinlto,
        inputs = files,
        mnemonic = "RustThinLtoReport",
        outputs = [report],
        progress_message = "Counting imports of %{label}",
        toolchain = "//:toolchain_type",
    )
    return report

_ATTRS = {
    "binary": attr.label(
        doc = "The target of rules_rust. Its own output is not built.",
        aspects = [outputs_aspect],
        mandatory = True,
    ),
    "data": attr.label_list(
        doc = "Files for the program, in addition to those of `binary`.",
        allow_files = True,
    ),
}

_EXECUTABLE_ATTRS = _ATTRS | {
    "env": attr.string_dict(
        doc = "Environment variables of `bazel run` and `bazel test`, in addition to those of `binary`. " +
              "`$(location …)` of a target in `data` is expanded.",
    ),
}

rust_thinlto_binary = rule(
    implementation = _executable,
    doc = "Links a `rust_binary` by distributed ThinLTO.",
    attrs = _EXECUTABLE_ATTRS,
    executable = True,
    toolchains = ["//:toolchain_type"],
)

rust_thinlto_test = rule(
    implementation = _executable,
    doc = "Links a `rust_test` by distributed ThinLTO, and runs it.",
    attrs = _EXECUTABLE_ATTRS,
    test = True,
    toolchains = ["//:toolchain_type"],
)

rust_thinlto_shared_library = rule(
    implementation = _shared_library,
    doc = "Links a `rust_shared_library` by distributed ThinLTO. The output keeps its file name, by which programs " +
          "look for it (`DT_SONAME`), in a folder with the name of the rule.",
    attrs = _ATTRS,
    toolchains = ["//:toolchain_type"],
)

rust_thinlto_static_library = rule(
    implementation = _static_library,
    doc = "Makes a `rust_static_library` a dependency of C++ rules, as modules: with Bazel's feature `thin_lto`, these " +
          "take part in the thin link of a `cc_binary`.",
    attrs = {
        "binary": attr.label(
            doc = "The target of rules_rust. Its own output is not built.",
            aspects = [thinlto_aspect],
            mandatory = True,
        ),
    },
    provides = [CcInfo],
)
