//! The module paths in an index: read, and replaced by other names.
//!
//! lld names modules by the paths that it saw, and members of archives by its process ID as well. The
//! same index with names and an order of its own does not depend on folders, users and processes.

mod summaries;

use std::cmp::Reverse;

use anyhow::{Context, ensure};

use crate::bitstream::{Bits, Block, Item, Reader, Writer};

const MODULE_BLOCK: u64 = 8;
const METADATA_BLOCK: u64 = 15;
const MODULE_STRTAB_BLOCK: u64 = 19;
const SUMMARY_BLOCK: u64 = 20;
/// A path: the number of the module, and characters.
const MST_CODE_ENTRY: u64 = 1;
/// The hash of the module before.
const MST_CODE_HASH: u64 = 2;
const METADATA_STRINGS: u64 = 35;

/// The paths of the modules in the index `file`, in its order. A file without content is an index
/// without modules.
pub fn paths(file: &[u8]) -> anyhow::Result<Vec<String>> {
    let Some((_, table)) = table(file)? else {
        return Ok(Vec::new());
    };
    let mut paths = Vec::new();
    each_record(&table, |code, values| {
        if code == MST_CODE_ENTRY {
            let bytes = values[1..].iter().map(|&byte| byte as u8).collect();
            paths.push(String::from_utf8(bytes).context("a path is not UTF-8")?);
        }
        Ok(())
    })?;
    Ok(paths)
}

/// The index `file` with `names` in place of its paths, in their order. Modules and summaries are sorted, so
/// that the result does not depend on the paths: lld sorts modules by them, and summaries in an order that
/// depends on hashes of them.
pub fn with_names(file: &[u8], names: &[String]) -> anyhow::Result<Vec<u8>> {
    let Some((module, table)) = table(file)? else {
        return Ok(file.to_owned());
    };
    let mut modules = Vec::new();
    let mut names = names.iter();
    each_record(&table, |code, values| {
        if code == MST_CODE_ENTRY {
            let name = names.next().context("a module has no name")?;
            modules.push((name, values[0], None));
        } else {
            let module = modules.last_mut().context("a hash has no module")?;
            module.2 = Some(values.to_owned());
        }
        Ok(())
    })?;
    let mut blocks = Vec::new();
    if let Some(summaries) = block(&module, SUMMARY_BLOCK)? {
        let mut order = modules.clone();
        order.sort();
        let numbers = order.iter().zip(0..).map(|(module, new)| (module.1, new));
        if let Some(sorted) = summaries::sorted(&summaries, &numbers.collect())? {
            blocks.push((summaries, sorted));
            modules = order;
            for (module, number) in modules.iter_mut().zip(0..) {
                module.1 = number;
            }
        }
    }
    let mut writer = Writer::new(table.width);
    for (name, number, hash) in modules {
        let mut entry = vec![number];
        entry.extend(name.bytes().map(u64::from));
        writer.record(MST_CODE_ENTRY, &entry);
        if let Some(hash) = hash {
            writer.record(MST_CODE_HASH, &hash);
        }
    }
    blocks.push((table, writer.end()));
    // From the last one, so that the places of the others stay.
    blocks.sort_by_key(|(block, _)| Reverse(block.start));
    let mut new = file.to_owned();
    let mut length = module.bytes.len();
    for (old, content) in blocks {
        new.splice(
            old.start..old.start + old.bytes.len(),
            content.iter().copied(),
        );
        set_length(&mut new, old.start, content.len());
        length = length - old.bytes.len() + content.len();
    }
    set_length(&mut new, module.start, length);
    Ok(new)
}

/// The word before a block has its length in words.
fn set_length(file: &mut [u8], start: usize, bytes: usize) {
    let words = (bytes / 4) as u32;
    file[start - 4..start].copy_from_slice(&words.to_le_bytes());
}

/// The module block, and the table of paths in it.
fn table(file: &[u8]) -> anyhow::Result<Option<(Block<'_>, Block<'_>)>> {
    if file.is_empty() {
        return Ok(None);
    }
    let mut blocks = Reader::of_file(file)?;
    while let Some(item) = blocks.next()? {
        if let Item::Block(module) = item
            && module.id == MODULE_BLOCK
            && let Some(table) = block(&module, MODULE_STRTAB_BLOCK)?
        {
            return Ok(Some((module, table)));
        }
    }
    anyhow::bail!("it has no module paths")
}

/// The first block with the ID `id` in `outer`.
fn block<'a>(outer: &Block<'a>, id: u64) -> anyhow::Result<Option<Block<'a>>> {
    let mut items = Reader::of_block(outer);
    while let Some(item) = items.next()? {
        if let Item::Block(block) = item
            && block.id == id
        {
            return Ok(Some(block));
        }
    }
    Ok(None)
}

fn each_record(
    table: &Block<'_>,
    mut record: impl FnMut(u64, &[u64]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut items = Reader::of_block(table);
    while let Some(item) = items.next()? {
        let Item::Record(item) = item else {
            anyhow::bail!("there is a block among the module paths")
        };
        let known = match item.code {
            MST_CODE_ENTRY => !item.values.is_empty(),
            MST_CODE_HASH => true,
            _ => false,
        };
        ensure!(known, "there is an unknown record among the module paths");
        record(item.code, &item.values)?;
    }
    Ok(())
}

/// Whether rustc compiled the module `file`: it says so in a string of the metadata.
pub fn is_of_rustc(file: &[u8]) -> anyhow::Result<bool> {
    let mut blocks = Reader::of_file(file)?;
    while let Some(item) = blocks.next()? {
        let Item::Block(module) = item else { continue };
        let mut items = Reader::of_block(&module);
        while module.id == MODULE_BLOCK
            && let Some(item) = items.next()?
        {
            if let Item::Block(metadata) = item
                && metadata.id == METADATA_BLOCK
                && let Some(Item::Record(record)) = Reader::of_block(&metadata).next()?
                && record.code == METADATA_STRINGS
            {
                return any_string(&record.values, record.blob, |string| {
                    string.starts_with(b"rustc version ")
                });
            }
        }
    }
    Ok(false)
}

/// Calls `is` with the strings of a record: their count, and the offset of their bytes in the blob,
/// before which are their lengths.
fn any_string(
    values: &[u64],
    blob: Option<&[u8]>,
    is: impl Fn(&[u8]) -> bool,
) -> anyhow::Result<bool> {
    let (&[count, offset], Some(blob)) = (values, blob) else {
        anyhow::bail!("its strings are in an unknown format")
    };
    let lengths = blob.get(..offset as usize).context("it ends early")?;
    let mut bytes = &blob[offset as usize..];
    let mut lengths = Bits::new(lengths);
    for _ in 0..count {
        let length = lengths.vbr(6)? as usize;
        let (string, rest) = bytes.split_at_checked(length).context("it ends early")?;
        if is(string) {
            return Ok(true);
        }
        bytes = rest;
    }
    Ok(false)
}
