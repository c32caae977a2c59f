//! CompactSize numbers: one byte up to 252, else a marker and two, four or eight bytes.

use crate::{
    cursor::Cursor,
    rejected::{Fault, Malformed},
};

impl<'a> Cursor<'a> {
    /// A CompactSize in its shortest form.
    pub(super) fn compact_size(&mut self, field: &'static str) -> Result<u64, Malformed> {
        let (value, least) = match self.byte(field)? {
            0xfd => (u64::from(u16::from_le_bytes(self.array(field)?)), 0xfd),
            0xfe => (u64::from(self.u32(field)?), 0x1_0000),
            0xff => (self.u64(field)?, 0x1_0000_0000),
            byte => return Ok(u64::from(byte)),
        };
        if value < least { Err(self.fault(Fault::NotMinimal { field })) } else { Ok(value) }
    }

    /// A CompactSize that counts things of which at most `limit` are taken.
    pub(super) fn count(&mut self, field: &'static str, limit: usize) -> Result<usize, Malformed> {
        let count = self.compact_size(field)?;
        match usize::try_from(count) {
            Ok(count) if count <= limit => Ok(count),
            _ => Err(self.fault(Fault::TooMany { field, count, limit })),
        }
    }

    /// A CompactSize and as many bytes.
    pub(super) fn string(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        let length = self.compact_size(field)?;
        // A length beyond the address space is beyond the bytes that are left, too.
        self.take(usize::try_from(length).unwrap_or(usize::MAX), field)
    }
}

/// Appends `value` as a CompactSize.
pub(super) fn write_compact_size(bytes: &mut Vec<u8>, value: usize) {
    let value = value as u64;
    let little_endian = value.to_le_bytes();
    let (marker, width) = match value {
        0..0xfd => (None, 1),
        0xfd..0x1_0000 => (Some(0xfd), 2),
        0x1_0000..0x1_0000_0000 => (Some(0xfe), 4),
        0x1_0000_0000.. => (Some(0xff), 8),
    };
    bytes.extend(marker);
    bytes.extend(little_endian.iter().take(width));
}

/// Appends `string` with its length as a CompactSize in front.
pub(super) fn write_string(bytes: &mut Vec<u8>, string: &[u8]) {
    write_compact_size(bytes, string.len());
    bytes.extend(string);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejected::Encoding;

    #[test]
    fn reads_each_width_from_its_least_value_and_refuses_one_less() {
        for (value, width) in [(0xfc, 1), (0xfd, 3), (0xffff, 3), (0x1_0000, 5), (0xffff_ffff, 5), (0x1_0000_0000, 9)] {
            let mut bytes = Vec::new();
            write_compact_size(&mut bytes, value);
            assert_eq!(bytes.len(), width);
            assert_eq!(Cursor::new(Encoding::Psbt, &bytes).compact_size("n"), Ok(value as u64));
        }
        for longer in [&b"\xfd\xfc\x00"[..], b"\xfe\xff\xff\x00\x00", b"\xff\xff\xff\xff\xff\x00\x00\x00\x00"] {
            let refused = Cursor::new(Encoding::Psbt, longer).compact_size("n").unwrap_err();
            assert_eq!(refused.fault, Fault::NotMinimal { field: "n" });
        }
    }

    #[test]
    fn refuses_a_string_longer_than_what_is_left() {
        let refused = Cursor::new(Encoding::Psbt, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff!").string("s").unwrap_err();
        assert_eq!(refused.fault, Fault::Truncated { field: "s" });
    }
}
