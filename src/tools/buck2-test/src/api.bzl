"""Stand-ins for those functions of Buck2 that the rules use. Names that start with `_` are in natives.rs."""

def provider_field(type, default = None):
    return field(type, default) if default != None else field(type)

def provider(fields, doc = ""):
    if type(fields) == "list":
        fields = {name: typing.Any for name in fields}
    return record(**fields)

def _optional(type, default = None):
    return field(type, default)

DefaultInfo = record(
    default_output = _optional(typing.Any),
    other_outputs = _optional(list, []),
    sub_targets = _optional(dict, {}),
)
RunInfo = record(args = typing.Any)
ExternalRunnerTestInfo = record(
    command = list,
    contacts = list[str],
    env = dict,
    labels = list[str],
    run_from_project_root = bool,
    type = str,
)

plugins = struct(kind = lambda: struct(kind = "plugin"))

def transitive_set():
    return struct(type = "transitive_set")

def _nodes(value, children):
    nodes = [] if value == None else [value]
    for child in children:
        nodes += child.traverse()
    return nodes

def _tset(definition, value = None, children = []):
    nodes = _nodes(value, children)
    return struct(traverse = lambda: nodes)

# Attributes: structs with the kind of the value.

_REQUIRED = struct(required = True)

def _attr(kind, default = _REQUIRED, doc = "", **options):
    return struct(kind = kind, default = default, options = struct(**options))

attrs = struct(
    arg = lambda default = _REQUIRED, doc = "": _attr("arg", default),
    bool = lambda default = _REQUIRED, doc = "": _attr("bool", default),
    dep = lambda providers = [], pulls_plugins = [], pulls_and_pushes_plugins = [], default = _REQUIRED, doc = "": _attr("dep", default, providers = providers),
    dict = lambda key, value, sorted = False, default = _REQUIRED, doc = "": _attr("dict", default, key = key, value = value),
    exec_dep = lambda providers = [], default = _REQUIRED, doc = "": _attr("dep", default, providers = providers),
    list = lambda inner, default = _REQUIRED, doc = "": _attr("list", default, inner = inner),
    option = lambda inner, default = None, doc = "": _attr("option", default, inner = inner),
    plugin_dep = lambda kind, doc = "": _attr("plugin_dep"),
    source = lambda default = _REQUIRED, doc = "": _attr("source", default),
    string = lambda default = _REQUIRED, doc = "": _attr("string", default),
    toolchain_dep = lambda providers = [], default = _REQUIRED, doc = "": _attr("dep", default, providers = providers),
    tuple = lambda *inner: _attr("tuple", inner = inner),
)

def _output(info):
    if info.default_output == None:
        fail("a target without a default output is used as a file")
    return info.default_output

def _expanded(text, context):
    """A string with `$(location LABEL)`, as a string or as `cmd_args`."""
    first, _, rest = text.partition("$(location ")
    if not rest:
        return text
    label, _, rest = rest.partition(")")
    label, _, sub = label.removesuffix("]").partition("[")
    providers = context.dep(label).providers
    if sub:
        infos = [it for it in providers if isinstance(it, DefaultInfo)]
        if sub not in infos[0].sub_targets:
            fail("{} has no sub-target {}".format(label, sub))
        providers = infos[0].sub_targets[sub]
    outputs = [_output(it) for it in providers if isinstance(it, DefaultInfo)]
    return cmd_args(first, outputs, _expanded(rest, context), delimiter = "")

def _value(attr, value, context):
    """Turns a value in a `BUCK` file into that of `ctx.attrs`."""
    kind = attr.kind
    options = attr.options
    if kind == "option":
        return None if value == None else _value(options.inner, value, context)
    expected = {"arg": "string", "dep": "string", "plugin_dep": "string", "source": "string"}.get(kind, kind)
    if type(value) != expected:
        fail("{} has a {} {!r} where a {} is expected".format(context.label, type(value), value, expected))
    if kind == "list":
        return [_value(options.inner, it, context) for it in value]
    if kind == "tuple":
        return tuple([_value(inner, it, context) for inner, it in zip(options.inner, value)])
    if kind == "dict":
        return {_value(options.key, key, context): _value(options.value, it, context) for key, it in value.items()}
    if kind == "arg":
        return _expanded(value, context)
    if kind == "dep":
        dep = context.dep(value)
        for wanted in options.providers:
            if dep.get(wanted) == None:
                fail("{} depends on {}, which has no {}".format(context.label, dep.label, wanted))
        return dep
    if kind == "plugin_dep":
        return context.plugin(value)
    if kind == "source":
        return _output(context.dep(value)[DefaultInfo]) if ":" in value else _source(context.label, value)
    return value

# Actions

def _actions(label, context):
    def output(artifact, dir = False):
        if type(artifact) == "string":
            return _declare_output(label, artifact, dir)
        return artifact

    def run(command, category, identifier = "", env = {}):
        _run(label, cmd_args(command), category, identifier, env)

    def write(name, content, allow_args = False, is_executable = False):
        file = output(name)
        _write(label, file.as_output(), cmd_args(content), is_executable)
        return (file, []) if allow_args else file

    def write_json(name, content):
        return write(name, _json(content))

    def symlinked_dir(name, entries):
        folder = output(name, True)
        _symlinked_dir(label, folder.as_output(), entries)
        return folder

    def dynamic_output(dynamic, inputs, outputs, f):
        _dynamic(dynamic, outputs, lambda artifacts, outputs: f(context["ctx"], artifacts, outputs))

    return struct(
        declare_output = lambda path, dir = False: _declare_output(label, path, dir),
        dynamic_output = dynamic_output,
        run = run,
        symlinked_dir = symlinked_dir,
        tset = _tset,
        write = write,
        write_json = write_json,
    )

def _content(file):
    return struct(
        read_json = lambda: _parse_json(_read(file)),
        read_string = lambda: _read(file),
    )

def run_dynamic(function, reads, outputs):
    """Calls a function of `dynamic_output`."""
    function({file: _content(file) for file in reads}, {file: file.as_output() for file in outputs})

# Rules and targets

def rule(impl, attrs, doc = "", is_toolchain_rule = False, uses_plugins = []):
    def declare(name, visibility = [], **values):
        for attribute in values:
            if attribute not in attrs:
                fail("`{}` has the attribute `{}`, which its rule does not know".format(name, attribute))
        for attribute, attr in attrs.items():
            if attribute not in values and attr.default == _REQUIRED:
                fail("`{}` has no `{}`".format(name, attribute))
        _declare_target(name, struct(impl = impl, attrs = attrs, plugins = uses_plugins, values = values))

    return declare

def analyze(state, label):
    """Runs the rule of a target and of its dependencies, and returns it as a dependency.

    Args:
        state: a dictionary with what is known: for each label its dependency and its plugins
        label: the label
    """
    if label in state:
        if state[label] == None:
            fail("{} depends on itself".format(label))
        return state[label][0]
    state[label] = None
    target = _target(label)
    found = {}

    def dep(text):
        to = _parse_label(text, label.cell, label.package)
        dependency = analyze(state, to)
        for plugin in state[to][1]:
            found[plugin] = None
        return dependency

    def plugin(text):
        to = _parse_label(text, label.cell, label.package)
        analyze(state, to)
        found[to] = None
        return to

    context = struct(dep = dep, label = label, plugin = plugin)
    values = {name: _value(attr, target.values.get(name, attr.default), context) for name, attr in target.attrs.items()}
    own = {}
    own["ctx"] = struct(
        actions = _actions(label, own),
        attrs = struct(**values),
        label = label,
        plugins = {kind: [analyze(state, it) for it in found] for kind in target.plugins},
    )
    providers = target.impl(own["ctx"])
    state[label] = (_dependency(label, providers), found.keys())
    return state[label][0]
