//! LLVM's bitstream, the container of bitcode files: reads records, and writes unabbreviated ones.
//!
//! The format is that of <https://llvm.org/docs/BitCodeFormat.html>.

use anyhow::{Context, bail, ensure};

const MAGIC: [u8; 4] = *b"BC\xc0\xde";
/// The magic number of a wrapper, which has the bitcode's offset and size.
const WRAPPER: [u8; 4] = [0xde, 0xc0, 0x17, 0x0b];

const END_BLOCK: u64 = 0;
const ENTER_SUBBLOCK: u64 = 1;
const DEFINE_ABBREV: u64 = 2;
const UNABBREV_RECORD: u64 = 3;

/// A block in a stream.
pub struct Block<'a> {
    /// Its ID.
    pub id: u64,
    /// The width of its abbreviation IDs in bits.
    pub width: u32,
    /// The offset of its first byte in the stream, which follows the word with the length.
    pub start: usize,
    /// Its bytes, the end of the block included.
    pub bytes: &'a [u8],
}

/// A record in a block.
pub struct Record<'a> {
    /// Its code.
    pub code: u64,
    /// Its values, those of an array included.
    pub values: Vec<u64>,
    /// Its blob, if it has one.
    pub blob: Option<&'a [u8]>,
}

/// What a block contains.
pub enum Item<'a> {
    /// A block.
    Block(Block<'a>),
    /// A record.
    Record(Record<'a>),
}

/// Reads the items of a block, or of the stream outside of blocks.
pub struct Reader<'a> {
    bits: Bits<'a>,
    width: u32,
    start: usize,
    /// Whether this is the stream itself, which has no end of its own.
    outside: bool,
    abbreviations: Vec<Vec<Operand>>,
}

impl<'a> Reader<'a> {
    /// Reads the blocks of the bitcode file `file`.
    pub fn of_file(file: &'a [u8]) -> anyhow::Result<Reader<'a>> {
        let mut start = 0;
        if file.starts_with(&WRAPPER) {
            let offset = file.get(8..12).context("it ends in the wrapper")?;
            start = u32::from_le_bytes(offset.try_into().expect("it has 4 bytes")) as usize;
        }
        let file = file.get(start..).context("it ends in the wrapper")?;
        let stream = file.strip_prefix(&MAGIC).context("it is not bitcode")?;
        let mut reader = Reader::new(stream, start + MAGIC.len(), 2);
        reader.outside = true;
        Ok(reader)
    }

    /// Reads the items of `block`.
    pub fn of_block(block: &Block<'a>) -> Reader<'a> {
        Reader::new(block.bytes, block.start, block.width)
    }

    fn new(bytes: &'a [u8], start: usize, width: u32) -> Reader<'a> {
        Reader {
            bits: Bits { bytes, bit: 0 },
            width,
            start,
            outside: false,
            abbreviations: Vec::new(),
        }
    }

    /// The next item, or `None` at the end.
    pub fn next(&mut self) -> anyhow::Result<Option<Item<'a>>> {
        loop {
            // Blocks end on words; a wrapper may add zeros after the last one.
            if self.outside && self.bits.rest() < 32 {
                return Ok(None);
            }
            match self.bits.fixed(self.width)? {
                END_BLOCK => return Ok(None),
                ENTER_SUBBLOCK => return Ok(Some(Item::Block(self.block()?))),
                DEFINE_ABBREV => {
                    let abbreviation = abbreviation(&mut self.bits)?;
                    self.abbreviations.push(abbreviation);
                }
                UNABBREV_RECORD => {
                    let code = self.bits.vbr(6)?;
                    let count = self.bits.vbr(6)?;
                    let values = (0..count).map(|_| self.bits.vbr(6));
                    return Ok(Some(Item::Record(Record {
                        code,
                        values: values.collect::<anyhow::Result<_>>()?,
                        blob: None,
                    })));
                }
                id => {
                    let operands = self.abbreviations.get(id as usize - 4);
                    let operands = operands.context("it uses an unknown abbreviation")?;
                    return Ok(Some(Item::Record(record(&mut self.bits, operands)?)));
                }
            }
        }
    }

    fn block(&mut self) -> anyhow::Result<Block<'a>> {
        let id = self.bits.vbr(8)?;
        let width = self.bits.vbr(4)? as u32;
        ensure!((2..=32).contains(&width), "a block has a wrong header");
        self.bits.align();
        let length = self.bits.fixed(32)? as usize * 4;
        let start = self.start + self.bits.bit / 8;
        let bytes = self.bits.bytes(length)?;
        Ok(Block {
            id,
            width,
            start,
            bytes,
        })
    }
}

/// How a part of an abbreviated record is written.
enum Operand {
    Literal(u64),
    Fixed(u32),
    Vbr(u32),
    Array,
    Char6,
    Blob,
}

fn abbreviation(bits: &mut Bits<'_>) -> anyhow::Result<Vec<Operand>> {
    let count = bits.vbr(5)?;
    let mut operands = Vec::new();
    for _ in 0..count {
        operands.push(if bits.fixed(1)? == 1 {
            Operand::Literal(bits.vbr(8)?)
        } else {
            match bits.fixed(3)? {
                1 => Operand::Fixed(width(bits)?),
                2 => Operand::Vbr(width(bits)?),
                3 => Operand::Array,
                4 => Operand::Char6,
                5 => Operand::Blob,
                _ => bail!("an abbreviation has an unknown encoding"),
            }
        });
    }
    Ok(operands)
}

fn width(bits: &mut Bits<'_>) -> anyhow::Result<u32> {
    let width = bits.vbr(5)?;
    ensure!(width <= 64, "an abbreviation has a wrong width");
    Ok(width as u32)
}

fn record<'a>(bits: &mut Bits<'a>, operands: &[Operand]) -> anyhow::Result<Record<'a>> {
    let (mut values, mut blob) = (Vec::new(), None);
    let mut operands = operands.iter();
    while let Some(operand) = operands.next() {
        match operand {
            Operand::Array => {
                let element = operands.next().context("an array has no elements")?;
                for _ in 0..bits.vbr(6)? {
                    values.push(scalar(bits, element)?);
                }
            }
            Operand::Blob => {
                let length = bits.vbr(6)? as usize;
                bits.align();
                blob = Some(bits.bytes(length)?);
                bits.align();
            }
            scalar_operand => values.push(scalar(bits, scalar_operand)?),
        }
    }
    ensure!(!values.is_empty(), "a record has no code");
    Ok(Record {
        code: values.remove(0),
        values,
        blob,
    })
}

fn scalar(bits: &mut Bits<'_>, operand: &Operand) -> anyhow::Result<u64> {
    match *operand {
        Operand::Literal(value) => Ok(value),
        Operand::Fixed(width) => bits.fixed(width),
        Operand::Vbr(width) => bits.vbr(width),
        Operand::Char6 => {
            const CHARACTERS: &[u8; 64] =
                b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";
            Ok(CHARACTERS[bits.fixed(6)? as usize].into())
        }
        Operand::Array | Operand::Blob => bail!("an array has elements that are no numbers"),
    }
}

/// Bits of a stream, the lowest first.
pub struct Bits<'a> {
    bytes: &'a [u8],
    bit: usize,
}

impl<'a> Bits<'a> {
    /// Reads from the first bit of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Bits<'a> {
        Bits { bytes, bit: 0 }
    }

    fn rest(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.bit)
    }

    fn fixed(&mut self, width: u32) -> anyhow::Result<u64> {
        let width = width as usize;
        ensure!(width <= self.rest(), "it ends early");
        let mut value = 0;
        let mut read = 0;
        while read < width {
            let (byte, offset) = (self.bit / 8, self.bit % 8);
            let count = (8 - offset).min(width - read);
            let bits = (u64::from(self.bytes[byte]) >> offset) & ((1 << count) - 1);
            value |= bits << read;
            self.bit += count;
            read += count;
        }
        Ok(value)
    }

    /// A number in chunks of `width` bits, of which the highest says whether another one follows.
    pub fn vbr(&mut self, width: u32) -> anyhow::Result<u64> {
        ensure!(width >= 2, "a number has a wrong width");
        let more = 1 << (width - 1);
        let (mut value, mut shift) = (0, 0);
        loop {
            let chunk = self.fixed(width)?;
            ensure!(shift < 64, "a number is too large");
            value |= (chunk & (more - 1)) << shift;
            if chunk & more == 0 {
                return Ok(value);
            }
            shift += width - 1;
        }
    }

    fn align(&mut self) {
        self.bit = self.bit.next_multiple_of(32);
    }

    fn bytes(&mut self, length: usize) -> anyhow::Result<&'a [u8]> {
        let start = self.bit / 8;
        let end = start.checked_add(length).context("it ends early")?;
        let bytes = self.bytes.get(start..end).context("it ends early")?;
        self.bit = end * 8;
        Ok(bytes)
    }
}

/// Writes the content of a block with unabbreviated records.
pub struct Writer {
    bytes: Vec<u8>,
    bit: usize,
    width: u32,
}

impl Writer {
    /// An empty block, the abbreviation IDs of which have `width` bits.
    pub fn new(width: u32) -> Writer {
        Writer {
            bytes: Vec::new(),
            bit: 0,
            width,
        }
    }

    /// Adds a record.
    pub fn record(&mut self, code: u64, values: &[u64]) {
        self.fixed(UNABBREV_RECORD, self.width);
        self.vbr(code);
        self.vbr(values.len() as u64);
        for &value in values {
            self.vbr(value);
        }
    }

    /// Ends the block, and returns whole words.
    pub fn end(mut self) -> Vec<u8> {
        self.fixed(END_BLOCK, self.width);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.bytes
    }

    fn fixed(&mut self, value: u64, width: u32) {
        for index in 0..width {
            if self.bit.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = (value >> index & 1) as u8;
            *self.bytes.last_mut().expect("a byte was pushed") |= bit << (self.bit % 8);
            self.bit += 1;
        }
    }

    fn vbr(&mut self, mut value: u64) {
        while value >= 32 {
            self.fixed(value & 31 | 32, 6);
            value >>= 5;
        }
        self.fixed(value, 6);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_back() {
        let mut writer = Writer::new(3);
        let values = [0, 31, 32, 1 << 31, u64::MAX];
        writer.record(2, &values);
        writer.record(70, &[]);
        let bytes = writer.end();
        assert_eq!(bytes.len() % 4, 0);
        let block = Block {
            id: 0,
            width: 3,
            start: 0,
            bytes: &bytes,
        };
        let mut reader = Reader::of_block(&block);
        for (code, values) in [(2, &values[..]), (70, &[])] {
            let Some(Item::Record(record)) = reader.next().unwrap() else {
                panic!("there is a record");
            };
            assert_eq!((record.code, &record.values[..]), (code, values));
        }
        assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn damaged_streams_are_errors() {
        let error = |bytes: &[u8]| {
            let mut reader = match Reader::of_file(bytes) {
                Ok(reader) => reader,
                Err(error) => return error.to_string(),
            };
            loop {
                match reader.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => return "none".to_owned(),
                    Err(error) => return error.to_string(),
                }
            }
        };
        assert_eq!(error(b"\x7fELF"), "it is not bitcode");
        assert_eq!(error(b"BC\xc0\xde"), "none");
        // A block that is longer than the file.
        assert_eq!(
            error(b"BC\xc0\xde\x21\x0c\0\0\xff\0\0\0\0\0\0\0"),
            "it ends early"
        );
        assert_eq!(
            error(&[b"BC\xc0\xde", [0xff; 64].as_slice()].concat()),
            "a number is too large"
        );
    }
}
