use std::path::PathBuf;

use super::*;

struct File {
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl File {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { path: dir.path().join("host.db"), _dir: dir }
    }

    async fn open(&self) -> Store {
        Store::open(&self.path, None).await.unwrap()
    }
}

const ISSUED: UnixMillis = UnixMillis(1_000);

fn answer(id: u8, body: &[u8]) -> Write {
    Write::Answer {
        id: RequestId::from_bytes([id; 16]),
        posted: Tag::SIGN_REQUEST.hash(body),
        issued_at: ISSUED,
        body: body.into(),
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let file = File::new();
    let store = file.open().await;
    store.write(vec![answer(1, b"signed")]).await.unwrap();
    // Neither closed nor dropped in order: the next one opens the file as a crash leaves it.
    let reopened = file.open().await;
    let found = reopened.answer(ISSUED, &RequestId::from_bytes([1; 16])).await.unwrap().unwrap();
    assert_eq!(found.body, b"signed");
    drop(store);
}

#[tokio::test]
async fn the_first_answer_to_a_request_stays() {
    let file = File::new();
    let store = file.open().await;
    store.write(vec![answer(1, b"first")]).await.unwrap();
    store.write(vec![answer(1, b"second")]).await.unwrap();
    assert_eq!(store.answer(ISSUED, &RequestId::from_bytes([1; 16])).await.unwrap().unwrap().body, b"first");
}

#[tokio::test]
async fn writes_that_come_together_are_all_kept() {
    let file = File::new();
    let store = file.open().await;
    let writes = (0..200_u8).map(|id| {
        let store = store.clone();
        tokio::spawn(async move { store.write(vec![answer(id, &[id])]).await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    assert_eq!(store.answered(UnixMillis(0), 1_000).await.unwrap().len(), 200);
}

#[tokio::test]
async fn a_full_disk_says_so_loses_nothing_and_goes_on_once_there_is_room() {
    let file = File::new();
    let limit = NonZeroU64::new(256 * 1024);
    let store = Store::open(&file.path, limit).await.unwrap();
    let body = vec![7; 16 * 1024];
    let mut kept = 0_u8;
    let error = loop {
        match store.write(vec![answer(kept, &body)]).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert_eq!(Problem::from(error).code, "storage_full");
    assert!(kept > 4, "{kept}");
    drop(store);

    let store = file.open().await;
    assert_eq!(store.answered(UnixMillis(0), 1_000).await.unwrap().len(), usize::from(kept));
    store.write(vec![answer(200, &body)]).await.unwrap();
}

#[tokio::test]
async fn answers_are_forgotten_when_their_requests_are_old() {
    let file = File::new();
    let store = file.open().await;
    store.write(vec![answer(1, b"old")]).await.unwrap();
    store.write(vec![Write::Prune { before: UnixMillis(2_000) }]).await.unwrap();
    assert_eq!(store.answer(ISSUED, &RequestId::from_bytes([1; 16])).await.unwrap(), None);
}

#[tokio::test]
async fn older_blobs_stay_and_what_is_no_blob_is_an_error_when_it_is_read() {
    let file = File::new();
    let store = file.open().await;
    for body in [b"older", b"newer"] {
        let hash = Tag::SEALED_BLOB.hash(body);
        store.write(vec![Write::Blob { content: Vec::new(), hash, body: body.to_vec() }]).await.unwrap();
    }
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM blobs").fetch_one(&store.readers).await.unwrap();
    assert_eq!(count, 2);
    assert!(matches!(store.blob(None).await, Err(StoreError::Failed(_))));
}
