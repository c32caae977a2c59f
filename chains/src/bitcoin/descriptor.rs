//! Output descriptors (BIP-380 to 386): what a wallet has to watch, as a text with a checksum.

use super::unsignable::Unsignable;
use crate::{Rejected, derivation::ChildPath};

/// Which outputs of its keys a descriptor describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptKind {
    /// `pkh(…)` (BIP-44).
    P2pkh,
    /// `sh(wpkh(…))` (BIP-49).
    P2shP2wpkh,
    /// `wpkh(…)` (BIP-84).
    P2wpkh,
    /// `tr(…)` without scripts (BIP-86).
    P2tr,
}

/// Which children of an extended key a descriptor describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// `/0/*`, whose addresses are shown to others.
    Receiving,
    /// `/1/*`, the wallet's own change.
    Change,
}

/// The descriptor of `branch` of the key `xpub` (BIP-32's base58 with a checksum, of whichever
/// network), such as `wpkh([d34db33f/0/5]xpub…/0/*)#checksum`. Its origin is its master key's own
/// fingerprint, and the path from there.
pub fn descriptor(
    kind: ScriptKind,
    (master, path): ([u8; 4], &ChildPath),
    xpub: &str,
    branch: Branch,
) -> Result<String, Rejected> {
    check_xpub(xpub)?;
    let fingerprint = u32::from_be_bytes(master);
    let path: String = path.steps().iter().map(|step| format!("/{step}")).collect();
    let branch = match branch {
        Branch::Receiving => 0,
        Branch::Change => 1,
    };
    let key = format!("[{fingerprint:08x}{path}]{xpub}/{branch}/*");
    let text = match kind {
        ScriptKind::P2pkh => format!("pkh({key})"),
        ScriptKind::P2shP2wpkh => format!("sh(wpkh({key}))"),
        ScriptKind::P2wpkh => format!("wpkh({key})"),
        ScriptKind::P2tr => format!("tr({key})"),
    };
    let checksum = checksum(&text).ok_or(Unsignable::BadXpub)?;
    Ok(format!("{text}#{checksum}"))
}

/// Refuses what is not BIP-32's serialisation of a public key.
fn check_xpub(xpub: &str) -> Result<(), Unsignable> {
    let mut bytes = [0; SERIALISED];
    let length = bs58::decode(xpub).with_check(None).onto(&mut bytes).map_err(|_| Unsignable::BadXpub)?;
    let known = VERSIONS.iter().any(|version| bytes.starts_with(version));
    if known && length == PAYLOAD { Ok(()) } else { Err(Unsignable::BadXpub) }
}

/// BIP-380's checksum, `None` if a character is not of its alphabet.
fn checksum(text: &str) -> Option<String> {
    let mut code = 1;
    let mut group = None;
    for (position, byte) in text.bytes().enumerate() {
        let symbol = INPUT.iter().position(|&known| known == byte)? as u64;
        code = step(code, symbol & 31);
        // The high bits of three characters make a symbol of their own.
        let high = group.unwrap_or(0_u64).wrapping_mul(3).wrapping_add(symbol >> 5);
        group = Some(high);
        if position % 3 == 2 {
            code = step(code, high);
            group = None;
        }
    }
    code = group.map_or(code, |high| step(code, high));
    code = (0..8).fold(code, |code, _| step(code, 0)) ^ 1;
    let symbols = [35, 30, 25, 20, 15, 10, 5, 0].map(|shift| OUTPUT.get((code >> shift) as usize & 31));
    symbols.into_iter().map(|symbol| symbol.map(|&byte| char::from(byte))).collect()
}

/// One symbol of 5 bits into the BCH code.
fn step(code: u64, symbol: u64) -> u64 {
    let top = code >> 35;
    let shifted = ((code & 0x7_ffff_ffff) << 5) ^ symbol;
    let taps = GENERATOR.iter().enumerate().filter(|(bit, _)| (top >> bit) & 1 == 1);
    taps.fold(shifted, |code, (_, generator)| code ^ generator)
}

/// Bytes of an extended key, and of its checksum behind it.
const PAYLOAD: usize = 78;
const SERIALISED: usize = PAYLOAD + 4;
/// `xpub` and `tpub`.
const VERSIONS: [[u8; 4]; 2] = [[0x04, 0x88, 0xb2, 0x1e], [0x04, 0x35, 0x87, 0xcf]];

const INPUT: &[u8] =
    b"0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ ";
const OUTPUT: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u64; 5] = [0xf5_dee5_1989, 0xa9_fdca_3312, 0x1b_ab10_e32d, 0x37_06b1_677a, 0x64_4d62_6ffd];

#[cfg(test)]
mod tests {
    use super::*;

    /// The master key of BIP-32's first test vector.
    const XPUB: &str = "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8";

    #[test]
    fn computes_the_checksums_of_bip_380() {
        assert_eq!(checksum("raw(deadbeef)").unwrap(), "89f8spxm");
        assert_ne!(checksum("raw(deedbeef)").unwrap(), "89f8spxm");
        assert_eq!(checksum("raw(Ü)"), None);
    }

    #[test]
    fn writes_each_kind_around_the_key() {
        let text =
            |kind, branch| descriptor(kind, ([0x34, 0x42, 0x19, 0x3e], &ChildPath::default()), XPUB, branch).unwrap();
        for (kind, before, after) in [
            (ScriptKind::P2pkh, "pkh(", ")"),
            (ScriptKind::P2shP2wpkh, "sh(wpkh(", "))"),
            (ScriptKind::P2wpkh, "wpkh(", ")"),
            (ScriptKind::P2tr, "tr(", ")"),
        ] {
            for (branch, number) in [(Branch::Receiving, 0), (Branch::Change, 1)] {
                let expected = format!("{before}[3442193e]{XPUB}/{number}/*{after}");
                let checksum = checksum(&expected).unwrap();
                assert_eq!(text(kind, branch), format!("{expected}#{checksum}"));
            }
        }
    }

    #[test]
    fn refuses_what_is_not_an_extended_public_key() {
        let private = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi";
        let address = "1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA";
        let changed = XPUB.replace('q', "p");
        let longer = format!("{XPUB}1");
        for bad in ["", "xpub", private, address, &changed, &longer, &format!("{XPUB})"), &"1".repeat(4000)] {
            let refused =
                descriptor(ScriptKind::P2tr, ([0; 4], &ChildPath::default()), bad, Branch::Receiving).unwrap_err();
            assert_eq!(refused.code(), "bitcoin_bad_xpub", "{bad}");
        }
    }
}
