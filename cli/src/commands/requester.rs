mod allow;
mod view;

use std::{collections::BTreeSet, fs, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use cloister_client::{
    Attested, Blame, Error, Key as CertifiedKey, P256Secret, RequesterSecret, Secret, SecretFile, SignerStatus,
    operator::{self, PolicyDraft},
    permission,
    scheme::scheme_name,
};
use cloister_wire::{
    credential::Credential,
    endorsement::Endorsed,
    ids::{Hash, KeyName, PolicyVersion, Requester, Tenant},
    policy::Policy,
};

use crate::{
    context::Connection,
    draft::{Draft, DraftView, Operators, Signed, Signing, put_into_force},
    failure::{Exit, Failure},
    input,
    output::Output,
};
use allow::{Allowance, Allowed};
use view::{AddedView, Change, CredentialView, DeniedView, Grant, ListView, RemovedView};

/// `cloister requester`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Let somebody ask: adds the key to the policy, signs the next version with the operators' keys and puts it into force.
    ///
    /// What is allowed here is a grant: the rule `key:KEY`, behind all other rules. A grant looks at the kind of payload alone, at no
    /// amount and no recipient; rules that do are written in policy files (`cloister policy --help`).
    ///
    /// Naming a requester again adds to what it may do. All requesters of a grant may sign the same with its key: who is added to a key
    /// may all that is granted with it already, and what is added is granted to the others, too. The answer says who may sign what
    /// afterwards.
    #[command(after_help = "Examples:
  cloister requester add demo --allow treasury=solana,message
  cloister requester add alice --key alice.key --create-keys --allow treasury=solana,message
  cloister requester add bob --public-key 3f1c... --allow cold-1=bitcoin
  cloister requester add carol --key-type p256 --allow treasury=message
  cloister requester add dave --passkey passkey.json --allow treasury=message
  cloister requester add bob --allow hot=ethereum:1,ethereum-message,typed-data:permit.json --allow hot=cosmos:cosmoshub-4

A passkey's file is JSON: {\"publicKey\": \"MFkw...\", \"rpId\": \"example.org\", \"origins\": [\"https://console.example.org\"]}, where publicKey is \
what getPublicKey() gives after navigator.credentials.create(), or the COSE key, in base64url.

What can be allowed:
  message              texts, under Cloister's own prefix
  solana               Solana transactions
  bitcoin              PSBTs all of whose inputs are the key's
  bitcoin+foreign      PSBTs with inputs of others, too, which are left alone
  ethereum:ID          Ethereum transactions for the chain of this id, such as ethereum:1
  ethereum-message     Ethereum messages (EIP-191)
  ethereum-authorization:ID  EIP-7702 authorisations for the chain of this id; 0 for those that hold on every chain
  user-operation:ID:0xACCOUNT
                       ERC-4337 user operations (version 0.7) of this account on the chain of this id
  typed-data:DOMAIN    typed data (EIP-712) of one domain: its separator (0x and 64 hex digits), or a JSON file with such data
  cosmos:ID            Cosmos transactions for the chain of this id, such as cosmos:cosmoshub-4

A key's children (sign --path) are granted what the key is. To let somebody do less with a key than others, or less at a time, write \
rules: cloister policy show --out policy.toml, then cloister policy apply policy.toml.")]
    Add(Add),
    /// Take somebody out: signs and puts into force the next version of the policy, without the requester and all that it may do.
    ///
    /// It leaves its sets, too; who is needed for a rule's approvals is not removed. What others may sign stays as it is, also what was
    /// granted to this requester with a key that they share: `requester deny` takes that back. Safe to repeat, and has to be repeated if
    /// it failed at some signers.
    #[command(after_help = "Example:\n  cloister requester remove bob")]
    Remove(Remove),
    /// Take back what is granted with a key, from all its requesters. What other rules allow stays.
    #[command(
        after_help = "Examples:\n  cloister requester deny hot=ethereum:1\n  cloister requester deny cold-1=bitcoin,message"
    )]
    Deny(Deny),
    /// List who may ask for what, by the policy that the host shows.
    List(List),
}

#[derive(Args, Debug)]
pub(crate) struct Remove {
    /// Its name in the policy.
    name: Requester,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct Deny {
    /// What is denied: KEY=WHAT or KEY=WHAT,WHAT, as `requester add --allow` takes it.
    #[arg(value_name = "KEY=WHAT", required = true)]
    deny: Vec<Allowance>,
    /// The keys' tenant.
    #[arg(long, env = "CLOISTER_TENANT", value_name = "NAME")]
    tenant: Option<Tenant>,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct Add {
    /// Its name in the policy.
    name: Requester,
    /// Its tenant.
    #[arg(long, env = "CLOISTER_TENANT", value_name = "NAME")]
    tenant: Option<Tenant>,
    /// Its secret key file; made if it does not exist. By default NAME.key; for the folder's own requester, its file there.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["public_key", "passkey"])]
    key: Option<PathBuf>,
    /// What kind of key is made, if the file does not exist.
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["public_key", "passkey"])]
    key_type: KeyType,
    /// Its public key, where the secret is elsewhere: 64 hex digits for Ed25519, 66 (a compressed point) for P-256.
    #[arg(long, value_name = "HEX", conflicts_with = "passkey")]
    public_key: Option<String>,
    /// Its passkey, as below.
    #[arg(long, value_name = "FILE")]
    passkey: Option<PathBuf>,
    /// It may make keys for its tenant.
    #[arg(long)]
    create_keys: bool,
    /// It may sign this with this key: KEY=WHAT or KEY=WHAT,WHAT, as below; may be repeated. The key need not exist yet.
    #[arg(long, value_name = "KEY=WHAT")]
    allow: Vec<Allowance>,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    connection: Connection,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default)]
enum KeyType {
    /// 64 hex digits.
    #[default]
    Ed25519,
    /// PKCS #8 in PEM.
    P256,
}

impl KeyType {
    fn generate(self) -> Result<RequesterSecret, Error> {
        match self {
            Self::Ed25519 => Secret::generate().map(RequesterSecret::Ed25519),
            Self::P256 => P256Secret::generate().map(RequesterSecret::P256),
        }
    }
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Add(add) => output.answer(&add.run().await?),
        Command::Remove(remove) => output.answer(&remove.run().await?),
        Command::Deny(deny) => output.answer(&deny.run().await?),
        Command::List(List { connection }) => {
            let (policy, endorsed) = in_force(&connection.attest().await?).await?;
            output.answer(&ListView::new(&policy, &endorsed, connection.is_simulated()?));
        }
    }
    Ok(())
}

/// The policy that the host shows, which bears the operators' quorum.
pub(crate) async fn in_force(attested: &Attested) -> Result<(Policy, Endorsed<Policy>), Failure> {
    let endorsed = attested.state().await?.policy;
    let endorsed = endorsed
        .ok_or_else(|| Failure::usage("the group has no policy yet", "Start it first: cloister group start"))?;
    let policy = endorsed.verify(attested.manifest()).map_err(|why| Error::NotEndorsed { what: "policy", why })?;
    Ok((policy, endorsed))
}

/// The grants that name a requester.
fn grants_of<'a>(policy: &'a Policy, name: &'a Requester) -> impl Iterator<Item = operator::Grant<'a>> {
    let tenant = policy.member(name).map(|(tenant, _)| tenant);
    tenant.into_iter().flat_map(operator::Grant::all).filter(move |grant| grant.requesters.contains(name))
}

/// The version after the one in force, changed.
pub(crate) async fn next(
    attested: &Attested,
    change: impl FnOnce(&mut PolicyDraft) -> Result<(), Failure>,
) -> Result<(Policy, Draft), Failure> {
    let (_, current) = in_force(attested).await?;
    let mut draft = PolicyDraft::following(attested.manifest(), &current)?;
    change(&mut draft)?;
    let policy = draft.build()?;
    let draft = Draft::policy(attested, &policy, current)?;
    Ok((policy, draft))
}

impl Remove {
    async fn run(self) -> Result<RemovedView, Failure> {
        let operators = self.signing.operators(&self.connection)?;
        let attested = self.connection.attest().await?;
        let (before, current) = in_force(&attested).await?;
        let shared: BTreeSet<_> = grants_of(&before, &self.name).map(|grant| grant.key.clone()).collect();
        let tenant = before.member(&self.name).map(|(tenant, _)| tenant.tenant.clone());
        if tenant.is_none() && matches!(operators, Operators::Here(_)) {
            // An earlier run got to some of the signers only: the others get the same version.
            if is_missed(&attested, before.version).await? {
                put_into_force(&current, &attested, &self.connection).await?;
                return self.view(&before, &current.hash(), None, Vec::new());
            }
        }
        let (policy, draft) = next(&attested, |draft| Ok(draft.remove_requester(&self.name)?)).await?;
        let policy_hash = draft.hash();
        let draft = operators.carry_out(draft, &attested, &self.connection).await?;
        let left = tenant.and_then(|tenant| policy.tenant(&tenant));
        let kept = left.into_iter().flat_map(operator::Grant::all).filter(|grant| shared.contains(grant.key));
        self.view(&policy, &policy_hash, draft, kept.map(Grant::new).collect())
    }

    fn view(
        &self,
        policy: &Policy,
        policy_hash: &Hash,
        draft: Option<DraftView>,
        grants: Vec<Grant>,
    ) -> Result<RemovedView, Failure> {
        let change = Change {
            grants,
            policy_version: policy.version.0,
            policy_hash: policy_hash.to_string(),
            simulated: self.connection.is_simulated()?,
            draft,
        };
        Ok(RemovedView { requester: self.name.to_string(), change })
    }
}

/// Whether a signer that answers has an older policy in force.
pub(crate) async fn is_missed(attested: &Attested, version: PolicyVersion) -> Result<bool, Failure> {
    let in_force = |signer: SignerStatus| signer.status?.policy;
    Ok(attested.statuses().await?.into_iter().filter_map(in_force).any(|older| older < version))
}

impl Deny {
    async fn run(self) -> Result<DeniedView, Failure> {
        let tenant = self.connection.tenant(self.tenant.as_ref())?;
        let denied = self.deny.iter().map(Allowance::read).collect::<Result<Vec<_>, _>>()?;
        let operators = self.signing.operators(&self.connection)?;
        let attested = self.connection.attest().await?;
        let deny = |draft: &mut PolicyDraft| -> Result<(), Failure> {
            let mut each = denied.iter();
            Ok(each.try_for_each(|Allowed { key, permissions }| draft.deny_signing(&tenant, key, permissions))?)
        };
        let (policy, draft) = next(&attested, deny).await?;
        let policy_hash = draft.hash().to_string();
        let draft = operators.carry_out(draft, &attested, &self.connection).await?;
        let left = policy.tenant(&tenant).into_iter().flat_map(operator::Grant::all);
        let named = |key: &KeyName| denied.iter().any(|denied| denied.key == *key);
        let change = Change {
            grants: left.filter(|grant| named(grant.key)).map(Grant::new).collect(),
            policy_version: policy.version.0,
            policy_hash,
            simulated: self.connection.is_simulated()?,
            draft,
        };
        Ok(DeniedView { tenant: tenant.to_string(), change })
    }
}

/// A requester's credential: only known, or with its secret in a file that is there or is to be made.
enum Key {
    Public(Credential),
    There(Credential, PathBuf),
    New(RequesterSecret, PathBuf),
}

impl Key {
    fn credential(&self) -> Credential {
        match self {
            Self::Public(credential) | Self::There(credential, _) => credential.clone(),
            Self::New(secret, _) => secret.credential(),
        }
    }

    fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Public(_) => None,
            Self::There(_, file) | Self::New(_, file) => Some(file),
        }
    }

    /// Makes the file before the policy names the key, so that no key is lost.
    fn save(&self) -> Result<(), Failure> {
        match self {
            Self::New(secret, file) => Ok(SecretFile::create_for_requester(file, secret)?),
            Self::Public(_) | Self::There(..) => Ok(()),
        }
    }

    /// Removes the file again.
    fn discard(&self, failure: Failure) -> Failure {
        if let Self::New(_, file) = self {
            // The failure is what has to be said.
            drop(fs::remove_file(file));
        }
        failure
    }

    /// Says that the file stays.
    fn keep(&self, failure: Failure) -> Failure {
        let Self::New(_, file) = self else { return failure };
        let kept = "is kept, for the policy may name its key already; run the command again.";
        Failure { hint: format!("{} {} {kept}", failure.hint, file.display()), ..failure }
    }
}

impl Add {
    async fn run(self) -> Result<AddedView, Failure> {
        let tenant = self.connection.tenant(self.tenant.as_ref())?;
        let allowed = self.allow.iter().map(Allowance::read).collect::<Result<Vec<_>, _>>()?;
        let operators = self.signing.operators(&self.connection)?;
        let attested = self.connection.attest().await?;
        check_schemes(&attested, &tenant, &allowed).await?;
        let key = self.key()?;
        let (policy, draft) = next(&attested, |draft| self.change(draft, &tenant, key.credential(), &allowed)).await?;
        let policy_hash = draft.hash().to_string();
        let draft = self.carry_out(operators, draft, &attested, &key).await?;
        let change = Change {
            grants: grants_of(&policy, &self.name).map(Grant::new).collect(),
            policy_version: policy.version.0,
            policy_hash,
            simulated: self.connection.is_simulated()?,
            draft,
        };
        Ok(AddedView {
            requester: self.name.to_string(),
            tenant: tenant.to_string(),
            credential: CredentialView::new(&key.credential()),
            key_file: key.file().map(|file| file.display().to_string()),
            change,
        })
    }

    async fn carry_out(
        &self,
        operators: Operators,
        draft: Draft,
        attested: &Attested,
        key: &Key,
    ) -> Result<Option<DraftView>, Failure> {
        let draft = operators.sign(draft)?;
        let stays = matches!(draft, Signed::Elsewhere(..));
        key.save()?;
        draft.send(attested, &self.connection).await.map_err(|failure| {
            // Where the answer of the group is unknown, the policy may name the key.
            if stays || failure.exit != Exit::Failed { key.discard(failure) } else { key.keep(failure) }
        })
    }

    /// The public key or passkey given, or the key of the file, which is to be made if it is not there.
    fn key(&self) -> Result<Key, Failure> {
        if let Some(text) = &self.public_key {
            return input::public_key(text).map(Key::Public);
        }
        if let Some(path) = &self.passkey {
            return input::passkey(path).map(Key::Public);
        }
        let path = self.key.clone().map_or_else(|| self.usual_file(), Ok)?;
        if path.exists() {
            Ok(Key::There(SecretFile::read_of_requester(&path)?.credential(), path))
        } else {
            Ok(Key::New(self.key_type.generate()?, path))
        }
    }

    fn change(
        &self,
        draft: &mut PolicyDraft,
        tenant: &Tenant,
        credential: Credential,
        allowed: &[Allowed],
    ) -> Result<(), Failure> {
        draft.add_requester(self.name.clone(), tenant.clone(), credential)?;
        if self.create_keys {
            draft.allow_key_creation(&self.name)?;
        }
        for Allowed { key, permissions } in allowed {
            draft.allow_signing(&self.name, key, permissions)?;
        }
        Ok(())
    }

    /// The folder's own requester has its key there; others have it in NAME.key.
    fn usual_file(&self) -> Result<PathBuf, Failure> {
        let name = self.name.as_str();
        if name.contains('/') || name.starts_with('.') {
            let message = format!("{name} is no name for a file here, and the key's file is called after it");
            return Err(Failure::usage(message, "Name the file with --key FILE, or give --public-key or --passkey."));
        }
        let known =
            self.connection.is_folder().then(|| self.connection.group()).transpose()?.map(|group| group.requester);
        Ok(match known {
            Some(known) if known.name == name => self.connection.dir.join(known.key_file),
            _ => PathBuf::from(format!("{name}.key")),
        })
    }
}

/// Refuses what a key that is there can never sign. Where too few signers answer to vouch for the keys, nothing is said of them.
async fn check_schemes(attested: &Attested, tenant: &Tenant, allowed: &[Allowed]) -> Result<(), Failure> {
    let keys = match attested.keys().await {
        Ok(keys) => keys,
        Err(why) if why.blame() == Blame::Surroundings => return Ok(()),
        Err(why) => return Err(why.into()),
    };
    for Allowed { key: name, permissions } in allowed {
        let known = keys.iter().map(CertifiedKey::body).find(|body| body.tenant == *tenant && body.name == *name);
        let Some(scheme) = known.map(|body| body.scheme) else { continue };
        if let Some(never) = permissions.iter().find(|permission| !permission::fits(permission, scheme)) {
            let (scheme, never) = (scheme_name(scheme), permission::text(never));
            let message = format!("{name} is a {scheme} key, which can never sign for {never}");
            let hint = Error::SchemeMismatch;
            return Err(Failure::new(Exit::Usage, hint.code(), message, hint.hint()));
        }
    }
    Ok(())
}
