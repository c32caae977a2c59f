//! The one writer: takes what has gathered, commits it in one transaction, then tells everybody.

use std::sync::{Arc, LazyLock};

use cloister_wire::ids::{Hash, RequestId, UnixMillis};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, query};
use tokio::sync::{mpsc, oneshot};

use super::{DocumentKind, StoreError, Write};

/// A handle to the writer.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    entries: mpsc::Sender<Entry>,
}

#[derive(Debug)]
struct Entry {
    writes: Vec<Write>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Journal {
    pub(super) fn start(writer: SqliteConnection) -> Self {
        let (entries, queue) = mpsc::channel(QUEUE);
        tokio::spawn(run(writer, queue));
        Self { entries }
    }

    pub(super) async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let (done, finished) = oneshot::channel();
        self.entries.send(Entry { writes, done }).await.map_err(|_| closed())?;
        finished.await.map_err(|_| closed())?
    }

    /// Returns when everything sent so far is written. An empty entry comes after all of them.
    pub(super) async fn close(&self) {
        let _ = self.write(Vec::new()).await;
    }
}

async fn run(mut writer: SqliteConnection, mut queue: mpsc::Receiver<Entry>) {
    let mut entries = Vec::with_capacity(GROUP);
    while queue.recv_many(&mut entries, GROUP).await > 0 {
        let result = commit(&mut writer, entries.iter().flat_map(|entry| &entry.writes)).await;
        for entry in entries.drain(..) {
            let _ = entry.done.send(result.clone());
        }
    }
    let _ = writer.close().await;
}

async fn commit(writer: &mut SqliteConnection, writes: impl Iterator<Item = &Write>) -> Result<(), StoreError> {
    query("BEGIN IMMEDIATE").execute(&mut *writer).await?;
    let result = async {
        let mut answers = Vec::new();
        for write in writes {
            match write {
                Write::Answer { issued_at, id, posted, body } => answers.push((issued_at, id, posted, body)),
                other => execute(writer, other).await?,
            }
        }
        insert_answers(writer, &answers).await?;
        query("COMMIT").execute(&mut *writer).await
    }
    .await;
    if let Err(error) = result {
        // SQLite may have rolled back by itself.
        let _ = query("ROLLBACK").execute(&mut *writer).await;
        return Err(error.into());
    }
    Ok(())
}

/// What is there already stays: ids and hashes name the same thing for ever.
async fn execute(writer: &mut SqliteConnection, write: &Write) -> Result<(), sqlx::Error> {
    let query = match write {
        Write::Document { kind, hash, number, body } => query("INSERT OR IGNORE INTO documents VALUES (?, ?, ?, ?)")
            .bind(kind.name())
            .bind(&hash.as_bytes()[..])
            .bind(integer(*number))
            .bind(body),
        Write::Blob { content, hash, body } => {
            query("INSERT OR IGNORE INTO blobs (content, hash, body) VALUES (?, ?, ?)")
                .bind(content)
                .bind(&hash.as_bytes()[..])
                .bind(body)
        }
        Write::Certificate { key, body } => {
            query("INSERT OR IGNORE INTO certificates VALUES (?, ?)").bind(&key.as_bytes()[..]).bind(body)
        }
        Write::Introduction { boot, body } => {
            query("INSERT OR IGNORE INTO introductions VALUES (?, ?)").bind(&boot.as_bytes()[..]).bind(body)
        }
        Write::Receipt { boot, sequence, body } => query("INSERT OR IGNORE INTO receipts VALUES (?, ?, ?)")
            .bind(&boot.as_bytes()[..])
            .bind(integer(sequence.0))
            .bind(body),
        Write::Answer { .. } => return Ok(()),
        Write::Ceremony { request, state } => {
            query("INSERT OR REPLACE INTO ceremonies VALUES (?, ?)").bind(&request.as_bytes()[..]).bind(state)
        }
        Write::CeremonyOver { request } => {
            query("DELETE FROM ceremonies WHERE request = ?").bind(&request.as_bytes()[..])
        }
        Write::Request { hash, not_after, body } => query("INSERT OR IGNORE INTO requests VALUES (?, ?, ?)")
            .bind(&hash.as_bytes()[..])
            .bind(integer(not_after.0))
            .bind(body),
        Write::Approval { request, hash, body } => query("INSERT OR IGNORE INTO approvals VALUES (?, ?, ?)")
            .bind(&request.as_bytes()[..])
            .bind(&hash.as_bytes()[..])
            .bind(body),
        Write::PruneRequests { before } => {
            let expired = "DELETE FROM approvals WHERE request IN (SELECT hash FROM requests WHERE not_after < ?)";
            query(expired).bind(integer(before.0)).execute(&mut *writer).await?;
            query("DELETE FROM requests WHERE not_after < ?").bind(integer(before.0))
        }
        Write::Prune { before } => query("DELETE FROM answers WHERE issued_at < ?").bind(integer(before.0)),
    };
    query.execute(writer).await.map(drop)
}

/// Many rows by one statement: each statement is a way to SQLite's thread and back.
async fn insert_answers(
    writer: &mut SqliteConnection,
    answers: &[(&UnixMillis, &RequestId, &Hash, &Arc<[u8]>)],
) -> Result<(), sqlx::Error> {
    static INSERTS: LazyLock<Vec<(usize, String)>> = LazyLock::new(|| {
        let insert =
            |rows: usize| format!("INSERT OR IGNORE INTO answers VALUES {}", vec!["(?, ?, ?, ?)"; rows].join(", "));
        [64, 16, 4, 1].map(|rows| (rows, insert(rows))).into()
    });
    let mut rest = answers;
    for (rows, insert) in &*INSERTS {
        while let Some((now, later)) = rest.split_at_checked(*rows) {
            let query =
                now.iter().fold(query(AssertSqlSafe(insert.as_str())), |query, (issued_at, id, posted, body)| {
                    let query = query.bind(integer(issued_at.0)).bind(&id.as_bytes()[..]);
                    query.bind(&posted.as_bytes()[..]).bind(&body[..])
                });
            query.execute(&mut *writer).await?;
            rest = later;
        }
    }
    Ok(())
}

impl DocumentKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Order => "order",
            Self::Policy => "policy",
            Self::Closing => "closing",
            Self::Opening => "opening",
            Self::Recovery => "recovery",
            Self::Cancellation => "cancellation",
        }
    }
}

/// SQLite's integers have a sign.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn closed() -> StoreError {
    StoreError::Failed(Arc::from("the store is closed"))
}

/// Entries that wait.
const QUEUE: usize = 1024;
/// Entries committed together.
const GROUP: usize = 512;
