"""Compiles a crate for ThinLTO, as rules_rust compiles it."""

load(":command_line.bzl", "parse", "rewrite")

def _action(target):
    """The `Rustc` action of a target of rules_rust."""
    for action in target.actions:
        if action.mnemonic == "Rustc":
            return action
    fail("{} has no action `Rustc`: `experimental_use_cc_common_link` is not supported".format(target.label))

def _file(files, path):
    for file in files:
        if file.path == path:
            return file
    fail("no input is {}".format(path))

def _pair(ctx, folder, stem):
    return struct(
        module = ctx.actions.declare_file("{}/{}.o".format(folder, stem)),
        summary = ctx.actions.declare_file("{}/{}.indexing.o".format(folder, stem)),
    )

def _pairs(ctx, folder, stem, units, shim):
    """The pairs of `-Zthin-link-fixed-names`."""
    stems = [stem] if units == 1 else ["{}.{}.rcgu".format(stem, unit) for unit in range(units)]
    if shim:
        stems.append(stem + ".allocator.rcgu")
    return [_pair(ctx, folder, stem) for stem in stems]

def compile_crate(ctx, target, crate, dep_info, toolchain, upstream, native_libraries):
    """Runs the `Rustc` action of a crate again, with modules and summaries as outputs.

    Args:
        ctx: The context of an aspect.
        target: The target of rules_rust.
        crate: Its CrateInfo.
        dep_info: Its DepInfo.
        toolchain: The ThinLtoToolchainInfo.
        upstream: A dict of the path of each output of rules_rust to the struct that this function returned for it.
        native_libraries: Static libraries (Files) that take part in LTO, and are not to be linked as they are.

    Returns:
        A struct with
        - `replaces`: the paths of the rlib and its metadata that rules_rust makes
        - `rlib`: the rlib, or None for a program
        - `pairs`: structs with `module` and `summary`
        - `link_inputs`: the file of link inputs and the folder that belongs to it, for a program
        - `link_files`: what else the link may read, for a program
        - `codegen`: a dict of the values of rustc's `-C` options
        - `test`: whether the crate is a test
    """
    action = _action(target)
    command_line = parse(action.argv)
    rustc = toolchain.rust_toolchain.rustc.path
    if command_line.rustc != rustc:
        fail(("{} is compiled by {}, but the ThinLTO toolchain belongs to {}. Both have to be toolchains of one " +
              "compiler: call `register_toolchains(\"@thinlto_toolchains//:all\")` before other Rust toolchains").format(
            target.label,
            command_line.rustc,
            rustc,
        ))
    is_library = crate.type in ["lib", "rlib"]
    is_linked = crate.type in ["bin", "cdylib"]
    crates = [
        upstream[output.path]
        for output in dep_info.transitive_crate_outputs.to_list()
        if output.path in upstream
    ]
    replaced = {path: other.rlib for other in crates for path in other.replaces}
    flags = rewrite(
        command_line,
        toolchain.rust_thinlto.path,
        replaced,
        [file.basename.removeprefix("lib").removesuffix(".a") for file in native_libraries],
        [file.path for file in native_libraries],
    )

    folder = target.label.name + ".thinlto.crate"
    stem = crate.name + command_line.codegen.get("extra-filename", "")
    units = int(command_line.codegen.get("codegen-units", "1"))
    pairs = _pairs(ctx, folder, stem, units, not is_library)
    outputs = [file for pair in pairs for file in [pair.module, pair.summary]]
    rlib = None
    link_inputs = []
    emit = "obj,thin-link-bitcode"
    if is_linked:
        emit += ",link-inputs"
        link_inputs = [
            ctx.actions.declare_file("{}/{}.link-inputs.json".format(folder, stem)),
            ctx.actions.declare_directory("{}/{}.link-inputs".format(folder, stem)),
        ]
        outputs += link_inputs
    if is_library:
        emit += ",link"
        rlib = ctx.actions.declare_file("{}/lib{}.rlib".format(folder, stem))
        outputs.append(rlib)

    native_paths = {file.path: True for file in native_libraries}
    files = [file for file in action.inputs.to_list() if file.path not in replaced and file.path not in native_paths]
    inputs = files + [other.rlib for other in crates]
    if is_linked:
        # With its modules at hand, an rlib is not an input of the link.
        inputs += [file for other in crates for pair in other.pairs for file in [pair.module, pair.summary]]

    arguments = ctx.actions.args()
    arguments.add_all(flags.wrappers)
    arguments.add(command_line.rustc)
    rustc_arguments = ctx.actions.args()
    rustc_arguments.set_param_file_format("multiline")
    rustc_arguments.use_param_file("@%s", use_always = False)
    rustc_arguments.add_all(flags.flags)
    rustc_arguments.add_all([
        "-Zunstable-options",
        "-Zthin-link-fixed-names",
        "-Clinker-plugin-lto",
        "-Ccodegen-units={}".format(units),
        "--emit=" + emit,
        "--out-dir=" + outputs[0].dirname,
    ])
    rustc_arguments.add_all(
        [other.rlib.dirname for other in crates],
        format_each = "-Ldependency=%s",
        uniquify = True,
    )
    ctx.actions.run(
        executable = _file(files, command_line.wrapper),
        inputs = inputs,
        outputs = outputs,
        tools = [toolchain.rust_thinlto],
        env = action.env,
        arguments = [arguments, rustc_arguments],
        mnemonic = "RustThinLtoCompile",
        progress_message = "Compiling Rust {} %{{label}} for ThinLTO".format(crate.type),
        toolchain = "//:toolchain_type",
    )
    return struct(
        codegen = command_line.codegen,
        link_files = _link_files(files, crate, toolchain.rust_toolchain, command_line) if is_linked else [],
        link_inputs = link_inputs,
        pairs = tuple(pairs),
        replaces = tuple([crate.output.path] + ([crate.metadata.path] if crate.metadata else [])),
        rlib = rlib,
        test = "--test" in command_line.flags,
    )

def _link_files(files, crate, rust_toolchain, command_line):
    """What a link may read, of the inputs of the compile: all but sources and the compiler, so that an edit changes none of it."""
    unread = {file.path: True for file in crate.srcs.to_list() + rust_toolchain.all_files.to_list()}
    unread[command_line.wrapper] = True
    return [file for file in files if file.path not in unread] + rust_toolchain.rust_std.to_list()
