//! A running host: puts the parts together, and takes them down in order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use cloister_wire::manifest::{ManifestError, ValidManifest};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::MissedTickBehavior};

use crate::{
    api,
    config::Config,
    coordinator::Coordinator,
    desk::Desk,
    keyring::Keyring,
    kms::Kms,
    link::Link,
    peers::Peers,
    problem::Problem,
    signers::Signers,
    store::{Store, StoreError},
};

/// Why a host did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The manifest describes no group.
    #[error("the manifest cannot be used: {0}")]
    Manifest(#[from] ManifestError),
    /// The manifest has no signer of the configured number.
    #[error("the manifest has no signer {0}")]
    NoSuchSigner(cloister_wire::ids::SignerId),
    /// The store cannot be opened.
    #[error("the store {path} cannot be opened: {why}")]
    Store {
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// Anything else.
    #[error("{0}")]
    Problem(#[from] Problem),
}

/// A host that serves. Dropping it stops everything at once; [`Running::shutdown`] lets it finish.
#[derive(Debug)]
pub struct Running {
    local_addr: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    background: Background,
    store: Store,
}

/// Tasks that end with the host.
#[derive(Debug)]
struct Background(Vec<JoinHandle<()>>);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// Starts a host. It serves when this returns, whether or not its signer is there yet.
///
/// # Errors
/// [`StartError`].
pub async fn serve(config: Config) -> Result<Running, StartError> {
    let manifest = ValidManifest::from_bytes(config.manifest.body.as_slice())?;
    manifest.slot(config.signer).ok_or(StartError::NoSuchSigner(config.signer))?;
    let store = open_store(&config).await?;
    let listener = TcpListener::bind(config.listen).await.map_err(|error| StartError::Listen(config.listen, error))?;
    let local_addr = listener.local_addr().map_err(|error| StartError::Listen(config.listen, error))?;

    let desk = Arc::new(Desk {
        me: config.signer,
        manifest: config.manifest.clone(),
        link: Link::open(config.enclave.clone(), config.deadlines.step),
        store: store.clone(),
        kms: Kms::load(config.kms.clone(), config.deadlines.step).await,
        keyring: Arc::new(load_keyring(&store).await?),
        overdue: Default::default(),
    });
    let peers = Peers::new(config.peers.clone(), config.deadlines.step)?;
    let signers = Arc::new(Signers::new(manifest, desk.clone(), peers, config.deadlines.glance));
    let coordinator = Arc::new(Coordinator::new(&config, signers).await?);

    let attending = tokio::spawn(async move { desk.attend().await });
    let pruning = tokio::spawn(prune(coordinator.clone()));
    let follower = coordinator.clone();
    let following = tokio::spawn(async move { follower.follow().await });
    let (stop, stopped) = oneshot::channel();
    let router = api::router(coordinator);
    let serving = axum::serve(listener, router).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let server = tokio::spawn(async {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the API has stopped");
        }
    });
    tracing::info!(signer = %config.signer, %local_addr, "serving");
    Ok(Running { local_addr, stop, server, background: Background(vec![attending, pruning, following]), store })
}

impl Running {
    /// Where the API is.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Finishes the requests that are under way, for a while, and closes the store.
    pub async fn shutdown(self) {
        let _ = self.stop.send(());
        let abort = self.server.abort_handle();
        if tokio::time::timeout(GRACE, self.server).await.is_err() {
            abort.abort();
        }
        drop(self.background);
        self.store.close().await;
    }
}

async fn open_store(config: &Config) -> Result<Store, StartError> {
    let opened = Store::open(&config.store, config.storage_limit).await;
    opened.map_err(|error| StartError::Store { path: config.store.display().to_string(), why: error.to_string() })
}

async fn load_keyring(store: &Store) -> Result<Keyring, Problem> {
    let keyring = Keyring::default();
    let certificates = store.certificates().await.map_err(|error: StoreError| Problem::from(error))?;
    certificates.into_iter().for_each(|certificate| keyring.insert(certificate));
    Ok(keyring)
}

async fn prune(coordinator: Arc<Coordinator>) {
    let mut hours = tokio::time::interval(Duration::from_secs(3600));
    hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        hours.tick().await;
        coordinator.prune().await;
    }
}

/// How long requests under way may take once the host is told to stop.
const GRACE: Duration = Duration::from_secs(10);
