//! Names of targets.

use std::fmt;
use std::hash::Hash;

use allocative::Allocative;
use anyhow::Context;
use starlark::any::ProvidesStaticType;
use starlark::collections::StarlarkHasher;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::values::{
    NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, ValueLike, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};

/// The name of a target: `cell//package:name`.
#[derive(
    Allocative,
    Clone,
    Debug,
    Eq,
    Hash,
    NoSerialize,
    PartialEq,
    ProvidesStaticType,
    StarlarkPagablePanic,
)]
pub struct Label {
    /// The cell, `root` for the project itself.
    pub cell: String,
    /// The folder of the `BUCK` file in the cell.
    pub package: String,
    /// The name in that file.
    pub name: String,
}

impl Label {
    /// The label `text` in a `BUCK` file of `package`, to which it may be relative.
    pub fn parse(text: &str, cell: &str, package: &str) -> anyhow::Result<Label> {
        let help = || format!("`{text}` is no label: `cell//package:name`");
        let (place, name) = text.rsplit_once(':').with_context(help)?;
        let place = place.trim_start_matches('@');
        let (cell, package) = match place.split_once("//") {
            None if place.is_empty() => (cell, package),
            Some(("", package)) => (cell, package),
            Some(place) => place,
            None => anyhow::bail!(help()),
        };
        Ok(Label {
            cell: cell.to_owned(),
            package: package.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}//{}:{}", self.cell, self.package, self.name)
    }
}

starlark_simple_value!(Label);
starlark::methods_static!(LABEL_METHODS = label_methods);

#[starlark_value(type = "Label")]
impl<'v> StarlarkValue<'v> for Label {
    fn get_methods() -> Option<&'static Methods> {
        Some(LABEL_METHODS.methods())
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(other.downcast_ref::<Label>() == Some(self))
    }

    fn write_hash(&self, hasher: &mut StarlarkHasher) -> starlark::Result<()> {
        self.hash(hasher);
        Ok(())
    }
}

#[starlark_module]
fn label_methods(methods: &mut MethodsBuilder) {
    #[starlark(attribute)]
    fn cell(this: &Label) -> anyhow::Result<String> {
        Ok(this.cell.clone())
    }

    #[starlark(attribute)]
    fn name(this: &Label) -> anyhow::Result<String> {
        Ok(this.name.clone())
    }

    #[starlark(attribute)]
    fn package(this: &Label) -> anyhow::Result<String> {
        Ok(this.package.clone())
    }

    fn raw_target(this: &Label) -> anyhow::Result<Label> {
        Ok(this.clone())
    }

    fn configured_target(this: &Label) -> anyhow::Result<Label> {
        Ok(this.clone())
    }
}
