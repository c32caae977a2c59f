//! Messages: what they ask for, and who has to sign.

use super::{LookupTable, Pubkey, lookup::Loaded, read_compact_u16, unsignable::Unsignable};
use crate::{
    Rejected,
    cursor::Cursor,
    limits,
    rejected::{Encoding, Malformed},
};

/// The two message formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Without a version byte.
    Legacy,
    /// Version byte `0x80`.
    V0,
}

/// A message: what every signer of a transaction signs, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    bytes: &'a [u8],
    version: Version,
    header: Header,
    accounts: Vec<Pubkey>,
    /// How many of the accounts stand in the message itself, and how many writable ones from tables come behind them.
    own_accounts: usize,
    loaded_writable: usize,
    recent_blockhash: [u8; 32],
    instructions: Vec<Instruction<'a>>,
}

/// One call of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction<'a> {
    /// The program.
    pub program: Pubkey,
    /// Positions of its accounts in [`Message::accounts`], each of which exists.
    pub accounts: &'a [u8],
    /// What the program is told.
    pub data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a whole legacy or v0 message that a validator would accept in a packet, without lookup tables.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejected> {
        Self::parse_with_tables(bytes, &[])
    }

    /// Reads a message that may take accounts from these lookup tables, and from no other.
    ///
    /// # Security
    /// What the message does depends on what the tables hold. That they are what they are said to be is for the caller to know.
    pub fn parse_with_tables(bytes: &'a [u8], tables: &[LookupTable]) -> Result<Self, Rejected> {
        check_packet_size(bytes.len(), 0)?;
        let mut cursor = Cursor::new(Encoding::SolanaMessage, bytes);
        let version = Version::read(&mut cursor)?;
        let header = Header::read(&mut cursor)?;
        let mut accounts = read_accounts(&mut cursor)?;
        let own_accounts = accounts.len();
        header.check(&accounts)?;
        check_packet_size(bytes.len(), header.signers)?;
        let recent_blockhash = cursor.array("recent blockhash")?;
        let instructions = read_instructions(&mut cursor, &accounts)?;
        let Loaded { writable, readonly } = match version {
            Version::V0 => Loaded::read(&mut cursor, tables)?,
            Version::Legacy => Loaded::default(),
        };
        cursor.finish()?;
        let loaded_writable = writable.len();
        accounts.extend(writable.into_iter().chain(readonly));
        check_accounts(&accounts)?;
        check_indices(&instructions, accounts.len())?;
        Ok(Self { bytes, version, header, accounts, own_accounts, loaded_writable, recent_blockhash, instructions })
    }

    /// What each signer signs: the message itself.
    pub fn signing_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What `signer` signs, provided that the message requires its signature.
    pub fn signing_bytes_for(&self, signer: &Pubkey) -> Result<&'a [u8], Rejected> {
        match self.signer_position(signer) {
            Some(_) => Ok(self.bytes),
            None => Err(Unsignable::NotASigner { key: *signer }.into()),
        }
    }

    /// Where `signer`'s signature stands in the transaction, if the message requires one.
    pub fn signer_position(&self, signer: &Pubkey) -> Option<usize> {
        self.required_signers().iter().position(|key| key == signer)
    }

    /// The accounts that have to sign, the fee payer first.
    pub fn required_signers(&self) -> &[Pubkey] {
        let signers = usize::from(self.header.signers);
        self.accounts.get(..signers).expect("Header::check counted the signers")
    }

    /// The account that pays the fee: the first signer.
    pub fn fee_payer(&self) -> Pubkey {
        *self.accounts.first().expect("Header::check demands a writable signer")
    }

    /// All accounts of the message, in its order; behind its own, those from lookup tables.
    pub fn accounts(&self) -> &[Pubkey] {
        &self.accounts
    }

    /// Whether the account at this position may be changed.
    pub(super) fn is_writable(&self, index: u8) -> bool {
        let Header { signers, readonly_signers, readonly_others } = self.header;
        let index = usize::from(index);
        if index < usize::from(signers) {
            return index < usize::from(signers.saturating_sub(readonly_signers));
        }
        match index.checked_sub(self.own_accounts) {
            None => index < self.own_accounts.saturating_sub(usize::from(readonly_others)),
            Some(loaded) => loaded < self.loaded_writable,
        }
    }

    /// Legacy or v0.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The blockhash that limits the message's life, or a durable nonce.
    pub fn recent_blockhash(&self) -> &[u8; 32] {
        &self.recent_blockhash
    }

    /// The calls, in the order in which they run.
    pub fn instructions(&self) -> &[Instruction<'a>] {
        &self.instructions
    }
}

impl Version {
    /// The first byte is a version if its top bit is set, and else the header's first.
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Rejected> {
        match cursor.peek() {
            Some(0x80) => {
                cursor.byte("version")?;
                Ok(Self::V0)
            }
            Some(versioned @ 0x81..) => Err(Unsignable::UnknownVersion { version: versioned & 0x7f }.into()),
            Some(0..0x80) | None => Ok(Self::Legacy),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    signers: u8,
    readonly_signers: u8,
    readonly_others: u8,
}

impl Header {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let [signers, readonly_signers, readonly_others] = cursor.array("message header")?;
        Ok(Self { signers, readonly_signers, readonly_others })
    }

    /// A writable signer pays, and the groups fit the accounts.
    fn check(self, accounts: &[Pubkey]) -> Result<(), Unsignable> {
        let grouped = usize::from(self.signers).saturating_add(usize::from(self.readonly_others));
        if self.readonly_signers >= self.signers || grouped > accounts.len() {
            return Err(Unsignable::BadHeader {
                signers: self.signers,
                readonly_signers: self.readonly_signers,
                readonly_others: self.readonly_others,
                accounts: accounts.len(),
            });
        }
        Ok(())
    }
}

/// An index has one byte, and no account is there twice.
fn check_accounts(accounts: &[Pubkey]) -> Result<(), Unsignable> {
    if accounts.len() > MOST_ACCOUNTS {
        return Err(Unsignable::TooManyAccounts { count: accounts.len() });
    }
    let mut sorted = accounts.to_vec();
    sorted.sort_unstable();
    match sorted.array_windows().find(|[a, b]| a == b) {
        Some([account, _]) => Err(Unsignable::DuplicateAccount { account: *account }),
        None => Ok(()),
    }
}

/// Every account that an instruction names is there.
fn check_indices(instructions: &[Instruction<'_>], accounts: usize) -> Result<(), Unsignable> {
    let named = instructions.iter().enumerate();
    let mut named = named.flat_map(|(instruction, call)| call.accounts.iter().map(move |index| (instruction, *index)));
    match named.find(|(_, index)| usize::from(*index) >= accounts) {
        Some((instruction, index)) => Err(Unsignable::BadAccountIndex { instruction, index }),
        None => Ok(()),
    }
}

fn read_accounts(cursor: &mut Cursor<'_>) -> Result<Vec<Pubkey>, Malformed> {
    let count = read_compact_u16(cursor, "number of accounts")?;
    let mut accounts = Vec::new();
    for _ in 0..count {
        accounts.push(Pubkey(cursor.array("account")?));
    }
    Ok(accounts)
}

fn read_instructions<'a>(cursor: &mut Cursor<'a>, accounts: &[Pubkey]) -> Result<Vec<Instruction<'a>>, Rejected> {
    let count = read_compact_u16(cursor, "number of instructions")?;
    let mut instructions = Vec::new();
    for instruction in 0..usize::from(count) {
        instructions.push(read_instruction(cursor, accounts, instruction)?);
    }
    Ok(instructions)
}

fn read_instruction<'a>(
    cursor: &mut Cursor<'a>,
    accounts: &[Pubkey],
    instruction: usize,
) -> Result<Instruction<'a>, Rejected> {
    let index = cursor.byte("program index")?;
    // A program is an account of the message itself, not one from a table.
    let program = match accounts.get(usize::from(index)) {
        Some(program) if index != FEE_PAYER => *program,
        _ => return Err(Unsignable::BadAccountIndex { instruction, index }.into()),
    };
    let count = read_compact_u16(cursor, "number of instruction accounts")?;
    let indices = cursor.take(usize::from(count), "instruction accounts")?;
    let length = read_compact_u16(cursor, "length of instruction data")?;
    let data = cursor.take(usize::from(length), "instruction data")?;
    Ok(Instruction { program, accounts: indices, data })
}

/// Refuses what a packet could not hold, so that everything below works on little.
pub(super) fn check_packet_size(message: usize, signers: u8) -> Result<(), Unsignable> {
    let signatures = 64usize.saturating_mul(usize::from(signers));
    let length = message.saturating_add(signatures).saturating_add(1);
    if length > limits::SOLANA_TRANSACTION { Err(Unsignable::TooLong { length }) } else { Ok(()) }
}

/// Index of the fee payer, which cannot be a program.
const FEE_PAYER: u8 = 0;
/// As many as instructions can name.
const MOST_ACCOUNTS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejected::Fault;

    /// `system_instruction::transfer` of one lamport, as the Solana documentation lays it out.
    const TRANSFER: &[u8] = b"\x02\x02\x00\x01\x0c\x02\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00";

    /// A message whose account number i is 32 bytes of `accounts[i]`, its blockhash 32 bytes of 9.
    fn message(header: &[u8], accounts: &[u8], instructions: &[&[u8]]) -> Vec<u8> {
        let keys: Vec<u8> = accounts.iter().flat_map(|&account| [account; 32]).collect();
        let counts = |n: usize| vec![u8::try_from(n).unwrap()];
        [header.to_vec(), counts(accounts.len()), keys, vec![9; 32], counts(instructions.len()), instructions.concat()]
            .concat()
    }

    fn refusal(bytes: &[u8]) -> Unsignable {
        match Message::parse(bytes) {
            Err(Rejected::Solana(unsignable)) => unsignable,
            other => panic!("{other:?}"),
        }
    }

    fn fault(bytes: &[u8]) -> (usize, Fault) {
        match Message::parse(bytes) {
            Err(Rejected::Malformed(malformed)) => (malformed.at, malformed.fault),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_a_legacy_transfer() {
        let bytes = message(&[1, 0, 1], &[7, 8, 0], &[TRANSFER]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.version(), Version::Legacy);
        assert_eq!(message.required_signers(), [Pubkey([7; 32])]);
        assert_eq!(message.fee_payer(), Pubkey([7; 32]));
        assert_eq!(message.recent_blockhash(), &[9; 32]);
        assert_eq!(message.signing_bytes(), bytes);
        let [instruction] = message.instructions() else { panic!("one instruction") };
        assert_eq!(instruction.program.to_string(), "11111111111111111111111111111111");
        assert_eq!(instruction.accounts, [0, 1]);
        assert_eq!(instruction.data, &TRANSFER[5..]);
    }

    #[test]
    fn reads_a_v0_transfer_and_refuses_lookup_tables_in_it() {
        let body = message(&[0x80, 1, 0, 1], &[7, 8, 0], &[TRANSFER]);
        let without = [body.clone(), vec![0]].concat();
        assert_eq!(Message::parse(&without).unwrap().version(), Version::V0);
        let with = [body, vec![1], vec![5; 32], vec![1, 0, 0]].concat();
        assert_eq!(refusal(&with), Unsignable::LookupTables { count: 1 });
    }

    /// Lookups: each a table, and the positions there of writable and read-only accounts.
    fn lookups(lookups: &[(u8, &[u8], &[u8])]) -> Vec<u8> {
        let counts = |indices: &[u8]| [&[indices.len() as u8], indices].concat();
        let lookup = |&(table, writable, readonly): &(u8, &[u8], &[u8])| {
            [vec![table; 32], counts(writable), counts(readonly)].concat()
        };
        [vec![lookups.len() as u8], lookups.iter().flat_map(lookup).collect()].concat()
    }

    fn tables() -> [LookupTable; 2] {
        let table = |address: u8, accounts: &[u8]| LookupTable {
            address: Pubkey([address; 32]),
            addresses: accounts.iter().map(|account| Pubkey([*account; 32])).collect(),
        };
        [table(50, &[20, 21, 22]), table(51, &[30, 31, 0])]
    }

    #[test]
    fn takes_accounts_from_pinned_tables_writable_ones_of_all_tables_first() {
        // A call of program 0 with every account from tables.
        let call = b"\x02\x04\x03\x04\x05\x06\x00";
        let body = message(&[0x80, 1, 0, 1], &[7, 8, 0], &[call]);
        let bytes = [body.clone(), lookups(&[(50, &[2], &[0]), (51, &[1], &[0])])].concat();
        let message = Message::parse_with_tables(&bytes, &tables()).unwrap();
        assert_eq!(message.accounts(), [7, 8, 0, 22, 31, 20, 30].map(|account| Pubkey([account; 32])));
        let writable: Vec<u8> = (0..7).filter(|index| message.is_writable(*index)).collect();
        assert_eq!(writable, [0, 1, 3, 4]);
        assert_eq!(message.signing_bytes(), bytes);
        assert_eq!(message.required_signers(), [Pubkey([7; 32])]);
        assert_eq!(refusal(&bytes), Unsignable::LookupTables { count: 2 });
        let refused = |tail: Vec<u8>| match Message::parse_with_tables(&[body.clone(), tail].concat(), &tables()) {
            Err(Rejected::Solana(unsignable)) => unsignable,
            other => panic!("{other:?}"),
        };
        let (table, unknown) = (Pubkey([50; 32]), Pubkey([52; 32]));
        assert_eq!(refused(lookups(&[(52, &[0], &[])])), Unsignable::UnknownLookupTable { table: unknown });
        assert_eq!(refused(lookups(&[(50, &[3], &[])])), Unsignable::BeyondLookupTable { table, index: 3 });
        assert_eq!(refused(lookups(&[(50, &[], &[])])), Unsignable::EmptyLookup { table });
        assert_eq!(refused(lookups(&[(50, &[0], &[1, 2])])), Unsignable::BadAccountIndex { instruction: 0, index: 6 });
        let account = Pubkey([0; 32]);
        assert_eq!(
            refused(lookups(&[(50, &[0, 1], &[]), (51, &[2, 0], &[])])),
            Unsignable::DuplicateAccount { account }
        );
        for length in 0..bytes.len() {
            assert!(Message::parse_with_tables(&bytes[..length], &tables()).is_err(), "{length}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(Message::parse_with_tables(&longer, &tables()).is_err());
    }

    #[test]
    fn takes_no_program_from_a_table() {
        let bytes = [message(&[0x80, 1, 0, 1], &[7, 8, 0], &[b"\x03\x00\x00"]), lookups(&[(50, &[0], &[])])].concat();
        let refused = Message::parse_with_tables(&bytes, &tables());
        assert_eq!(refused, Err(Unsignable::BadAccountIndex { instruction: 0, index: 3 }.into()));
    }

    #[test]
    fn gives_bytes_to_sign_to_required_signers_alone() {
        let bytes = message(&[2, 1, 1], &[7, 8, 0], &[TRANSFER]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.signer_position(&Pubkey([8; 32])), Some(1));
        assert_eq!(message.signing_bytes_for(&Pubkey([8; 32])), Ok(bytes.as_slice()));
        let key = Pubkey([0; 32]);
        assert_eq!(message.signing_bytes_for(&key), Err(Unsignable::NotASigner { key }.into()));
    }

    #[test]
    fn refuses_every_version_but_legacy_and_0() {
        for version in 1..=0x7f {
            let bytes = message(&[0x80 | version, 1, 0, 1], &[7, 8, 0], &[TRANSFER]);
            assert_eq!(refusal(&bytes), Unsignable::UnknownVersion { version });
        }
    }

    #[test]
    fn refuses_headers_that_do_not_fit_the_accounts() {
        for header in [[0, 0, 0], [1, 1, 1], [4, 0, 0], [3, 0, 1], [1, 0, 3]] {
            let bytes = message(&header, &[7, 8, 0], &[TRANSFER]);
            assert!(matches!(refusal(&bytes), Unsignable::BadHeader { .. }), "{header:?}");
        }
    }

    #[test]
    fn refuses_an_account_listed_twice() {
        let bytes = message(&[1, 0, 1], &[7, 0, 7], &[TRANSFER]);
        assert_eq!(refusal(&bytes), Unsignable::DuplicateAccount { account: Pubkey([7; 32]) });
    }

    #[test]
    fn refuses_instructions_that_name_what_is_not_there_or_the_fee_payer_as_program() {
        for (instruction, index) in [(&[3, 0, 0][..], 3), (&[0, 0, 0], 0), (&[2, 2, 0, 3, 0], 3)] {
            let bytes = message(&[1, 0, 1], &[7, 8, 0], &[b"\x02\x00\x00", instruction]);
            assert_eq!(refusal(&bytes), Unsignable::BadAccountIndex { instruction: 1, index });
        }
    }

    #[test]
    fn refuses_what_no_packet_holds_together_with_its_signatures() {
        let call = |length: u16| {
            let [low, high] = [length & 0x7f | 0x80, length >> 7].map(|n| n as u8);
            [vec![1, 0, low, high], vec![0; usize::from(length)]].concat()
        };
        let fits = message(&[2, 0, 0], &[7, 8], &[&call(998)]);
        assert_eq!(fits.len() + 2 * 64 + 1, limits::SOLANA_TRANSACTION);
        assert!(Message::parse(&fits).is_ok());
        let long = message(&[2, 0, 0], &[7, 8], &[&call(999)]);
        assert_eq!(refusal(&long), Unsignable::TooLong { length: 1233 });
        assert_eq!(refusal(&[1; 5000]), Unsignable::TooLong { length: 5001 });
    }

    #[test]
    fn refuses_trailing_bytes() {
        let bytes = [message(&[1, 0, 1], &[7, 8, 0], &[TRANSFER]), vec![0]].concat();
        assert_eq!(fault(&bytes), (bytes.len() - 1, Fault::TrailingBytes { extra: 1 }));
    }

    #[test]
    fn refuses_lengths_that_are_not_in_their_shortest_form() {
        for longer in [&b"\x02\x80\x00\x00"[..], b"\x02\x80\x80\x00", b"\x02\x80\x80\x04", b"\x02\xff\xff\xff"] {
            let bytes = message(&[1, 0, 1], &[7, 8, 0], &[longer]);
            let field = "number of instruction accounts";
            assert_eq!(fault(&bytes).1, Fault::NotMinimal { field });
        }
    }

    #[test]
    fn refuses_every_truncation_and_survives_every_flipped_bit() {
        for header in [&[1, 0, 1][..], &[0x80, 1, 0, 1]] {
            let mut bytes = message(header, &[7, 8, 0], &[TRANSFER, TRANSFER]);
            bytes.extend((header.len() == 4).then_some(0));
            assert!(Message::parse(&bytes).is_ok());
            for length in 0..bytes.len() {
                assert!(Message::parse(&bytes[..length]).is_err(), "{length}");
            }
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                if let Ok(message) = Message::parse(&flipped) {
                    assert_eq!(message.signing_bytes(), flipped);
                }
            }
        }
    }
}
