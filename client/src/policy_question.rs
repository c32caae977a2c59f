//! What a policy makes of one request, asked without a signer: by the same code, of the same bytes.

use cloister_chains::{
    bitcoin::{CompressedKey, Spender},
    derivation::{ChildPath, ExtendedKey},
    ethereum::Sidecar,
    solana,
};
use cloister_policy::{
    Asked, Spending, decide, explain,
    payload::{self, pinned},
};
use cloister_wire::{
    codec,
    delegation::DelegationBody,
    ids::{GroupId, Hash, KeyId, KeyName, RequestId, Requester, RuleName, UnixMillis},
    policy::{LookupTable, Rule, TenantPolicy, Verdict},
    receipt::Charge,
    refusal::Refusal,
    request::{Scheme, SignRequest},
    tag::Tag,
};
use serde::Deserialize;

use crate::{account::Account, error::Error, misfit, policy_file::Text, scheme::Kind, taproot::TaprootKey};

/// A key as far as payloads are compared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyKey {
    scheme: Scheme,
    public_key: Vec<u8>,
    chain_code: Option<[u8; 32]>,
}

/// As `cloister key show --json` writes it; of everything else there, nothing is needed.
#[derive(Deserialize)]
struct Shown {
    name: Text<KeyName>,
    scheme: String,
    public_key: String,
    chain_code: Option<String>,
}

/// As files of cases have it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyKeyForm {
    scheme: String,
    public_key: String,
    chain_code: Option<String>,
}

impl PolicyKey {
    /// Its name and the key, from what `cloister key show --json` wrote.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(json: &[u8]) -> Result<(KeyName, Self), String> {
        let Shown { name, scheme, public_key, chain_code } =
            serde_json::from_slice(json).map_err(|why| why.to_string())?;
        Ok((name.0, PolicyKeyForm { scheme, public_key, chain_code }.try_into()?))
    }
}

impl TryFrom<PolicyKeyForm> for PolicyKey {
    type Error = String;

    fn try_from(form: PolicyKeyForm) -> Result<Self, String> {
        let scheme = crate::scheme::SCHEMES.iter().find(|(_, name)| *name == form.scheme);
        let (scheme, _) = scheme.ok_or_else(|| format!("scheme: {} is none", form.scheme))?;
        let length = if *scheme == Scheme::Ed25519 { 32 } else { 33 };
        let public_key = hex::decode(&form.public_key).ok().filter(|bytes| bytes.len() == length);
        let public_key = public_key.ok_or_else(|| format!("public_key: expected {} hex digits", 2 * length))?;
        let chain_code = form.chain_code.map(|text| text.parse::<Hash>()).transpose();
        let chain_code = chain_code.map_err(|why| format!("chain_code: {why}"))?.map(|code| *code.as_bytes());
        Ok(Self { scheme: *scheme, public_key, chain_code })
    }
}

impl From<&Account> for PolicyKey {
    /// The certified key; the path is asked for apart.
    fn from(account: &Account) -> Self {
        let body = account.key().body();
        let chain_code = Some(*body.chain_code.as_bytes());
        Self { scheme: body.scheme, public_key: body.public_key.as_slice().to_vec(), chain_code }
    }
}

impl PolicyKey {
    /// Its public key, in the certificate's encoding.
    pub(crate) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn root(&self) -> Option<ExtendedKey> {
        match self.scheme {
            Scheme::Secp256k1Taproot | Scheme::Secp256k1Ecdsa => {
                ExtendedKey::root(self.public_key.as_slice().try_into().ok()?, self.chain_code?).ok()
            }
            Scheme::Ed25519 | Scheme::Secp256k1Schnorr => None,
        }
    }

    fn child(&self, path: &ChildPath) -> Result<Vec<u8>, Error> {
        if path.steps().is_empty() {
            return Ok(self.public_key.clone());
        }
        Ok(self.root().ok_or(Error::PathNotSupported)?.derive(path)?.0.public_key().to_vec())
    }

    fn spender(&self, public_key: &[u8]) -> Option<Spender> {
        match self.scheme {
            Scheme::Secp256k1Ecdsa => {
                public_key.try_into().ok().map(|key: [u8; 33]| Spender::Ecdsa(CompressedKey::from(key)))
            }
            Scheme::Secp256k1Taproot => {
                let key = TaprootKey::from_compressed(public_key)?;
                Some(Spender::Taproot { internal_key: key.internal(), output_key: key.output() })
            }
            Scheme::Ed25519 | Scheme::Secp256k1Schnorr => None,
        }
    }

    /// A request's payload for the child at `path`, as the signers read it; or why they refuse it.
    pub(crate) fn payload(
        &self,
        path: &ChildPath,
        request: &SignRequest,
        tables: &[LookupTable],
    ) -> Result<Result<payload::Payload, Refusal>, Error> {
        let public_key = self.child(path)?;
        let spender = |path: &ChildPath| self.spender(&self.child(path).ok()?);
        let fingerprint = self.root().map(|root| root.fingerprint());
        let account = payload::Account {
            scheme: self.scheme,
            public_key: &public_key,
            spender: self.spender(&public_key),
            change: fingerprint.map(|fingerprint| payload::Change { fingerprint, spender: &spender }),
            tables,
        };
        Ok(payload::read(&account, request))
    }
}

/// A request that may never be made.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Who would ask.
    pub requester: &'a Requester,
    /// The key's name in the policy.
    pub name: &'a KeyName,
    /// The key.
    pub key: &'a PolicyKey,
    /// A child of it.
    pub path: &'a ChildPath,
    /// What the payload is.
    pub kind: Kind,
    /// The payload, in binary.
    pub payload: &'a [u8],
    /// Tells requests of the same payload apart.
    pub id: RequestId,
    /// What its session says, if a session key would ask.
    pub session: Option<&'a DelegationBody>,
}

/// What the policy comes to.
#[derive(Clone, Debug)]
pub struct Ruling {
    /// The rule that decides, and what follows.
    pub decided: Option<(RuleName, Verdict)>,
    /// Why nothing is signed where no rule decides.
    pub refusal: Option<Refusal>,
    /// What the payload does, a line each.
    pub does: Vec<String>,
    /// The scope of the session, and why it does not let this through; none if it does.
    pub session: Option<(RuleName, Option<String>)>,
    /// Every rule that was looked at, and which of its conditions does not hold; none for the rule that decides.
    pub rules: Vec<(RuleName, Option<String>)>,
    /// What limits count if it is signed.
    pub charges: Vec<Charge>,
}

impl Question<'_> {
    /// What `tenant`'s part of the policy makes of it at a time, after what `spending` has counted.
    ///
    /// # Errors
    /// [`Error::PathNotSupported`] and others of the path; [`Error::TooLarge`]. A payload that cannot be parsed is a ruling with a refusal.
    pub fn ask(&self, tenant: &TenantPolicy, spending: &Spending, now: UnixMillis) -> Result<Ruling, Error> {
        if let Some((session, why)) = self.session.and_then(|session| Some((session, self.void(session, tenant, now)?)))
        {
            let session = Some((session.scope.name.clone(), Some(why)));
            return Ok(Ruling { session, ..Ruling::refused(Refusal::DelegationInvalid) });
        }
        let request = self.request(tenant, now)?;
        let facts = match self.key.payload(self.path, &request, tenant.tables.as_slice())? {
            Ok(payload) => payload.facts,
            Err(refusal) => return Ok(Ruling::refused(refusal)),
        };
        let scope = self.session.map(|session| &session.scope);
        let asked = Asked { requester: self.requester, key: self.name, path: self.path.steps(), session: scope };
        let hash = Tag::SIGN_REQUEST.hash(&codec::encode(&request));
        let (rules, decision) =
            (explain(tenant, asked, &facts, hash, spending, now), decide(tenant, asked, &facts, hash, spending, now));
        let why = |rule: &Rule, misfit| misfit::said(&misfit, rule, asked, &facts, now);
        let rules = rules.unwrap_or_default().into_iter();
        let rules = rules.map(|each| (each.rule.name.clone(), each.misfit.map(|misfit| why(each.rule, misfit))));
        let mut rules: Vec<_> = rules.collect();
        // What its scope keeps out comes to no rule: the scope stands in the place of them all.
        let exceeded = matches!(decision, Err(Refusal::DelegationExceeded));
        let session = scope.map(|scope| if exceeded { rules.remove(0) } else { (scope.name.clone(), None) });
        let ruling = Ruling { does: facts.lines.clone(), rules, session, ..Ruling::nothing() };
        Ok(match decision {
            Ok(decided) => {
                let rule = (decided.rule.name.clone(), decided.rule.verdict.clone());
                Ruling { decided: Some(rule), charges: decided.charges, ..ruling }
            }
            Err(refusal) => Ruling { refusal: Some(refusal), ..ruling },
        })
    }

    /// Why signers take the session for nothing at that time, as far as it says by itself: what was revoked, and who signed it, only they
    /// look at.
    fn void(&self, session: &DelegationBody, tenant: &TenantPolicy, now: UnixMillis) -> Option<String> {
        let DelegationBody { by, tenant: of, scope, from, until, .. } = session;
        if by != self.requester || *of != tenant.tenant {
            return Some(format!("{by} of tenant {of} delegated it, and {} asks", self.requester));
        }
        if now < *from || now >= *until {
            return Some("it is not for this time".to_owned());
        }
        tenant.check_scope(scope).err().map(|what| what.to_string())
    }

    fn request(&self, tenant: &TenantPolicy, now: UnixMillis) -> Result<SignRequest, Error> {
        let payload = sent(self.kind, self.payload, tenant.tables.as_slice())?;
        Ok(SignRequest {
            group: GroupId::from_bytes([0; GroupId::LEN]),
            tenant: tenant.tenant.clone(),
            key: KeyId::from_bytes([0; KeyId::LEN]),
            path: self.path.steps().to_vec().try_into().map_err(|why| Error::TooLarge { what: "path", why })?,
            chain: self.kind.chain(),
            purpose: self.kind.purpose(),
            payload: payload.try_into().map_err(|why| Error::TooLarge { what: "payload", why })?,
            requester: self.requester.clone(),
            id: self.id,
            issued_at: now,
            not_after: now.plus(1),
            session: None,
        })
    }
}

/// What a request carries: of a Solana transaction its message, and an Ethereum transaction without its sidecar.
fn sent(kind: Kind, payload: &[u8], tables: &[LookupTable]) -> Result<Vec<u8>, Error> {
    match kind {
        Kind::Solana => {
            let tables: Vec<_> = tables.iter().map(pinned).collect();
            let transaction = solana::Transaction::parse_with_tables(payload, &tables);
            let Ok(transaction) = transaction else { return Ok(payload.to_vec()) };
            let message = transaction.message();
            Ok(message.signing_bytes_for(&message.fee_payer())?.to_vec())
        }
        Kind::Ethereum if Sidecar::is_attached(payload) => Ok(Sidecar::detach(payload)?.0),
        Kind::Message
        | Kind::Bitcoin
        | Kind::Ethereum
        | Kind::EthereumMessage
        | Kind::TypedData
        | Kind::Authorization
        | Kind::UserOperation
        | Kind::Cosmos => Ok(payload.to_vec()),
    }
}

impl Ruling {
    fn nothing() -> Self {
        Self { decided: None, refusal: None, does: Vec::new(), session: None, rules: Vec::new(), charges: Vec::new() }
    }

    fn refused(refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..Self::nothing() }
    }
}
