//! `cmd_args`: words of a command line, and the artifacts that they bring along.

use std::fmt;
use std::sync::{Arc, Mutex};

use allocative::Allocative;
use anyhow::{Context, bail, ensure};
use starlark::any::ProvidesStaticType;
use starlark::environment::{GlobalsBuilder, Methods, MethodsBuilder};
use starlark::values::list::ListRef;
use starlark::values::tuple::{TupleRef, UnpackTuple};
use starlark::values::{
    Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, ValueLike, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};

use crate::artifact::{Artifact, OutputArtifact};
use crate::label::Label;

/// A part of a command line.
#[derive(Allocative, Clone, Debug)]
enum Part {
    Text(String),
    Input(Artifact),
    Output(Artifact),
    Nested(CommandLine),
}

#[derive(Allocative, Clone, Debug, Default)]
struct Options {
    format: Option<String>,
    delimiter: Option<String>,
    quote: bool,
    /// How many last parts of paths are left out.
    parent: usize,
    /// Whether only the paths of inputs matter.
    ignore_artifacts: bool,
}

#[derive(Allocative, Debug)]
struct Content {
    parts: Mutex<Vec<Part>>,
    hidden: Vec<Part>,
    options: Options,
}

/// The value of `cmd_args(...)`. `add` changes every copy, as in Buck2.
#[derive(Allocative, Clone, Debug, NoSerialize, ProvidesStaticType, StarlarkPagablePanic)]
pub struct CommandLine(Arc<Content>);

/// The artifacts of a command line.
#[derive(Default)]
pub struct Artifacts {
    /// Those that the command may read.
    pub inputs: Vec<Artifact>,
    /// Those that it makes.
    pub outputs: Vec<Artifact>,
}

impl CommandLine {
    fn new(parts: Vec<Part>, hidden: Vec<Part>, options: Options) -> CommandLine {
        let parts = Mutex::new(parts);
        CommandLine(Arc::new(Content {
            parts,
            hidden,
            options,
        }))
    }

    /// A command line from any value that `cmd_args` takes.
    pub fn of<'v>(value: Value<'v>, heap: Heap<'v>) -> anyhow::Result<CommandLine> {
        let parts = parts(value, heap)?;
        Ok(CommandLine::new(parts, Vec::new(), Options::default()))
    }

    /// The words.
    pub fn words(&self) -> anyhow::Result<Vec<String>> {
        self.words_in(0)
    }

    /// Whether it is one word, because it has a delimiter.
    pub fn is_joined(&self) -> bool {
        self.0.options.delimiter.is_some()
    }

    fn words_in(&self, parent: usize) -> anyhow::Result<Vec<String>> {
        let options = &self.0.options;
        let parent = parent.max(options.parent);
        let mut words = Vec::new();
        for part in self.0.parts.lock().expect("not poisoned").iter() {
            match part {
                Part::Text(text) => words.push(text.clone()),
                Part::Input(artifact) | Part::Output(artifact) => {
                    let path = artifact.path();
                    let parts: Vec<_> = path.split('/').collect();
                    ensure!(parent < parts.len(), "{path} has no {parent} folders");
                    words.push(parts[..parts.len() - parent].join("/"));
                }
                Part::Nested(nested) => words.extend(nested.words_in(parent)?),
            }
        }
        if let Some(format) = &options.format {
            words = words
                .iter()
                .map(|word| format.replace("{}", word))
                .collect();
        }
        if options.quote {
            words = words.iter().map(|word| quoted(word)).collect();
        }
        Ok(match &options.delimiter {
            Some(delimiter) => vec![words.join(delimiter)],
            None => words,
        })
    }

    /// The artifacts on the command line and hidden ones.
    pub fn artifacts(&self) -> Artifacts {
        let mut artifacts = Artifacts::default();
        self.visit(&mut artifacts);
        artifacts
    }

    fn visit(&self, artifacts: &mut Artifacts) {
        let parts = self.0.parts.lock().expect("not poisoned");
        let mut found = Artifacts::default();
        for part in parts.iter().chain(&self.0.hidden) {
            match part {
                Part::Text(_) => {}
                Part::Input(artifact) => found.inputs.push(artifact.clone()),
                Part::Output(artifact) => found.outputs.push(artifact.clone()),
                Part::Nested(nested) => nested.visit(&mut found),
            }
        }
        if !self.0.options.ignore_artifacts {
            artifacts.inputs.extend(found.inputs);
        }
        artifacts.outputs.extend(found.outputs);
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn parts<'v>(value: Value<'v>, heap: Heap<'v>) -> anyhow::Result<Vec<Part>> {
    let items = if let Some(list) = ListRef::from_value(value) {
        list.content()
    } else if let Some(tuple) = TupleRef::from_value(value) {
        tuple.content()
    } else {
        return Ok(vec![part(value, heap)?]);
    };
    let nested = items.iter().map(|item| parts(*item, heap));
    Ok(nested.collect::<anyhow::Result<Vec<_>>>()?.concat())
}

fn part<'v>(value: Value<'v>, heap: Heap<'v>) -> anyhow::Result<Part> {
    if let Some(text) = value.unpack_str() {
        return Ok(Part::Text(text.to_owned()));
    }
    if let Some(artifact) = value.downcast_ref::<Artifact>() {
        return Ok(Part::Input(artifact.clone()));
    }
    if let Some(OutputArtifact(artifact)) = value.downcast_ref() {
        return Ok(Part::Output(artifact.clone()));
    }
    if let Some(command) = value.downcast_ref::<CommandLine>() {
        return Ok(Part::Nested(command.clone()));
    }
    if let Some(label) = value.downcast_ref::<Label>() {
        return Ok(Part::Text(label.to_string()));
    }
    // `RunInfo`
    if value.get_type() == "record"
        && let Ok(Some(args)) = value.get_attr("args", heap)
    {
        return Ok(Part::Nested(CommandLine::of(args, heap)?));
    }
    bail!("{} cannot be on a command line: {value}", value.get_type())
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cmd_args({:?})", self.words())
    }
}

starlark_simple_value!(CommandLine);
starlark::methods_static!(COMMAND_LINE_METHODS = command_line_methods);

#[starlark_value(type = "cmd_args")]
impl<'v> StarlarkValue<'v> for CommandLine {
    fn get_methods() -> Option<&'static Methods> {
        Some(COMMAND_LINE_METHODS.methods())
    }
}

#[starlark_module]
fn command_line_methods(methods: &mut MethodsBuilder) {
    fn add<'v>(
        this: &CommandLine,
        #[starlark(args)] args: UnpackTuple<Value<'v>>,
        heap: Heap<'v>,
    ) -> anyhow::Result<CommandLine> {
        let added = all_parts(&args.items, heap)?;
        this.0.parts.lock().expect("not poisoned").extend(added);
        Ok(this.clone())
    }

    #[starlark(attribute)]
    fn inputs(this: &CommandLine) -> anyhow::Result<Vec<Artifact>> {
        Ok(this.artifacts().inputs)
    }
}

fn all_parts<'v>(values: &[Value<'v>], heap: Heap<'v>) -> anyhow::Result<Vec<Part>> {
    let nested = values.iter().map(|value| parts(*value, heap));
    Ok(nested.collect::<anyhow::Result<Vec<_>>>()?.concat())
}

/// `cmd_args`, with those of its options that rules here use.
#[starlark_module]
pub fn functions(globals: &mut GlobalsBuilder) {
    fn cmd_args<'v>(
        #[starlark(args)] args: UnpackTuple<Value<'v>>,
        #[starlark(require = named)] format: Option<String>,
        #[starlark(require = named)] delimiter: Option<String>,
        #[starlark(require = named)] quote: Option<String>,
        #[starlark(require = named)] hidden: Option<Value<'v>>,
        #[starlark(require = named, default = 0)] parent: u32,
        #[starlark(require = named, default = false)] ignore_artifacts: bool,
        heap: Heap<'v>,
    ) -> anyhow::Result<CommandLine> {
        if let Some(style) = &quote {
            ensure!(style == "shell", "`quote` is not \"shell\" but {style}");
        }
        let options = Options {
            format,
            delimiter,
            quote: quote.is_some(),
            parent: usize::try_from(parent).context("a large parent")?,
            ignore_artifacts,
        };
        let hidden = hidden.map(|hidden| parts(hidden, heap)).transpose()?;
        let parts = all_parts(&args.items, heap)?;
        Ok(CommandLine::new(parts, hidden.unwrap_or_default(), options))
    }
}
