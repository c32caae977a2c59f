//! The header of an image file, and the sections that it says are behind it.

use std::ops::Range;

use super::ImageRejected;

/// What stands before the sections.
pub(super) struct Header {
    sections: u16,
    offsets: [u64; MOST_SECTIONS],
    lengths: [u64; MOST_SECTIONS],
    checksum: u32,
}

pub(super) struct Section<'a> {
    pub(super) kind: u16,
    pub(super) content: &'a [u8],
}

impl Header {
    pub(super) fn parse(file: &[u8]) -> Result<Self, ImageRejected> {
        if !file.starts_with(MAGIC.get(..file.len().min(MAGIC.len())).unwrap_or_default()) || file.is_empty() {
            return Err(ImageRejected::Foreign);
        }
        let mut reader = Reader(slice(file, 0..HEADER, "the header")?);
        reader.take::<4>();
        let (version, flags) = (reader.u16(), reader.u16());
        if !(3..=4).contains(&version) {
            return Err(ImageRejected::Version(version));
        }
        if flags != 0 {
            return Err(ImageRejected::Flags(flags));
        }
        // Memory, CPUs: what `nitro-cli` is told counts instead.
        let _ = (reader.u64(), reader.u64());
        let (reserved, sections) = (reader.u16(), reader.u16());
        let mut table = || [(); MOST_SECTIONS].map(|()| reader.u64());
        let (offsets, lengths) = (table(), table());
        let (unused, checksum) = (reader.u32(), reader.u32());
        if reserved != 0 || unused != 0 {
            return Err(ImageRejected::NotZero("a reserved field of its header"));
        }
        if !(3..=MOST_SECTIONS).contains(&usize::from(sections)) {
            return Err(ImageRejected::Sections(sections));
        }
        let behind = |table: &[u64]| table.iter().skip(usize::from(sections)).any(|entry| *entry != 0);
        if behind(&offsets) || behind(&lengths) {
            return Err(ImageRejected::NotZero("its table of sections behind the last one"));
        }
        Ok(Self { sections, offsets, lengths, checksum })
    }

    pub(super) fn sections<'a>(&self, file: &'a [u8]) -> Result<Vec<Section<'a>>, ImageRejected> {
        let mut start = HEADER;
        let mut sections = Vec::with_capacity(usize::from(self.sections));
        let table = self.offsets.iter().zip(&self.lengths).take(usize::from(self.sections));
        for (position, (&offset, &length)) in table.enumerate() {
            let mut reader = Reader(slice(file, start..start + SECTION_HEADER, "a section's header")?);
            let (kind, flags, stated) = (reader.u16(), reader.u16(), reader.u64());
            if flags != 0 {
                return Err(ImageRejected::NotZero("the flags of a section"));
            }
            if offset != start as u64 || stated != length {
                return Err(ImageRejected::Boundary(position));
            }
            let begin = start + SECTION_HEADER;
            let end = usize::try_from(length).ok().and_then(|length| begin.checked_add(length)).unwrap_or(usize::MAX);
            sections.push(Section { kind, content: slice(file, begin..end, "a section")? });
            start = end;
        }
        match file.len() - start {
            0 => Ok(sections),
            more => Err(ImageRejected::Trailing(more)),
        }
    }

    pub(super) fn check_sum(&self, file: &[u8]) -> Result<(), ImageRejected> {
        let mut crc = crc32fast::Hasher::new();
        crc.update(slice(file, 0..HEADER - CHECKSUM, "the header")?);
        crc.update(slice(file, HEADER..file.len(), "the sections")?);
        let found = crc.finalize();
        if found == self.checksum { Ok(()) } else { Err(ImageRejected::Checksum { found, said: self.checksum }) }
    }
}

fn slice<'a>(file: &'a [u8], range: Range<usize>, what: &'static str) -> Result<&'a [u8], ImageRejected> {
    let end = range.end;
    file.get(range).ok_or(ImageRejected::Truncated { what, end, length: file.len() })
}

/// Numbers in big-endian order, from a slice that is long enough.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (number, rest) = self.0.split_first_chunk().expect("headers were cut to their length");
        self.0 = rest;
        *number
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }
}

pub(super) const MAGIC: &[u8] = b".eif";
pub(super) const HEADER: usize = 548;
pub(super) const CHECKSUM: usize = 4;
pub(super) const SECTION_HEADER: usize = 12;
pub(super) const MOST_SECTIONS: usize = 32;
