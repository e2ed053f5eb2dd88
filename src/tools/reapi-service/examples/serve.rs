//! Runs the service with two workers until standard input ends: `serve ROOT DIR`.

use std::env;
use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::Context;
use reapi_service::{Root, Service};

fn main() -> anyhow::Result<()> {
    let mut folders = env::args().skip(1).map(PathBuf::from);
    let mut next = || folders.next().context("serve ROOT DIR");
    let (root, dir) = (Root::ensure(&next()?)?, next()?);
    let mut service = Service::start(&root, &dir)?;
    for name in ["one", "two"] {
        service.add_worker(name)?;
    }
    println!("{}", service.address());
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
