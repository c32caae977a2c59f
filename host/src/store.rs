//! What a host keeps: SQLite, write-ahead log, every commit on the disk before it is acknowledged.
//!
//! All writes go through one [`journal`] that commits whatever has gathered in one transaction, so that many requests share one
//! `fsync`. Nothing secret is here: blobs are sealed, everything else is public or signed.

mod journal;
mod read;

use std::{num::NonZeroU64, path::Path, sync::Arc};

use cloister_wire::{
    blob::{Content, SealedBlob},
    certificate::Certificate,
    codec,
    identity::Introduction,
    ids::{BootId, Hash, KeyId, RequestId, Sequence, UnixMillis},
    receipt::Receipt,
    tag::Tag,
};
use sqlx::{
    ConnectOptions as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use self::journal::Journal;
use crate::problem::{HostCode, Problem};

/// The store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    journal: Journal,
    readers: SqlitePool,
}

/// Why the store did not do what it was asked. Nothing was written then.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The disk, or the limit that the configuration sets, is full.
    #[error("the store is full")]
    Full,
    /// Anything else.
    #[error("{0}")]
    Failed(Arc<str>),
}

/// One thing to be kept.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// An operator-signed document.
    Document { kind: DocumentKind, hash: Hash, number: u64, body: Vec<u8> },
    /// A sealed blob.
    Blob { content: Vec<u8>, hash: Hash, body: Vec<u8> },
    /// A key's certificate.
    Certificate { key: KeyId, body: Vec<u8> },
    /// A boot's attested statement.
    Introduction { boot: BootId, body: Vec<u8> },
    /// A receipt.
    Receipt { boot: BootId, sequence: Sequence, body: Vec<u8> },
    /// A request's final answer.
    Answer { issued_at: UnixMillis, id: RequestId, posted: Hash, body: Arc<[u8]> },
    /// How far a key generation is.
    Ceremony { request: Hash, state: Vec<u8> },
    /// A key generation is over.
    CeremonyOver { request: Hash },
    /// A request that waits for members.
    Request { hash: Hash, not_after: UnixMillis, body: Vec<u8> },
    /// What a member said of a request.
    Approval { request: Hash, hash: Hash, body: Vec<u8> },
    /// Forgets requests that expired before this moment, and what was said of them.
    PruneRequests { before: UnixMillis },
    /// Forgets answers to requests that were issued before this moment.
    Prune { before: UnixMillis },
}

/// What operators sign, or guardians.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DocumentKind {
    /// The manifest.
    Manifest,
    /// Start orders, by incarnation.
    Order,
    /// Policies, by version.
    Policy,
    /// Kill switches that were closed, by time.
    Closing,
    /// Those that were lifted, by time.
    Opening,
    /// Recoveries with their guardians' approvals, by time.
    Recovery,
    /// Who cancelled one, under the recovery's hash, by time.
    Cancellation,
}

/// A stored answer, and the hash of the bytes that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) posted: Hash,
    pub(crate) body: Vec<u8>,
}

impl Store {
    /// Opens the file, or makes it.
    pub(crate) async fn open(path: &Path, limit: Option<NonZeroU64>) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .page_size(PAGE);
        let mut writer = options.clone().connect().await?;
        sqlx::migrate!("./migrations").run(&mut writer).await.map_err(sqlx::Error::from)?;
        if let Some(limit) = limit {
            limit_size(&mut writer, limit).await?;
        }
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_with(options).await?;
        Ok(Self { journal: Journal::start(writer), readers })
    }

    /// Writes all of it or nothing, durably, together with whatever else waits.
    pub(crate) async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        if writes.is_empty() { Ok(()) } else { self.journal.write(writes).await }
    }

    /// Waits for what was written and closes the file.
    pub(crate) async fn close(&self) {
        self.journal.close().await;
        self.readers.close().await;
    }
}

impl Write {
    /// A sealed blob, under what it holds.
    pub(crate) fn blob(blob: &SealedBlob) -> Self {
        let body = codec::encode(blob);
        let key = match &blob.context.content {
            Content::SignerKey => None,
            Content::Share { key, .. } => Some(*key),
        };
        Self::Blob { content: content_id(key), hash: Tag::SEALED_BLOB.hash(&body), body }
    }

    /// A certificate, under its key.
    pub(crate) fn certificate(key: KeyId, certificate: &Certificate) -> Self {
        Self::Certificate { key, body: codec::encode(certificate) }
    }

    /// An introduction, under its boot.
    pub(crate) fn introduction(boot: BootId, introduction: &Introduction) -> Self {
        Self::Introduction { boot, body: codec::encode(introduction) }
    }

    /// A reply's receipt, if it can be read.
    pub(crate) fn receipt(receipt: &Receipt) -> Option<Self> {
        let body = receipt.unverified().ok()?;
        Some(Self::Receipt { boot: body.boot, sequence: body.sequence, body: codec::encode(receipt) })
    }
}

/// What a blob's row is found by: nothing for the signer key, the key's id for a share.
fn content_id(key: Option<KeyId>) -> Vec<u8> {
    key.map_or(Vec::new(), |key| key.as_bytes().to_vec())
}

async fn limit_size(writer: &mut sqlx::SqliteConnection, limit: NonZeroU64) -> Result<(), sqlx::Error> {
    let pages = (limit.get() / u64::from(PAGE)).max(1);
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"))).execute(writer).await.map(drop)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        const SQLITE_FULL: &str = "13";
        match error.as_database_error().and_then(|database| database.code()) {
            Some(code) if code == SQLITE_FULL => Self::Full,
            _ => Self::Failed(error.to_string().into()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Full => HostCode::StorageFull,
            StoreError::Failed(_) => HostCode::StorageFailed,
        };
        tracing::error!(code = code.code(), %error, "the store failed");
        Self::host(code, error.to_string())
    }
}

/// Bytes of a database page.
const PAGE: u32 = 4096;
const READERS: u32 = 2;

#[cfg(test)]
mod tests;
