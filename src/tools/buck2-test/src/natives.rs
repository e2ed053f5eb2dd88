//! The stand-ins that cannot be written in Starlark.

use std::collections::BTreeMap;
use std::fs;
use std::rc::Rc;

use anyhow::{Context, ensure};
use starlark::any::ProvidesStaticType;
use starlark::environment::GlobalsBuilder;
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::dict::{DictRef, UnpackDictEntries};
use starlark::values::list::{ListRef, UnpackList};
use starlark::values::none::NoneType;
use starlark::values::starlark_value_as_type::StarlarkValueAsType;
use starlark::values::{Heap, Value, ValueLike};

use crate::artifact::{Artifact, OutputArtifact};
use crate::command_line::{Artifacts, CommandLine};
use crate::graph::{Action, Dynamic, Kind};
use crate::label::Label;
use crate::workspace::{Place, Workspace};

/// What functions know about the evaluation that calls them.
#[derive(ProvidesStaticType)]
pub struct Session {
    /// The project.
    pub workspace: Rc<Workspace>,
    /// The file that is evaluated, or `None` while rules run.
    pub place: Option<Place>,
}

fn session<'a>(eval: &Evaluator<'_, 'a, '_>) -> &'a Session {
    let session = eval.extra.and_then(|extra| extra.downcast_ref::<Session>());
    session.expect("every evaluation has one")
}

/// The folder for the outputs of a target, as in Buck2.
fn outputs_folder(label: &Label) -> String {
    let Label {
        cell,
        package,
        name,
    } = label;
    format!("buck-out/v2/gen/{cell}/cfg/{package}/__{name}__").replace("//", "/")
}

fn json(value: Value) -> anyhow::Result<serde_json::Value> {
    if let Some(list) = ListRef::from_value(value) {
        let items = list.iter().map(|item| json(item));
        return Ok(items.collect::<anyhow::Result<Vec<_>>>()?.into());
    }
    if let Some(dict) = DictRef::from_value(value) {
        let items = dict.iter().map(|(key, value)| {
            let key = key.unpack_str().context("a key that is no string")?;
            Ok((key.to_owned(), json(value)?))
        });
        return Ok(items
            .collect::<anyhow::Result<serde_json::Map<_, _>>>()?
            .into());
    }
    if let Some(artifact) = value.downcast_ref::<Artifact>() {
        return Ok(artifact.path().into());
    }
    if let Some(command) = value.downcast_ref::<CommandLine>() {
        let words = command.words()?;
        return Ok(if command.is_joined() {
            words.concat().into()
        } else {
            words.into()
        });
    }
    value.to_json_value()
}

/// Functions for `api.bzl`, and types that rules name.
#[starlark_module]
pub fn functions(globals: &mut GlobalsBuilder) {
    const Artifact: StarlarkValueAsType<Artifact> = StarlarkValueAsType::new();
    const Label: StarlarkValueAsType<Label> = StarlarkValueAsType::new();

    /// Records a target of the `BUCK` file that is evaluated.
    fn _declare_target<'v>(
        name: &str,
        target: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> anyhow::Result<NoneType> {
        let variable = format!("target {name}");
        ensure!(
            eval.module().get(&variable).is_none(),
            "there are two targets `{name}`"
        );
        eval.module().set(&variable, target);
        Ok(NoneType)
    }

    /// The files of the package that match one of the patterns, sorted.
    fn glob<'v>(
        #[starlark(require = pos)] patterns: UnpackList<String>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> anyhow::Result<Vec<String>> {
        let Session { workspace, place } = session(eval);
        let place = place.as_ref().context("`glob` in a rule")?;
        let folder = workspace
            .root
            .join(workspace.package_path(&place.cell, &place.package)?);
        let mut names = Vec::new();
        for pattern in patterns {
            let pattern = folder.join(pattern);
            for path in glob::glob(pattern.to_str().context("a path that is not UTF-8")?)? {
                let path = path?;
                if path.is_file() {
                    let name = path.strip_prefix(&folder)?.to_string_lossy();
                    names.push(name.into_owned());
                }
            }
        }
        names.sort();
        Ok(names)
    }

    fn _parse_label(text: &str, cell: &str, package: &str) -> anyhow::Result<Label> {
        crate::label::Label::parse(text, cell, package)
    }

    /// The target of a label: its rule and its attributes.
    fn _target<'v>(label: &Label, eval: &mut Evaluator<'v, '_, '_>) -> anyhow::Result<Value<'v>> {
        let target = session(eval).workspace.target(label)?;
        Ok(eval.heap().access_owned_frozen_value(&target))
    }

    fn _source<'v>(
        label: &Label,
        path: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> anyhow::Result<Artifact> {
        let workspace = &session(eval).workspace;
        let folder = workspace.package_path(&label.cell, &label.package)?;
        let base = format!("{folder}/{path}")
            .trim_start_matches('/')
            .to_owned();
        ensure!(
            workspace.root.join(&base).exists(),
            "{label}: there is no file {base}"
        );
        Ok(crate::artifact::Artifact {
            base,
            projected: String::new(),
            short_path: path.to_owned(),
            is_source: true,
        })
    }

    fn _declare_output<'v>(
        owner: &Label,
        path: &str,
        dir: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> anyhow::Result<Artifact> {
        let mut graph = session(eval).workspace.graph.borrow_mut();
        graph.declare(&outputs_folder(owner), path, dir)
    }

    fn _run<'v>(
        owner: &Label,
        command: &CommandLine,
        category: String,
        identifier: String,
        env: UnpackDictEntries<String, Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> anyhow::Result<NoneType> {
        let Artifacts {
            mut inputs,
            outputs,
        } = command.artifacts();
        let mut variables = BTreeMap::new();
        for (name, value) in env.entries {
            let value = CommandLine::of(value, eval.heap())?;
            inputs.extend(value.artifacts().inputs);
            variables.insert(name, value.words()?.join(" "));
        }
        let kind = Kind::Run {
            words: command.words()?,
            env: variables,
        };
        add(owner, &category, identifier, kind, inputs, outputs, eval)
    }

    fn _write<'v>(
        owner: &Label,
        output: &OutputArtifact,
        content: &CommandLine,
        executable: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> anyhow::Result<NoneType> {
        let kind = Kind::Write {
            text: content.words()?.join("\n"),
            executable,
        };
        let output = output.0.clone();
        add(
            owner,
            "write",
            output.short_path.clone(),
            kind,
            vec![],
            vec![output],
            eval,
        )
    }

    /// JSON text, in which artifacts are paths.
    fn _json<'v>(content: Value<'v>) -> anyhow::Result<String> {
        Ok(json(content)?.to_string())
    }

    fn _symlinked_dir<'v>(
        owner: &Label,
        output: &OutputArtifact,
        entries: UnpackDictEntries<String, &'v Artifact>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> anyhow::Result<NoneType> {
        let entries = entries.entries.into_iter();
        let entries: BTreeMap<_, _> = entries.map(|(path, to)| (path, to.clone())).collect();
        let inputs = entries.values().cloned().collect();
        let output = output.0.clone();
        let identifier = output.short_path.clone();
        add(
            owner,
            "symlinked_dir",
            identifier,
            Kind::Link(entries),
            inputs,
            vec![output],
            eval,
        )
    }

    /// Records a function `(artifacts, outputs)` to call once the files `reads` exist.
    fn _dynamic<'v>(
        reads: UnpackList<&'v Artifact>,
        outputs: UnpackList<&'v OutputArtifact>,
        function: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> anyhow::Result<NoneType> {
        let mut graph = session(eval).workspace.graph.borrow_mut();
        let variable = format!("dynamic {}", graph.dynamics.len());
        eval.module().set(&variable, function);
        graph.add_dynamic(Dynamic {
            function: variable,
            reads: reads.into_iter().cloned().collect(),
            outputs: outputs.into_iter().map(|output| output.0.clone()).collect(),
        })?;
        Ok(NoneType)
    }

    /// The text of a file that an action has made.
    fn _read<'v>(file: &Artifact, eval: &mut Evaluator<'v, '_, '_>) -> anyhow::Result<String> {
        let path = session(eval).workspace.root.join(file.path());
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    fn _parse_json<'v>(text: &str, heap: Heap<'v>) -> anyhow::Result<Value<'v>> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        Ok(heap.alloc(value))
    }
}

fn add(
    owner: &Label,
    category: &str,
    identifier: String,
    kind: Kind,
    inputs: Vec<Artifact>,
    outputs: Vec<Artifact>,
    eval: &Evaluator<'_, '_, '_>,
) -> anyhow::Result<NoneType> {
    let mut graph = session(eval).workspace.graph.borrow_mut();
    graph.add(Action {
        owner: owner.to_string(),
        category: category.to_owned(),
        identifier,
        kind,
        inputs,
        outputs,
    })?;
    Ok(NoneType)
}
