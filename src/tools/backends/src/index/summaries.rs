//! The summaries in an index, in an order that depends on nothing but them.
//!
//! They name global values by numbers that lld gives in the order in which it writes the summaries. Here, both
//! follow the hashes of the names of global values (GUIDs).

use std::collections::HashMap;

use anyhow::Context;

use crate::bitstream::{Block, Item, Reader, Writer};

/// The version of the format that is known here.
const KNOWN_VERSION: [u64; 1] = [12];

// Codes of records.
const COMBINED_PROFILE: u64 = 5;
const COMBINED_GLOBALVAR_INIT_REFS: u64 = 6;
const COMBINED_ALIAS: u64 = 8;
/// Belongs to the summary before.
const COMBINED_ORIGINAL_NAME: u64 = 9;
const VERSION: u64 = 10;
/// These and those up to [`LAST_OF_TYPES`] belong to the summary that follows.
const TYPE_TESTS: u64 = 11;
const LAST_OF_TYPES: u64 = 15;
const VALUE_GUID: u64 = 16;
const CFI_FUNCTION_DEFS: u64 = 17;
const CFI_FUNCTION_DECLS: u64 = 18;
const FLAGS: u64 = 20;
const TYPE_ID: u64 = 21;
const BLOCK_COUNT: u64 = 24;

/// The number of values in the record of a function before the numbers of global values.
const PROFILE_HEADER: usize = 9;
/// The index of the number of references among them; calls follow the references.
const REFERENCES: usize = 6;

type Record = (u64, Vec<u64>);

/// The summary of a global value.
struct Summary {
    is_alias: bool,
    value: u64,
    module: u64,
    /// With those of its own and around it.
    records: Vec<Record>,
}

/// The content of `block` with sorted summaries, and `modules` as the numbers of modules. `None` if it has
/// records that are not known here.
pub fn sorted(block: &Block<'_>, modules: &HashMap<u64, u64>) -> anyhow::Result<Option<Vec<u8>>> {
    let mut records: Vec<Record> = Vec::new();
    let mut items = Reader::of_block(block);
    while let Some(item) = items.next()? {
        let Item::Record(record) = item else {
            return Ok(None);
        };
        records.push((record.code, record.values));
    }
    let is_known = |(code, values): &Record| match *code {
        VERSION => *values == KNOWN_VERSION,
        COMBINED_PROFILE => values.len() >= PROFILE_HEADER,
        COMBINED_GLOBALVAR_INIT_REFS | COMBINED_ALIAS => values.len() >= 4,
        VALUE_GUID => values.len() == 3,
        COMBINED_ORIGINAL_NAME | FLAGS | TYPE_ID | BLOCK_COUNT => true,
        CFI_FUNCTION_DEFS | CFI_FUNCTION_DECLS | TYPE_TESTS..=LAST_OF_TYPES => true,
        _ => false,
    };
    if !records.iter().all(is_known) {
        return Ok(None);
    }
    let mut guids: Vec<_> = records
        .iter()
        .filter(|(code, _)| *code == VALUE_GUID)
        .map(|(_, values)| ((values[1], values[2]), values[0]))
        .collect();
    guids.sort_unstable();
    let values = guids.iter().zip(1..).map(|((_, old), new)| (*old, new));
    let values: HashMap<u64, u64> = values.collect();

    let mut writer = Writer::new(block.width);
    let mut summaries: Vec<Summary> = Vec::new();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (code, mut record) in records {
        match code {
            VERSION | FLAGS => writer.record(code, &record),
            VALUE_GUID => {}
            TYPE_TESTS..=LAST_OF_TYPES => before.push((code, record)),
            COMBINED_ORIGINAL_NAME => {
                let summary = summaries.last_mut().context("a name has no summary")?;
                summary.records.push((code, record));
            }
            COMBINED_PROFILE | COMBINED_GLOBALVAR_INIT_REFS | COMBINED_ALIAS => {
                renumber(code, &mut record, &values, modules)
                    .context("a summary has an unknown number")?;
                let (value, module) = (record[0], record[1]);
                before.push((code, record));
                summaries.push(Summary {
                    is_alias: code == COMBINED_ALIAS,
                    value,
                    module,
                    records: std::mem::take(&mut before),
                });
            }
            _ => after.push((code, record)),
        }
    }
    for ((guid, _), new) in guids.into_iter().zip(1..) {
        writer.record(VALUE_GUID, &[new, guid.0, guid.1]);
    }
    // Readers want what an alias stands for before it.
    summaries.sort_by_key(|summary| (summary.is_alias, summary.value, summary.module));
    let sorted = summaries.into_iter().flat_map(|summary| summary.records);
    for (code, record) in sorted.chain(before).chain(after) {
        writer.record(code, &record);
    }
    Ok(Some(writer.end()))
}

/// Replaces the numbers in the record of a summary.
fn renumber(
    code: u64,
    record: &mut [u64],
    values: &HashMap<u64, u64>,
    modules: &HashMap<u64, u64>,
) -> Option<()> {
    let replace = |number: &mut u64, numbers: &HashMap<u64, u64>| {
        *number = *numbers.get(number)?;
        Some(())
    };
    replace(&mut record[0], values)?;
    replace(&mut record[1], modules)?;
    let (references, calls) = match code {
        COMBINED_PROFILE => {
            let count = usize::try_from(record[REFERENCES]).ok()?;
            record[PROFILE_HEADER..].split_at_mut_checked(count)?
        }
        // Flags of the summary, and of a variable.
        COMBINED_GLOBALVAR_INIT_REFS => (&mut record[4..], &mut [][..]),
        _ => (&mut record[3..4], &mut [][..]),
    };
    for reference in references {
        replace(reference, values)?;
    }
    for call in calls.chunks_exact_mut(2) {
        replace(&mut call[0], values)?;
    }
    Some(())
}
