"""The command line of a `Rustc` action, rewritten for ThinLTO."""

_CODEGEN = ["--codegen=", "-C"]

def _codegen_options(flags):
    """The values of all `-C` options, the last of each name."""
    options = {}
    previous = None
    for flag in flags:
        text = None
        if previous in ["-C", "--codegen"]:
            text = flag
        else:
            for prefix in _CODEGEN:
                if flag.startswith(prefix) and flag != prefix:
                    text = flag[len(prefix):]
        if text:
            name, _, value = text.partition("=")
            options[name.replace("_", "-")] = value
        previous = flag
    return options

def _without_native_libraries(flags, names, paths):
    """Removes the static libraries that take part as modules."""
    unwanted = {}
    for name in names:
        unwanted["-lstatic=" + name] = True
        unwanted["-Clink-arg=-l" + name] = True
    kept = []
    skipped = 0
    for index, flag in enumerate(flags):
        if skipped:
            skipped -= 1
        elif flag in unwanted:
            pass
        elif flags[index:index + 2] == ["-C", "link-arg=-Wl,--whole-archive"] and flags[index + 3].removeprefix("link-arg=") in paths:
            # `-C whole-archive -C PATH -C no-whole-archive`
            skipped = 5
        else:
            kept.append(flag)
    return kept

def _wrappers(command_line, rust_thinlto):
    """The process wrapper's flags, and `rust-thinlto` if there are flags of build scripts.

    The process wrapper replaces `${pwd}` by an absolute path. Variables need that, as `include!` takes a relative
    path as one from the file's folder. Flags of build scripts must not have it: the paths among them get into the
    link inputs. So `rust-thinlto` reads these.
    """
    outer = []
    inner = []
    flags = command_line.wrapper_flags
    for name, value in zip(flags[::2], flags[1::2]):
        if name == "--arg-file":
            inner += [name, value]
        elif name != "--output-file":
            outer += [name, value]
    if inner:
        inner = [rust_thinlto, "run-rustc"] + inner
    return outer + ["--"] + inner

def parse(argv):
    """Takes the command line of a `Rustc` action apart.

    Args:
        argv: The command line: the process wrapper with its flags, `--`, rustc with its flags.

    Returns:
        A struct with `wrapper` (a path), `wrapper_flags`, `rustc` (a path), `flags`, and `codegen`, a dict of the
        values of `-C` options.
    """
    end = argv.index("--")
    flags = argv[end + 2:]
    return struct(
        codegen = _codegen_options(flags),
        flags = flags,
        rustc = argv[end + 1],
        wrapper = argv[0],
        wrapper_flags = argv[1:end],
    )

def rewrite(command_line, rust_thinlto, replaced, native_names, native_paths):
    """The flags that stay: all but the outputs, with other rlibs.

    Args:
        command_line: What `parse` returned.
        rust_thinlto: The path of `rust-thinlto`.
        replaced: A dict of the path of an rlib or its metadata to the rlib that takes its place.
        native_names: Static libraries that are not linked, by the name for `-l`.
        native_paths: The paths of these libraries.

    Returns:
        A struct with `wrappers`, the arguments before rustc, and `flags`, those of rustc.
    """
    folders = {path.rpartition("/")[0]: True for path in replaced}
    flags = []
    for flag in command_line.flags:
        if flag.startswith(("--emit=", "--out-dir=")):
            continue
        if flag.startswith("-Ldependency=") and flag.removeprefix("-Ldependency=") in folders:
            continue
        if flag.startswith("--extern="):
            name, _, path = flag.rpartition("=")
            if path in replaced:
                flag = "{}={}".format(name, replaced[path].path)
        if not flag.startswith("--remap-path-prefix="):
            # The link inputs keep paths, so they have to be relative.
            flag = flag.replace("${pwd}/", "")
        flags.append(flag)
    return struct(
        flags = _without_native_libraries(flags, native_names, native_paths),
        wrappers = _wrappers(command_line, rust_thinlto),
    )
