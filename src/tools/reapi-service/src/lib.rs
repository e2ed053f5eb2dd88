//! Remote execution services on this machine, for tests.
//!
//! A real one: BuildGrid as the scheduler, PostgreSQL for its queue, `buildbox-casd` as the store and
//! action cache, and `buildbox-worker` with bubblewrap. It listens on loopback only, and ends with the
//! [`Service`], or with the process that holds it.
//!
//! One [`in_memory`], which does wrong what a test says.

mod buildgrid;
pub mod in_memory;
mod lock;
mod log;
mod room;
mod root;
mod service;

pub use crate::room::Room;
pub use crate::root::Root;
pub use crate::service::Service;
