//! A remote execution service on this machine, for tests: BuildGrid as the scheduler, PostgreSQL for
//! its queue, `buildbox-casd` as the store and action cache, and `buildbox-worker` with bubblewrap.
//!
//! It listens on loopback only, and ends with the [`Service`], or with the process that holds it.

mod buildgrid;
mod log;
mod room;
mod root;
mod service;

pub use crate::room::Room;
pub use crate::root::Root;
pub use crate::service::Service;
