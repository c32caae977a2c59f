//! A request to sign: what its signatures are over, and what they are put into. The signers find out the former by themselves; hosts
//! need it to aggregate.

mod bitcoin;
mod cosmos;
mod ethereum;
mod solana;

use std::sync::Arc;

use cloister_chains::{
    bitcoin::{Psbt, ToSign},
    message,
    solana::LookupTable,
};
use cloister_wire::{
    approval::Approval,
    ids::{Hash, SignerId},
    policy,
    refusal::Refusal,
    request::{Chain, Purpose, Requested, Scheme, SignRequest},
};
use serde::Serialize;

use crate::{
    child::Child,
    keyring::Key,
    problem::{HostCode, Problem},
};

/// A request whose payload was read.
pub(super) struct Job {
    pub(super) requested: Requested,
    pub(super) hash: Hash,
    /// What members have said of it.
    pub(super) approvals: Vec<Approval>,
    pub(super) key: Arc<Key>,
    pub(super) path: Vec<u32>,
    /// The key or child key that signs.
    pub(super) child: Arc<Child>,
    pub(super) chain: Chain,
    /// What each signature is over, in order.
    pub(super) digests: Vec<Vec<u8>>,
    form: Form,
}

/// What signatures are put into.
enum Form {
    /// What has no form but its signature: a text, typed data, an authorisation, a user operation.
    Message,
    Ethereum(Vec<u8>),
    Cosmos(Vec<u8>),
    Solana(Vec<u8>, Vec<LookupTable>),
    Bitcoin(Box<Psbt>, ToSign),
}

/// A finished signature as the API shows it.
#[derive(Debug, Serialize)]
struct SignAnswer {
    request_hash: String,
    key: String,
    chain: &'static str,
    signatures: Vec<String>,
    #[serde(flatten)]
    finished: Finished,
    signers: Vec<u16>,
}

/// What the signatures were put into.
#[derive(Debug, Default, Serialize)]
struct Finished {
    /// Solana and Cosmos: the transaction; Bitcoin: the finalised PSBT, or what others have to sign. Base64. Ethereum: the
    /// transaction, `0x` and hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<String>,
    /// Bitcoin: the PSBT with its signatures, not finalised. Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    psbt: Option<String>,
    /// Bitcoin: the transaction as the network takes it. Hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<String>,
    /// Bitcoin and Cosmos: the transaction's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    txid: Option<String>,
    /// Ethereum: the transaction's hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_hash: Option<String>,
    /// Whether every signature that the transaction needs is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    /// Bitcoin: inputs of others, of which the signatures were taken as they came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unverified_inputs: Vec<usize>,
}

impl Job {
    /// Reads the payload for this key; Solana's with the lookup tables that the tenant's policy pins.
    pub(super) fn read(
        requested: Requested,
        request: &SignRequest,
        key: Arc<Key>,
        approvals: Vec<Approval>,
        tables: &[policy::LookupTable],
    ) -> Result<Self, Problem> {
        let path = request.path.as_slice().to_vec();
        let child = key.child(&path).map_err(Problem::refused)?;
        let (digests, form) = read(&child, key.body.scheme, request, tables)?;
        let (hash, chain) = (requested.hash::<SignRequest>(), request.chain);
        Ok(Self { requested, hash, approvals, key, path, child, chain, digests, form })
    }

    /// Whether presignatures are used up by it.
    pub(super) fn is_ecdsa(&self) -> bool {
        self.key.body.scheme == Scheme::Secp256k1Ecdsa
    }

    /// Puts verified signatures in their places; the answer's JSON.
    pub(super) fn finish(self, signatures: &[Vec<u8>], signers: &[SignerId]) -> Result<Vec<u8>, Problem> {
        let signatures: Vec<_> = signatures.iter().map(|signature| self.shown(signature)).collect();
        let finished = match self.form {
            Form::Message => Finished::default(),
            Form::Ethereum(transaction) => ethereum::finish(&transaction, &signatures)?,
            Form::Cosmos(document) => cosmos::finish(&document, &signatures)?,
            Form::Solana(message, tables) => solana::finish(&self.child, (&message, &tables), &signatures)?,
            Form::Bitcoin(psbt, inputs) => bitcoin::finish(&self.child, *psbt, inputs, &signatures)?,
        };
        let answer = SignAnswer {
            request_hash: self.hash.to_string(),
            key: self.key.body.key.to_string(),
            chain: chain_name(self.chain),
            signatures: signatures.iter().map(hex::encode).collect(),
            finished,
            signers: signers.iter().map(|signer| signer.get()).collect(),
        };
        serde_json::to_vec(&answer).map_err(|error| broken(&error))
    }

    /// A signature as callers take it. ECDSA signatures come with a recovery id, which Ethereum alone wants, as v.
    fn shown(&self, signature: &[u8]) -> Vec<u8> {
        match (signature, self.chain) {
            ([halves @ .., recovery], Chain::Ethereum) => [halves, &[recovery.saturating_add(ethereum::V)]].concat(),
            ([halves @ .., _], _) if self.is_ecdsa() => halves.to_vec(),
            _ => signature.to_vec(),
        }
    }
}

/// What is signed, and what that is put into. Signers refuse the same.
fn read(
    child: &Child,
    scheme: Scheme,
    request: &SignRequest,
    tables: &[policy::LookupTable],
) -> Result<(Vec<Vec<u8>>, Form), Problem> {
    use {Chain as C, Purpose as P, Scheme as S};
    let payload = request.payload.as_slice();
    match (request.chain, request.purpose, scheme) {
        (C::Message, P::Message, S::Ed25519 | S::Secp256k1Schnorr) => {
            Ok((vec![message::signing_bytes(payload).map_err(rejected)?], Form::Message))
        }
        (C::Message, P::Message, S::Secp256k1Taproot | S::Secp256k1Ecdsa) => {
            Ok((vec![message::digest(payload).map_err(rejected)?.to_vec()], Form::Message))
        }
        (C::Solana, P::Transaction, S::Ed25519) => solana::read(child, payload, tables),
        (C::Bitcoin, P::Transaction, S::Secp256k1Taproot | S::Secp256k1Ecdsa) => bitcoin::read(child, payload),
        (C::Ethereum, purpose, S::Secp256k1Ecdsa) => ethereum::read(purpose, payload),
        (C::Cosmos, P::Transaction, S::Secp256k1Ecdsa) => cosmos::read(child, payload),
        (C::Message, P::Transaction | P::TypedData | P::Authorization | P::UserOperation, _)
        | (C::Solana | C::Bitcoin | C::Cosmos, P::Message | P::TypedData | P::Authorization | P::UserOperation, _) => {
            Err(Problem::refused(Refusal::PurposeMismatch))
        }
        _ => Err(mismatch()),
    }
}

fn fixed(signature: &[u8]) -> Result<[u8; 64], Problem> {
    signature.try_into().map_err(|_| broken(&"a signature is not of 64 bytes"))
}

fn one(signatures: &[Vec<u8>]) -> Result<&[u8], Problem> {
    match signatures {
        [signature] => Ok(signature),
        _ => Err(broken(&"one signature was expected")),
    }
}

fn mismatch() -> Problem {
    Problem::refused(Refusal::SchemeMismatch)
}

fn rejected(why: cloister_chains::Rejected) -> Problem {
    Problem::payload(&why)
}

fn broken(why: &dyn std::fmt::Display) -> Problem {
    Problem::host(HostCode::Internal, why.to_string())
}

fn chain_name(chain: Chain) -> &'static str {
    match chain {
        Chain::Message => "message",
        Chain::Solana => "solana",
        Chain::Bitcoin => "bitcoin",
        Chain::Ethereum => "ethereum",
        Chain::Cosmos => "cosmos",
    }
}

#[cfg(test)]
mod tests {
    use ::bitcoin::{
        NetworkKind,
        bip32::{ChainCode, ChildNumber, Fingerprint, Xpriv},
        secp256k1::{Message, PublicKey, Secp256k1, SecretKey, ecdsa},
    };
    use cloister_wire::{
        certificate::{Certificate, CertificateBody},
        codec,
        credential::Proof,
        ids::UnixMillis,
        signature::Signature,
    };

    use super::*;
    use crate::child::tests::certificate;

    /// A certified key whose secret is known, and its child at m/0/5, which signs.
    pub(super) struct Wallet {
        certificate: CertificateBody,
        child: SecretKey,
    }

    impl Wallet {
        pub(super) fn new() -> Self {
            let (secp, mut certificate) = (Secp256k1::new(), certificate(Scheme::Secp256k1Ecdsa));
            let private_key = SecretKey::from_slice(&[1; 32]).unwrap();
            certificate.public_key = private_key.public_key(&secp).serialize().as_slice().try_into().unwrap();
            let root = Xpriv {
                network: NetworkKind::Main,
                depth: 0,
                parent_fingerprint: Fingerprint::default(),
                child_number: ChildNumber::Normal { index: 0 },
                private_key,
                chain_code: ChainCode::from(*certificate.chain_code.as_bytes()),
            };
            let path = [0, 5].map(|index| ChildNumber::Normal { index });
            Self { certificate, child: root.derive_priv(&secp, &path).unwrap().private_key }
        }

        pub(super) fn public_key(&self) -> PublicKey {
            self.child.public_key(&Secp256k1::new())
        }

        pub(super) fn read(&self, chain: Chain, payload: &[u8]) -> Result<Job, Problem> {
            job_for(self.certificate.clone(), chain, Purpose::Transaction, payload)
        }

        pub(super) fn job(&self, chain: Chain, payload: &[u8]) -> Job {
            self.read(chain, payload).unwrap()
        }

        /// As an aggregator makes it: low s, and the recovery id behind it.
        pub(super) fn sign(&self, digest: &[u8]) -> Vec<u8> {
            let message = Message::from_digest_slice(digest).unwrap();
            let (recovery, halves) = Secp256k1::new().sign_ecdsa_recoverable(&message, &self.child).serialize_compact();
            [&halves[..], &[u8::try_from(recovery.to_i32()).unwrap()]].concat()
        }

        /// Whether libsecp256k1, which takes low s alone, takes this DER signature.
        pub(super) fn takes(&self, digest: &[u8], der: &[u8]) -> bool {
            let (message, signature) = (Message::from_digest_slice(digest).unwrap(), ecdsa::Signature::from_der(der));
            signature
                .is_ok_and(|signature| Secp256k1::new().verify_ecdsa(&message, &signature, &self.public_key()).is_ok())
        }
    }

    /// The same signature with the higher s, which verifies as well and no chain takes.
    pub(super) fn with_high_s(signature: &[u8]) -> Vec<u8> {
        let (r, s) = (&signature[..32], SecretKey::from_slice(&signature[32..64]).unwrap());
        [r, &s.negate().secret_bytes(), &[signature[64] ^ 1]].concat()
    }

    fn job(chain: Chain, purpose: Purpose, payload: &[u8]) -> Result<Job, Problem> {
        job_for(certificate(Scheme::Secp256k1Ecdsa), chain, purpose, payload)
    }

    fn job_for(certificate: CertificateBody, chain: Chain, purpose: Purpose, payload: &[u8]) -> Result<Job, Problem> {
        let request = SignRequest {
            group: certificate.group,
            tenant: certificate.tenant.clone(),
            key: certificate.key,
            path: vec![0, 5].try_into().unwrap(),
            chain,
            purpose,
            payload: payload.to_vec().try_into().unwrap(),
            requester: "requester".parse().unwrap(),
            id: cloister_wire::ids::RequestId::from_bytes([0; 16]),
            issued_at: UnixMillis(0),
            not_after: UnixMillis(1),
            session: None,
        };
        let body = codec::encode(&certificate).try_into().unwrap();
        let key = Arc::new(Key::read(Certificate { body, signatures: Default::default() }).unwrap());
        let body = codec::encode(&request).try_into().unwrap();
        let proof = Proof::Ed25519(Signature::from_bytes([0; 64]));
        Job::read(Requested { body, proof, delegation: None }, &request, key, Vec::new(), &[])
    }

    pub(super) fn finished(job: Job, signatures: &[Vec<u8>]) -> Result<serde_json::Value, Problem> {
        let signer = SignerId::try_from(1).unwrap();
        job.finish(signatures, &[signer]).map(|answer| serde_json::from_slice(&answer).unwrap())
    }

    fn finish(job: Job, signature: &[u8]) -> serde_json::Value {
        finished(job, &[signature.to_vec()]).unwrap()
    }

    /// EIP-155, "Example": the transaction, the halves of its signature, and the two together.
    const EIP_155: [&str; 3] = [
        "ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080",
        "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276\
         67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
        "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025\
         a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276\
         a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
    ];

    fn eip_155_signature() -> Vec<u8> {
        [hex::decode(EIP_155[1]).unwrap(), vec![0]].concat()
    }

    #[test]
    fn the_transaction_of_eip_155_is_put_together() {
        let job = job(Chain::Ethereum, Purpose::Transaction, &hex::decode(EIP_155[0]).unwrap()).unwrap();
        let digest = "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53";
        assert_eq!(job.digests, [hex::decode(digest).unwrap()]);
        let answer = finish(job, &eip_155_signature());
        assert_eq!(answer["signed"], EIP_155[2]);
        let hash = "0x33469b22e9f636356c4160a87eb19df52b7412e8eac32a4a55ffe88ea8350788";
        assert_eq!(answer["transaction_hash"], hash);
        assert_eq!(answer["signatures"][0], format!("{}1b", EIP_155[1]));
    }

    #[test]
    fn ethereum_messages_have_signatures_with_v_and_other_texts_without() {
        let message = finish(job(Chain::Ethereum, Purpose::Message, b"hi").unwrap(), &eip_155_signature());
        assert_eq!(message["signatures"][0], format!("{}1b", EIP_155[1]));
        assert!(message["signed"].is_null() && message["complete"].is_null());
        let text = finish(job(Chain::Message, Purpose::Message, b"hi").unwrap(), &eip_155_signature());
        assert_eq!(text["signatures"][0], EIP_155[1]);
    }

    #[test]
    fn purposes_and_chains_that_do_not_fit_are_refused_as_signers_do() {
        let code = |chain, purpose| job(chain, purpose, b"hi").err().unwrap().code;
        assert_eq!(code(Chain::Cosmos, Purpose::Message), "purpose_mismatch");
        assert_eq!(code(Chain::Message, Purpose::TypedData), "purpose_mismatch");
        assert_eq!(code(Chain::Cosmos, Purpose::Authorization), "purpose_mismatch");
        assert_eq!(code(Chain::Bitcoin, Purpose::UserOperation), "purpose_mismatch");
        assert_eq!(code(Chain::Solana, Purpose::Transaction), "scheme_mismatch");
    }
}
