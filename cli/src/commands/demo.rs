//! `cloister demo`: everything once, on this machine, with every signature judged by a library that had no part in it.

mod ethereum;
mod judge;
mod solana;
mod story;
mod taproot;

use std::path::{Path, PathBuf};

use clap::Args;
use cloister_client::{Client, Key, SigningJob, audit::Export, requester::Credential, scheme::Kind};
use cloister_simulator::group::Group;
use cloister_wire::{
    ids::{KeyName, SignerId},
    policy::{ForeignInputs, Permission},
    request::Scheme,
};
use tempfile::TempDir;

use crate::{
    commands::sim::{self, words},
    destination::Destination,
    failure::{Exit, Failure},
    output::Output,
    progress::Progress,
};
use judge::Verdict;
use story::Story;

/// `cloister demo`.
///
/// Starts a KMS stand-in, three signers and their hosts as processes of their own (2 of 3 sign), makes a key of each scheme, signs
/// an Ethereum transfer, kills all signers, brings them back through attested KMS decryption, signs another one, a Solana transfer, a
/// Taproot PSBT and a text, kills one signer, and signs again. SIMULATED: the attestation rests on a test root.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cloister demo\n  cloister demo --json | jq .signatures\n  cloister demo --dir kept && cloister audit verify --dir kept kept/audit.json"
)]
pub(crate) struct Arguments {
    /// Keep the group in this new folder; otherwise it is removed in the end.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let folder = Folder::new(arguments.dir)?;
    let (dir, progress) = (folder.path(), Progress::new(output));
    let told = tokio::select! {
        told = tell(&dir, &progress) => told?,
        () = sim::interrupted() => return Err(sim::interruption()),
    };
    drop(progress);
    output.answer(&told);
    Ok(())
}

async fn tell(dir: &Path, progress: &Progress) -> Result<Story, Failure> {
    let mut story = Story::begin();
    let mut group = Group::up(sim::plan(dir.to_owned(), 3, 2)?, &|step| progress.doing(words::of(step))).await?;
    story.started(&group);
    group.start(&|step| progress.doing(words::of(step))).await?;
    let client = connect(&group).await?;
    story.attested(&client);

    let keys = Keys::make(&group, &client, progress).await?;
    story.made(&keys);
    let credential = group.credential()?;
    let signer = Signer { client: &client, credential: &credential, progress };
    story.signed(signer.pay(&keys.ethereum, 0).await?);

    restart(&mut group, progress).await?;
    let client = connect(&group).await?;
    story.restarted(&client);

    let signer = Signer { client: &client, ..signer };
    story.signed(signer.pay(&keys.ethereum, 1).await?);
    story.signed(signer.transfer(&keys.solana, 1_000_000).await?);
    story.signed(signer.gather(&keys.bitcoin).await?);
    story.signed(signer.text(&keys.schnorr).await?);

    let victim = SignerId::try_from(3).expect("a group has a third signer");
    progress.doing("killing signer 3");
    group.kill_signer(victim).await?;
    let client = connect(&group).await?;
    story.lost(victim);
    let signer = Signer { client: &client, ..signer };
    story.signed(signer.transfer(&keys.solana, 2_000_000).await?);
    story.signed(signer.gather(&keys.bitcoin).await?);

    progress.doing("verifying the audit trail");
    let json = client.attested().audit_export(None).await?;
    story.audited(&Export::parse(&json)?.verify(&group.pin())?)?;
    Destination::open(&dir.join("audit.json"))?.write(&json)?;
    group.stop().await?;
    Ok(story.end())
}

/// By signer 1's host, as anybody would: manifest pinned, every signer attested.
async fn connect(group: &Group) -> Result<Client, Failure> {
    let first = SignerId::try_from(1).expect("a group has a first signer");
    Ok(Client::connect(group.url(first), group.pin()).await?)
}

async fn restart(group: &mut Group, progress: &Progress) -> Result<(), Failure> {
    let signers: Vec<_> = group.manifest().signers.iter().map(|slot| slot.id).collect();
    progress.doing("killing all three signers");
    for signer in &signers {
        group.kill_signer(*signer).await?;
    }
    for signer in &signers {
        progress.doing(format!("starting signer {signer} again"));
        group.restart_signer(*signer).await?;
    }
    progress.doing("the operators name the new boots; shares are opened through attested KMS Decrypt");
    group.start(&|step| progress.doing(words::of(step))).await?;
    Ok(())
}

/// A key of each scheme.
struct Keys {
    solana: Key,
    bitcoin: Key,
    schnorr: Key,
    ethereum: Key,
}

impl Keys {
    async fn make(group: &Group, client: &Client, progress: &Progress) -> Result<Self, Failure> {
        let credential = group.credential()?;
        let name = |name: &str| name.parse::<KeyName>().expect("a valid name");
        let rules = [
            ("solana", Permission::Solana),
            ("bitcoin", Permission::Bitcoin { foreign: ForeignInputs::Refused }),
            ("schnorr", Permission::Message),
            ("ethereum", Permission::Ethereum { chain_id: 1 }),
        ];
        progress.doing("the operators allow the requester to sign");
        let allow = |draft: &mut cloister_client::operator::PolicyDraft| {
            rules.iter().try_for_each(|(key, allowed)| {
                draft.allow_signing(&credential.name, &name(key), std::slice::from_ref(allowed))
            })
        };
        group.change_policy(allow).await?;
        let make = async |key: &'static str, scheme| {
            progress.doing(format!("making the {key} key: key generation, sealing, reading back through KMS"));
            client.create_key(&credential, name(key), scheme).await
        };
        Ok(Self {
            solana: make("solana", Scheme::Ed25519).await?,
            bitcoin: make("bitcoin", Scheme::Secp256k1Taproot).await?,
            schnorr: make("schnorr", Scheme::Secp256k1Schnorr).await?,
            ethereum: make("ethereum", Scheme::Secp256k1Ecdsa).await?,
        })
    }
}

/// Who asks for signatures and judges them.
#[derive(Clone, Copy)]
struct Signer<'a> {
    client: &'a Client,
    credential: &'a Credential,
    progress: &'a Progress,
}

impl Signer<'_> {
    /// A real Solana transfer of the system program.
    async fn transfer(self, key: &Key, lamports: u64) -> Result<Verdict, Failure> {
        let from = key.public_key().try_into().map_err(anyhow::Error::from)?;
        let message = solana::transfer(from, RECEIVER, lamports, BLOCKHASH);
        let (job, signed) = self.sign(key, Kind::Solana, &message).await?;
        Ok(judge::solana(job, signed, lamports)?)
    }

    /// A real EIP-1559 transfer of one wei.
    async fn pay(self, key: &Key, nonce: u8) -> Result<Verdict, Failure> {
        let transfer = ethereum::Transfer::new(nonce, PAYEE, 1);
        let (job, signed) = self.sign(key, Kind::Ethereum, &transfer.unsigned()).await?;
        Ok(judge::ethereum(job, signed, &transfer)?)
    }

    /// A Taproot PSBT that spends three coins.
    async fn gather(self, key: &Key) -> Result<Verdict, Failure> {
        let output_key = key.output_key().ok_or_else(|| anyhow::anyhow!("no Taproot key"))?;
        let (_, internal) =
            key.public_key().split_last_chunk::<32>().ok_or_else(|| anyhow::anyhow!("no Taproot key"))?;
        let spend = taproot::Spend::gather(internal, &output_key, &COINS)?;
        let (job, signed) = self.sign(key, Kind::Bitcoin, &spend.psbt()).await?;
        Ok(judge::bitcoin(job, signed, &spend)?)
    }

    /// A text, by the plain ciphersuite.
    async fn text(self, key: &Key) -> Result<Verdict, Failure> {
        let (job, signed) = self.sign(key, Kind::Message, TEXT.as_bytes()).await?;
        Ok(judge::schnorr(job, signed, TEXT)?)
    }

    async fn sign(
        self,
        key: &Key,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(SigningJob, cloister_client::Signed), Failure> {
        let body = key.body();
        self.progress.doing(format!("two signers sign with the {} key", body.name));
        let key = self.client.key(&body.tenant, &body.name).await?;
        let job = SigningJob::new(&key, kind, payload)?;
        let signed = self.client.sign(self.credential, &job).await?;
        Ok((job, signed))
    }
}

/// Where the group lives: a folder that is kept, or one that is removed.
enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    fn new(kept: Option<PathBuf>) -> Result<Self, Failure> {
        match kept {
            Some(path) if path.exists() => {
                let message = format!("{} exists already", path.display());
                Err(Failure::new(
                    Exit::Usage,
                    "folder_exists",
                    message,
                    "Choose a new folder: the demo founds a new group.",
                ))
            }
            Some(path) => Ok(Self::Kept(path)),
            None => Ok(Self::Temporary(TempDir::with_prefix("cloister-").map_err(anyhow::Error::from)?)),
        }
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Kept(path) => path.clone(),
            Self::Temporary(folder) => folder.path().join("group"),
        }
    }
}

/// Who gets the lamports.
const RECEIVER: [u8; 32] = [0x5a; 32];
/// Who gets the wei.
const PAYEE: [u8; 20] = [0x5a; 20];
/// Would be a recent block's.
const BLOCKHASH: [u8; 32] = [0xb1; 32];
/// Satoshis.
const COINS: [u64; 3] = [50_000, 70_000, 90_000];
const TEXT: &str = "Cloister signed this.";
