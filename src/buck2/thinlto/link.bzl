"""Thin link, backends and link, each of which is an action with exactly the inputs that it reads."""

_VERSION = 1

def link(ctx, thinlto, compiled, output):
    """Links a program by distributed ThinLTO.

    Args:
        ctx: the context of the rule
        thinlto: `RustThinLtoToolchainInfo`
        compiled: `Compiled`
        output: the artifact to link

    Returns:
        sub-targets: the link inputs, the plan, and the folder with indexes and import lists
    """
    link_inputs = compiled.link_inputs
    thin = ctx.actions.declare_output("__thinlto__/thin", dir = True)
    plan = ctx.actions.declare_output("__thinlto__/plan.json")
    paths = ctx.actions.write_json(
        "__thinlto__/paths.json",
        {
            "folders": compiled.folders,
            "rlibs": compiled.rlibs,
            "std_modules": cmd_args(thinlto.std_modules.values()[0], delimiter = "", parent = 1),
        },
    )

    def run_thin_link(ctx, artifacts, outputs):
        files = _finder(thinlto, compiled, artifacts[paths].read_json())
        inputs = _read(ctx, link_inputs, artifacts)
        summaries = [files(module["thin_link_bitcode"]) for module in _modules(inputs) if module["thin_link_bitcode"]]
        ctx.actions.run(
            cmd_args(
                thinlto.rust_thinlto,
                "thin-link",
                cmd_args(link_inputs, format = "--link-inputs={}"),
                cmd_args(outputs[thin].as_output(), format = "--out-dir={}"),
                cmd_args(outputs[plan].as_output(), format = "--plan={}"),
                hidden = [compiled.linker_inputs, summaries, _native(inputs, files)],
            ),
            category = "thinlto_thin_link",
        )

    ctx.actions.dynamic_output(
        dynamic = [link_inputs, paths],
        inputs = [],
        outputs = [thin.as_output(), plan.as_output()],
        f = run_thin_link,
    )

    def run_backends_and_link(ctx, artifacts, outputs):
        files = _finder(thinlto, compiled, artifacts[paths].read_json())
        inputs = _read(ctx, link_inputs, artifacts)
        planned = _read(ctx, plan, artifacts)
        bitcode = {module["name"]: files(module["bitcode"]) for module in planned["modules"]}
        objects = {}
        for module in planned["modules"]:
            name = module["name"]
            object = ctx.actions.declare_output("__thinlto__/objects/" + name)
            ctx.actions.run(
                cmd_args(
                    thinlto.rustc,
                    ["-Zunstable-options", "--emit=obj"],
                    cmd_args(thin.project(module["index"]), format = "-Zthinlto-index={}"),
                    thinlto.backend_flags,
                    cmd_args("-o", object.as_output()),
                    bitcode[name],
                    hidden = [bitcode[imported] for imported in module["imports"]],
                ),
                category = "thinlto_backend",
                identifier = name,
            )
            objects[name] = object
        folder = ctx.actions.symlinked_dir("__thinlto__/natives", objects)
        regular = cmd_args()
        if planned["regular"]:
            regular = cmd_args(thin.project(planned["regular"]), format = "--regular={}")
        ctx.actions.run(
            cmd_args(
                thinlto.rust_thinlto,
                "link",
                cmd_args(link_inputs, format = "--link-inputs={}"),
                cmd_args(plan, format = "--plan={}"),
                cmd_args(folder, format = "--natives={}"),
                regular,
                cmd_args(outputs[output].as_output(), format = "--output={}"),
                hidden = [compiled.linker_inputs, _native(inputs, files)],
            ),
            category = "thinlto_link",
        )

    ctx.actions.dynamic_output(
        dynamic = [link_inputs, paths, plan],
        inputs = [],
        outputs = [output.as_output()],
        f = run_backends_and_link,
    )
    return {
        "link-inputs": [DefaultInfo(default_output = link_inputs)],
        "plan": [DefaultInfo(default_output = plan)],
        "thin-link": [DefaultInfo(default_output = thin)],
    }

def _read(ctx, file, artifacts):
    """Reads a JSON file of a version that these rules know."""
    value = artifacts[file].read_json()
    if value["version"] != _VERSION:
        fail("{}: {} has version {}, not {}. Use the rules and the compiler of one release.".format(ctx.label, file.short_path, value["version"], _VERSION))
    return value

def _modules(inputs):
    """All modules of the program, of which some take no part in LTO."""
    modules = inputs["modules"] + [inputs["allocator_module"]]
    for crate in inputs["links"][0]["upstream_crates"]:
        modules += crate["modules"]
    return [module for module in modules if module]

def _native(inputs, files):
    """The native objects and archives that the linker reads, except for those of std."""
    link = inputs["links"][0]
    paths = [link["symbols_object"], link["metadata_object"]]
    paths += [crate["native_archive"] for crate in link["upstream_crates"]]
    return [file for file in [files(path) for path in paths if path] if file]

def _finder(thinlto, compiled, paths):
    """A function from the path of a file to its artifact, which is `None` for other files of std than its modules."""
    rlibs = {path: rlib for path, rlib in zip(paths["rlibs"], compiled.rlibs)}
    folders = {path: compiled.folders[name] for name, path in paths["folders"].items()}
    own = paths["folders"][""] + "/"

    def find(path):
        folder, _, name = path.rpartition("/")
        if path in rlibs:
            return rlibs[path]
        if path.startswith(own):
            # Files that only the link needs are in a folder, which has more of them than the link inputs name.
            return compiled.folders[""].project(path.removeprefix(own).split("/")[0])
        if folder in folders:
            return folders[folder].project(name)
        if folder == paths["std_modules"]:
            return thinlto.std_modules[name]
        return None

    return find
