//! As an honest caller of the hosts' API.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_client::{
    Account, Client, Error, Key, Signed, SigningJob,
    audit::{Export, Report},
    pools::Pools,
    requester::Credential,
    scheme::Kind,
};
use cloister_wire::{
    codec,
    ids::{GroupId, SignerId},
    message::Phase,
    request::{Requested, Scheme},
};
use tokio::task::JoinHandle;

use super::{Stage, name, signer};
use crate::signature::verifies;

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body's JSON.
    pub body: serde_json::Value,
}

impl Stage {
    /// The requester that the policy names.
    #[must_use]
    pub fn credential(&self) -> Credential {
        self.group.credential().expect("a key file")
    }

    /// The group's id.
    #[must_use]
    pub fn id(&self) -> GroupId {
        self.group.manifest().group
    }

    /// A client that has verified everything, at the host of signer 1.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_at(signer(1)).expect("a verified group")
    }

    /// The same at any host.
    ///
    /// # Errors
    /// The client's.
    pub fn client_at(&self, id: SignerId) -> Result<Client, Error> {
        self.runtime.block_on(Client::connect(self.group.url(id), self.group.pin()))
    }

    /// Makes the key [`name`]`(number)`.
    ///
    /// # Errors
    /// The client's.
    pub fn make_key(&mut self, number: usize, scheme: Scheme) -> Result<Key, Error> {
        let made = self.runtime.block_on(self.client().create_key(&self.credential(), name(number), scheme));
        self.hear(made)
    }

    /// The key [`name`]`(number)`, made now if it was not before.
    pub fn key(&mut self, number: usize, scheme: Scheme) -> Key {
        let client = self.client();
        let found = self.runtime.block_on(client.key(&self.credential().tenant, &name(number)));
        found.unwrap_or_else(|_| self.make_key(number, scheme).expect("a key"))
    }

    /// Signs, and verifies what comes back by libraries that had no part in it.
    ///
    /// # Errors
    /// The client's.
    pub fn sign(&mut self, account: impl Into<Account>, kind: Kind, payload: &[u8]) -> Result<Signed, Error> {
        let account = account.into();
        let signed = self.runtime.block_on(async {
            let client = Client::connect(self.group.url(signer(1)), self.group.pin()).await?;
            let job = SigningJob::new(account.clone(), kind, payload)?;
            let signed = client.sign(&self.credential(), &job).await?;
            let verifying = account.output_key().map_or(account.public_key().to_vec(), Vec::from);
            let pairs = job.messages().iter().zip(&signed.signatures);
            assert!(pairs.clone().count() == job.messages().len(), "a signature for each message");
            for (message, signature) in pairs {
                assert!(verifies(account.scheme(), &verifying, message, signature), "a judge rejects the signature");
            }
            Ok(signed)
        });
        self.hear(signed)
    }

    /// Signs a text.
    ///
    /// # Errors
    /// The client's.
    pub fn sign_text(&mut self, account: impl Into<Account>, text: &str) -> Result<Signed, Error> {
        self.sign(account, Kind::Message, text.as_bytes())
    }

    /// A signed request for a text.
    #[must_use]
    pub fn text_request(&self, account: impl Into<Account>, text: &str) -> Requested {
        self.credential()
            .request_signature(self.id(), &account.into(), Kind::Message, text.as_bytes())
            .expect("short enough")
    }

    /// Posts a signed request as it is.
    pub fn post(&mut self, path: &str, requested: &Requested) -> Answer {
        self.post_json(path, &serde_json::json!({ "request": STANDARD.encode(codec::encode(requested)) }))
    }

    /// Posts any JSON to the host of signer 1.
    pub fn post_json(&mut self, path: &str, body: &serde_json::Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.group.url(signer(1)))).json(body);
        let (status, bytes) = self.runtime.block_on(async {
            let answer = request.send().await.expect("an answer");
            (answer.status().as_u16(), answer.bytes().await.expect("a body"))
        });
        self.heard.extend_from_slice(&bytes);
        Answer { status, body: serde_json::from_slice(&bytes).expect("JSON") }
    }

    /// What the host of signer 1 keeps ready.
    pub fn pools(&mut self) -> Pools {
        let url = format!("{}/v1/pools", self.group.url(signer(1)));
        let get = self.http.get(url);
        let bytes =
            self.runtime.block_on(async { get.send().await.expect("an answer").bytes().await.expect("a body") });
        self.heard.extend_from_slice(&bytes);
        serde_json::from_slice(&bytes).expect("pools")
    }

    /// What the audit trail says. What the test made signers do by itself is missing in it.
    #[must_use]
    pub fn audit(&self) -> Report {
        let export =
            self.runtime.block_on(async { self.group.attest().await.expect("attested").audit_export(None).await });
        let export = Export::parse(&export.expect("an export")).expect("one that can be read");
        export.verify(&self.group.pin()).expect("a report")
    }

    /// The signers that receipts say were barred.
    #[must_use]
    pub fn barred(&self) -> Vec<SignerId> {
        self.audit().chains.into_iter().flat_map(|chain| chain.barred).collect()
    }

    /// Posts a signed request and does not wait for the answer.
    pub fn post_in_background(&self, path: &str, requested: &Requested) -> JoinHandle<()> {
        let body = serde_json::json!({ "request": STANDARD.encode(codec::encode(requested)) });
        let request = self.http.post(format!("{}{path}", self.group.url(signer(1)))).json(&body);
        // Whatever comes back, or nothing: nobody reads it.
        self.runtime.spawn(async { drop(request.send().await) })
    }

    /// Waits until a host says that its signer is active.
    pub fn await_ready(&self, id: SignerId) {
        let url = format!("{}/v1/ready", self.group.url(id));
        let deadline = Instant::now() + Duration::from_secs(20);
        self.runtime.block_on(async {
            while !self.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                assert!(Instant::now() < deadline, "the host of signer {id} does not become ready");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }

    /// Waits until hosts whose connections were cut have connected again.
    pub fn await_links(&self) {
        let url = format!("{}/v1/signers?nonce={}", self.group.url(signer(1)), "00".repeat(32));
        let deadline = Instant::now() + Duration::from_secs(10);
        self.runtime.block_on(async {
            loop {
                let answer = self.http.get(&url).send().await.expect("an answer").bytes().await.expect("a body");
                let signers: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
                if signers.as_array().expect("signers").iter().all(|signer| signer["reachable"] == true) {
                    return;
                }
                assert!(Instant::now() < deadline, "not all signers can be reached: {signers}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }

    /// Where each signer stands, as its attested boot says; nothing of those that do not answer.
    #[must_use]
    pub fn phases(&self) -> BTreeMap<SignerId, Option<Phase>> {
        let statuses = self.runtime.block_on(async { self.group.attest().await.expect("attested").statuses().await });
        let statuses = statuses.expect("signed by the boots");
        statuses.into_iter().map(|status| (status.signer, status.status.map(|body| body.phase))).collect()
    }

    fn hear<T: std::fmt::Debug>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        self.heard.extend(format!("{outcome:?}").into_bytes());
        outcome
    }
}

impl Answer {
    /// A problem's code. The problem says what happened and what to do.
    #[must_use]
    pub fn code(&self) -> &str {
        let text = |field: &str| self.body[field].as_str().unwrap_or_default();
        assert!(self.status >= 400 && self.body["status"] == self.status, "{self:?}");
        assert!(!text("hint").is_empty() && !text("detail").is_empty() && !text("title").is_empty(), "{self:?}");
        text("code")
    }
}
