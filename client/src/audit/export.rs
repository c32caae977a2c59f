use std::collections::BTreeMap;

use cloister_wire::{
    certificate::Certificate,
    endorsement::{Endorsed, Endorsement},
    identity::Introduction,
    ids::{BootId, Tenant},
    manifest::Manifest,
    order::StartOrder,
    policy::Policy,
    receipt::Receipt,
};
use serde::Deserialize;

use crate::{api::from_base64, error::Error};

/// An export as `GET /v1/audit` gives it: read, and not checked.
#[derive(Clone, Debug)]
pub struct Export {
    pub(super) manifest: Endorsed<Manifest>,
    pub(super) introductions: Vec<Introduction>,
    pub(super) receipts: BTreeMap<BootId, Vec<Receipt>>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) orders: Vec<Endorsed<StartOrder>>,
    pub(super) policies: Vec<Endorsed<Policy>>,
    pub(super) unreachable: Vec<u16>,
    /// Whose export it is; without one, everybody's.
    pub(super) tenant: Option<Tenant>,
    /// Policies that stand in a tenant's export by hash and signatures alone.
    pub(super) endorsements: Vec<Endorsement>,
}

/// The JSON form: wire documents in base64, boots in hex.
#[derive(Deserialize)]
struct Json {
    format: String,
    manifest: String,
    introductions: Vec<String>,
    receipts: BTreeMap<String, Vec<String>>,
    certificates: Vec<String>,
    orders: Vec<String>,
    policies: Vec<String>,
    #[serde(default)]
    unreachable: Vec<u16>,
    tenant: Option<String>,
    #[serde(default)]
    policy_endorsements: Vec<String>,
}

impl Export {
    /// The manifest's hash, for callers who have no pin to compare with and want to be told.
    #[must_use]
    pub fn manifest_hash(&self) -> cloister_wire::ids::Hash {
        self.manifest.hash()
    }

    /// Signers whose hosts did not answer, so that their part is missing.
    #[must_use]
    pub fn unreachable(&self) -> &[u16] {
        &self.unreachable
    }

    /// Reads an export.
    ///
    /// # Errors
    /// [`Error::Unintelligible`], [`Error::Unreadable`].
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let json: Json = serde_json::from_slice(json).map_err(|_| Error::Unintelligible("no audit export"))?;
        if json.format != FORMAT {
            return Err(Error::Unintelligible("an audit export of another format"));
        }
        Ok(Self {
            manifest: from_base64("manifest", &json.manifest)?,
            introductions: list("introduction", &json.introductions)?,
            receipts: json
                .receipts
                .iter()
                .map(|(boot, receipts)| Ok((boot_id(boot)?, list("receipt", receipts)?)))
                .collect::<Result<_, Error>>()?,
            certificates: list("certificate", &json.certificates)?,
            orders: list("start order", &json.orders)?,
            policies: list("policy", &json.policies)?,
            unreachable: json.unreachable,
            tenant: json.tenant.map(|tenant| tenant.parse()).transpose().map_err(|_| NO_TENANT)?,
            endorsements: list("policy endorsement", &json.policy_endorsements)?,
        })
    }
}

fn list<T>(what: &'static str, texts: &[String]) -> Result<Vec<T>, Error>
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()>,
{
    texts.iter().map(|text| from_base64(what, text)).collect()
}

fn boot_id(text: &str) -> Result<BootId, Error> {
    text.parse().map_err(|_| Error::Unintelligible("a boot id that is not hex"))
}

const NO_TENANT: Error = Error::Unintelligible("an audit export of a tenant whose name is none");
const FORMAT: &str = "cloister-audit-1";
