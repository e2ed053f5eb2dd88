//! The command line.

/// The file that the only argument names.
pub fn file(mut arguments: impl Iterator<Item = String>) -> Result<String, String> {
    match (arguments.nth(1), arguments.next()) {
        (Some(file), None) => Ok(file),
        _ => Err("usage: census FILE".to_owned()),
    }
}
