//! Reading the store.

use cloister_wire::{
    approval::Approval,
    blob::SealedBlob,
    certificate::Certificate,
    codec,
    ids::{Hash, KeyId, RequestId, UnixMillis},
    request::Requested,
};
use minicbor::{Decode, Encode};
use sqlx::{Row as _, query, query_as, query_scalar, sqlite::SqliteRow};

use super::{Answered, DocumentKind, Store, StoreError, content_id, journal::integer};

impl Store {
    /// The newest document of a kind.
    pub(crate) async fn latest<T: Stored>(&self, kind: DocumentKind) -> Result<Option<T>, StoreError> {
        let body = query_scalar("SELECT body FROM documents WHERE kind = ? ORDER BY number DESC LIMIT 1")
            .bind(kind.name())
            .fetch_optional(&self.readers)
            .await?;
        body.map(read).transpose()
    }

    /// The document of a kind and number.
    pub(crate) async fn document<T: Stored>(&self, kind: DocumentKind, number: u64) -> Result<Option<T>, StoreError> {
        let body = query_scalar("SELECT body FROM documents WHERE kind = ? AND number = ?")
            .bind(kind.name())
            .bind(integer(number))
            .fetch_optional(&self.readers)
            .await?;
        body.map(read).transpose()
    }

    /// The document of a kind and hash.
    pub(crate) async fn named<T: Stored>(&self, kind: DocumentKind, hash: &Hash) -> Result<Option<T>, StoreError> {
        let body = query_scalar("SELECT body FROM documents WHERE kind = ? AND hash = ?");
        let body = body.bind(kind.name()).bind(&hash.as_bytes()[..]).fetch_optional(&self.readers).await?;
        body.map(read).transpose()
    }

    /// Hash, number and encoding of all documents of a kind, oldest first.
    pub(crate) async fn numbered(&self, kind: DocumentKind) -> Result<Vec<(Vec<u8>, i64, Vec<u8>)>, StoreError> {
        let rows = query_as("SELECT hash, number, body FROM documents WHERE kind = ? ORDER BY number");
        Ok(rows.bind(kind.name()).fetch_all(&self.readers).await?)
    }

    /// The encodings of all documents of a kind, oldest first.
    pub(crate) async fn documents(&self, kind: DocumentKind) -> Result<Vec<Vec<u8>>, StoreError> {
        let bodies = query_scalar("SELECT body FROM documents WHERE kind = ? ORDER BY number");
        Ok(bodies.bind(kind.name()).fetch_all(&self.readers).await?)
    }

    /// The newest blob of this key's share, or of the signer key.
    pub(crate) async fn blob(&self, key: Option<KeyId>) -> Result<Option<SealedBlob>, StoreError> {
        let body = query_scalar("SELECT body FROM blobs WHERE content = ? ORDER BY id DESC LIMIT 1")
            .bind(content_id(key))
            .fetch_optional(&self.readers)
            .await?;
        body.map(read).transpose()
    }

    /// All certificates.
    pub(crate) async fn certificates(&self) -> Result<Vec<Certificate>, StoreError> {
        let bodies: Vec<Vec<u8>> = query_scalar("SELECT body FROM certificates").fetch_all(&self.readers).await?;
        bodies.into_iter().map(read).collect()
    }

    /// The encodings of all introductions.
    pub(crate) async fn introductions(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(query_scalar("SELECT body FROM introductions").fetch_all(&self.readers).await?)
    }

    /// The boot and the encoding of every receipt, in the order of each boot's chain.
    pub(crate) async fn receipts(&self) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        Ok(query_as("SELECT boot, body FROM receipts ORDER BY boot, sequence").fetch_all(&self.readers).await?)
    }

    /// The answer to the request of this time and id.
    pub(crate) async fn answer(&self, issued_at: UnixMillis, id: &RequestId) -> Result<Option<Answered>, StoreError> {
        let row = query("SELECT posted, body FROM answers WHERE issued_at = ? AND id = ?")
            .bind(integer(issued_at.0))
            .bind(&id.as_bytes()[..])
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| {
            let posted = Hash::try_from(row.try_get::<&[u8], _>(0)?).map_err(|_| damaged())?;
            Ok(Answered { posted, body: row.try_get(1)? })
        })
        .transpose()
    }

    /// Requests issued since this moment that were answered; at most `limit`.
    pub(crate) async fn answered(
        &self,
        since: UnixMillis,
        limit: u32,
    ) -> Result<Vec<(RequestId, UnixMillis)>, StoreError> {
        let rows = query("SELECT id, issued_at FROM answers WHERE issued_at >= ? LIMIT ?")
            .bind(integer(since.0))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        let read = |row: &SqliteRow| {
            let id = RequestId::try_from(row.try_get::<&[u8], _>(0)?).map_err(|_| damaged())?;
            Ok((id, UnixMillis(u64::try_from(row.try_get::<i64, _>(1)?).map_err(|_| damaged())?)))
        };
        rows.iter().map(read).collect()
    }

    /// Requests that wait for members and have not expired, oldest first.
    pub(crate) async fn waiting(&self, now: UnixMillis) -> Result<Vec<Requested>, StoreError> {
        let bodies = query_scalar("SELECT body FROM requests WHERE not_after > ? ORDER BY not_after");
        let bodies: Vec<Vec<u8>> = bodies.bind(integer(now.0)).fetch_all(&self.readers).await?;
        bodies.into_iter().map(read).collect()
    }

    /// The request of this hash.
    pub(crate) async fn request(&self, hash: &Hash) -> Result<Option<Requested>, StoreError> {
        let body = query_scalar("SELECT body FROM requests WHERE hash = ?").bind(&hash.as_bytes()[..]);
        body.fetch_optional(&self.readers).await?.map(read).transpose()
    }

    /// Hashes of the requests of which members have said something.
    pub(crate) async fn heard(&self) -> Result<Vec<Hash>, StoreError> {
        let hashes: Vec<Vec<u8>> =
            query_scalar("SELECT DISTINCT request FROM approvals").fetch_all(&self.readers).await?;
        hashes.iter().map(|hash| Hash::try_from(hash.as_slice()).map_err(|_| damaged())).collect()
    }

    /// What members said of a request.
    pub(crate) async fn approvals(&self, request: &Hash) -> Result<Vec<Approval>, StoreError> {
        let bodies = query_scalar("SELECT body FROM approvals WHERE request = ?").bind(&request.as_bytes()[..]);
        let bodies: Vec<Vec<u8>> = bodies.fetch_all(&self.readers).await?;
        bodies.into_iter().map(read).collect()
    }

    /// How far a key generation was when this was last written.
    pub(crate) async fn ceremony<T: Stored>(&self, request: &Hash) -> Result<Option<T>, StoreError> {
        let state = query_scalar("SELECT state FROM ceremonies WHERE request = ?")
            .bind(&request.as_bytes()[..])
            .fetch_optional(&self.readers)
            .await?;
        state.map(read).transpose()
    }
}

/// A wire type as the store keeps it.
pub(crate) trait Stored: Encode<()> + for<'b> Decode<'b, ()> {}

impl<T: Encode<()> + for<'b> Decode<'b, ()>> Stored for T {}

#[expect(clippy::needless_pass_by_value, reason = "rows give their bytes away")]
fn read<T: Stored>(body: Vec<u8>) -> Result<T, StoreError> {
    codec::decode(&body).map_err(|_| damaged())
}

fn damaged() -> StoreError {
    StoreError::Failed("a row of the store is damaged".into())
}
