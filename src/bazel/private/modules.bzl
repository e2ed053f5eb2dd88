"""Hands modules to Bazel's LTO actions."""

load("@rules_cc//cc/common:cc_common.bzl", "cc_common")

def configure(ctx, cc_toolchain, features = []):
    """The features of an action with the C++ toolchain of ThinLTO.

    Args:
        ctx: The context of a rule or an aspect.
        cc_toolchain: The CcToolchainInfo of a ThinLTO toolchain.
        features: Further features to enable.

    Returns:
        The feature configuration.
    """
    return cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = cc_toolchain,
        requested_features = features,
    )

def place_modules(ctx, cc_toolchain, name, modules):
    """Makes modules outputs of a C++ compile.

    Args:
        ctx: The context of a rule or an aspect.
        cc_toolchain: The CcToolchainInfo of a ThinLTO toolchain.
        name: The name of the folder for the modules, unique in the package.
        modules: Structs with the Files `module` and `summary`.

    Returns:
        CcCompilationOutputs with the modules.
    """
    outputs = []
    for pair in modules:
        source = ctx.actions.declare_file("{}/{}.c".format(name, pair.module.basename.removesuffix(".o")))
        ctx.actions.symlink(output = source, target_file = pair.module)
        _, output = cc_common.compile(
            actions = ctx.actions,
            name = name,
            feature_configuration = configure(ctx, cc_toolchain),
            cc_toolchain = cc_toolchain,
            srcs = [source],
            additional_inputs = [pair.summary],
            # Not among the compile's flags, as backends would get them.
            variables_extension = {"summary": pair.summary.path},
            # rustc decides about PIC. Bazel would add `-fPIC` to the backends.
            disallow_pic_outputs = True,
        )
        outputs.append(output)
    return cc_common.merge_compilation_outputs(compilation_outputs = outputs)

def library(ctx, cc_toolchain, name, modules):
    """Makes modules a library: the linker selects those that are needed.

    Args:
        ctx: The context of a rule or an aspect.
        cc_toolchain: The CcToolchainInfo of a ThinLTO toolchain.
        name: The name of the folder for the modules, unique in the package.
        modules: Structs with the Files `module` and `summary`.

    Returns:
        depset[LinkerInput]: the library.
    """
    context, _ = cc_common.create_linking_context_from_compilation_outputs(
        actions = ctx.actions,
        name = name,
        feature_configuration = configure(ctx, cc_toolchain),
        cc_toolchain = cc_toolchain,
        compilation_outputs = place_modules(ctx, cc_toolchain, name, modules),
        disallow_dynamic_library = True,
    )
    return context.linker_inputs
