//! Links programs with lld 22, which runs `thinlto-distributor`.

mod link;
mod project;
mod rust;
