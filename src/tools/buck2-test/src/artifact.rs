//! Files and folders that rules name: those of the project, and those that actions make.

use std::fmt;

use allocative::Allocative;
use starlark::any::ProvidesStaticType;
use starlark::collections::StarlarkHasher;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::values::{
    NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, ValueLike, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};
use std::hash::Hash;

/// A file or folder of the project or of an action, or a part of such a folder.
#[derive(
    Allocative,
    Clone,
    Debug,
    Eq,
    Hash,
    NoSerialize,
    Ord,
    PartialEq,
    PartialOrd,
    ProvidesStaticType,
    StarlarkPagablePanic,
)]
pub struct Artifact {
    /// The path in the project of what is declared.
    pub base: String,
    /// The path in that folder, or nothing.
    pub projected: String,
    /// The path in its package, or in the folder of its target.
    pub short_path: String,
    /// Whether it belongs to the project, so that no action makes it.
    pub is_source: bool,
}

impl Artifact {
    /// The path in the project.
    pub fn path(&self) -> String {
        join(&self.base, &self.projected)
    }

    fn basename(&self) -> &str {
        self.short_path.rsplit('/').next().expect("a part")
    }
}

fn join(folder: &str, path: &str) -> String {
    if path.is_empty() {
        folder.to_owned()
    } else {
        format!("{folder}/{path}")
    }
}

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<artifact {}>", self.path())
    }
}

starlark_simple_value!(Artifact);
starlark::methods_static!(ARTIFACT_METHODS = artifact_methods);

#[starlark_value(type = "Artifact")]
impl<'v> StarlarkValue<'v> for Artifact {
    fn get_methods() -> Option<&'static Methods> {
        Some(ARTIFACT_METHODS.methods())
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(other.downcast_ref::<Artifact>() == Some(self))
    }

    fn write_hash(&self, hasher: &mut StarlarkHasher) -> starlark::Result<()> {
        self.hash(hasher);
        Ok(())
    }
}

#[starlark_module]
fn artifact_methods(methods: &mut MethodsBuilder) {
    #[starlark(attribute)]
    fn basename(this: &Artifact) -> anyhow::Result<String> {
        Ok(this.basename().to_owned())
    }

    #[starlark(attribute)]
    fn short_path(this: &Artifact) -> anyhow::Result<String> {
        Ok(this.short_path.clone())
    }

    #[starlark(attribute)]
    fn is_source(this: &Artifact) -> anyhow::Result<bool> {
        Ok(this.is_source)
    }

    fn project(this: &Artifact, #[starlark(require = pos)] path: &str) -> anyhow::Result<Artifact> {
        anyhow::ensure!(
            !path.is_empty() && !path.split('/').any(|part| ["", ".", ".."].contains(&part)),
            "`{path}` is not a path in a folder"
        );
        Ok(Artifact {
            projected: join(&this.projected, path)
                .trim_start_matches('/')
                .to_owned(),
            short_path: join(&this.short_path, path),
            ..this.clone()
        })
    }

    fn as_output(this: &Artifact) -> anyhow::Result<OutputArtifact> {
        anyhow::ensure!(!this.is_source, "{this} is a source");
        anyhow::ensure!(this.projected.is_empty(), "{this} is a part of an output");
        Ok(OutputArtifact(this.clone()))
    }
}

/// An artifact that the action makes on whose command line it is.
#[derive(Allocative, Clone, Debug, NoSerialize, ProvidesStaticType, StarlarkPagablePanic)]
pub struct OutputArtifact(pub Artifact);

impl fmt::Display for OutputArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<output {}>", self.0.path())
    }
}

starlark_simple_value!(OutputArtifact);
starlark::methods_static!(OUTPUT_ARTIFACT_METHODS = output_artifact_methods);

#[starlark_value(type = "OutputArtifact")]
impl<'v> StarlarkValue<'v> for OutputArtifact {
    fn get_methods() -> Option<&'static Methods> {
        Some(OUTPUT_ARTIFACT_METHODS.methods())
    }
}

#[starlark_module]
fn output_artifact_methods(methods: &mut MethodsBuilder) {
    fn as_output(this: &OutputArtifact) -> anyhow::Result<OutputArtifact> {
        Ok(this.clone())
    }
}
