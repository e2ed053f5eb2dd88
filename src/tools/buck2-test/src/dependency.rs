//! A dependency: a target as another one sees it.

use std::fmt;

use allocative::Allocative;
use starlark::any::ProvidesStaticType;
use starlark::coerce::Coerce;
use starlark::environment::{GlobalsBuilder, Methods, MethodsBuilder};
use starlark::values::list::ListRef;
use starlark::values::none::NoneOr;
use starlark::values::typing::TypeCompiled;
use starlark::values::{
    Freeze, Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Trace, Value,
    ValueLifetimeless, ValueLike, starlark_value,
};
use starlark::{starlark_complex_value, starlark_module};

use crate::label::Label;

/// A target's label and its providers, a list.
#[derive(
    Allocative, Coerce, Debug, Freeze, NoSerialize, ProvidesStaticType, StarlarkPagablePanic, Trace,
)]
#[repr(C)]
pub struct DependencyGen<V: ValueLifetimeless> {
    label: V,
    providers: V,
}

impl<'v, V: ValueLike<'v>> DependencyGen<V> {
    /// The provider of a type.
    fn provider(&self, provider: Value<'v>, heap: Heap<'v>) -> anyhow::Result<Option<Value<'v>>> {
        let ty = TypeCompiled::new(provider, heap)?;
        let providers = ListRef::from_value(self.providers.to_value()).expect("a list");
        Ok(providers.iter().find(|value| ty.matches(*value)))
    }
}

impl<V: ValueLifetimeless> fmt::Display for DependencyGen<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<dependency {:?}>", self.label)
    }
}

starlark_complex_value!(pub Dependency);
starlark::methods_static!(DEPENDENCY_METHODS = dependency_methods);

#[starlark_value(type = "Dependency")]
impl<'v, V: ValueLike<'v>> StarlarkValue<'v> for DependencyGen<V>
where
    Self: ProvidesStaticType<'v>,
{
    fn get_methods() -> Option<&'static Methods> {
        Some(DEPENDENCY_METHODS.methods())
    }

    fn at(&self, index: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let found = self.provider(index, heap)?;
        let missing = || anyhow::anyhow!("{} has no provider {index}", self.label.to_value());
        Ok(found.ok_or_else(missing)?)
    }
}

#[starlark_module]
fn dependency_methods(methods: &mut MethodsBuilder) {
    #[starlark(attribute)]
    fn label<'v>(this: &Dependency<'v>) -> anyhow::Result<Value<'v>> {
        Ok(this.label)
    }

    #[starlark(attribute)]
    fn providers<'v>(this: &Dependency<'v>) -> anyhow::Result<Value<'v>> {
        Ok(this.providers)
    }

    fn get<'v>(
        this: &Dependency<'v>,
        #[starlark(require = pos)] provider: Value<'v>,
        heap: Heap<'v>,
    ) -> anyhow::Result<NoneOr<Value<'v>>> {
        Ok(NoneOr::from_option(this.provider(provider, heap)?))
    }
}

/// Makes dependencies for the stand-ins.
#[starlark_module]
pub fn functions(globals: &mut GlobalsBuilder) {
    fn _dependency<'v>(
        label: &Label,
        providers: Value<'v>,
        heap: Heap<'v>,
    ) -> anyhow::Result<Dependency<'v>> {
        Ok(DependencyGen {
            label: heap.alloc(label.clone()),
            providers,
        })
    }
}
