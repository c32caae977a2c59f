//! Keeps one enclave running.
//!
//! ```text
//!   adopt or start ──▶ the release's measurements? ──▶ watch ──ended──▶ pause ──▶ start ──▶ …
//!        │ fails the first time     │ no: end what was      │                        └──fails again and again──▶ give up
//!        └──▶ give up               └──▶ started, give up   └──nitro-cli does not answer, again and again──▶ give up
//! ```
//!
//! What somebody else started and is another image is left alone, for it may be a signer that works, unless it is to be replaced.
//! Giving up leaves to whoever supervises the supervisor what only a person can mend.

use std::{cell::Cell, time::Duration};

use cloister_host::nitro::{Enclave, NitroCli, NitroError, Start};
use cloister_wire::manifest::Measurements;
use tokio::time::{Instant, sleep};

use super::differs;
use crate::failure::{Exit, Failure};

/// How often it is looked after an enclave, and how long is waited before it is started again.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) between_looks: Duration,
    pub(super) shortest_pause: Duration,
    pub(super) longest_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { between_looks: seconds(2), shortest_pause: seconds(1), longest_pause: seconds(60) }
    }
}

/// What became of the enclave.
pub(super) enum Event<'a> {
    Running(&'a Enclave),
    /// It was adopted, and has another address than the one that was asked for.
    Elsewhere(&'a Enclave, u32),
    /// It is started again after a pause.
    Ended(Duration),
    /// It could not be started again; it is tried again after a pause.
    NotStarted(&'a Failure, Duration),
    /// `nitro-cli` could not say.
    Unanswered(&'a NitroError),
}

/// What becomes of an enclave of this name that somebody else started, and that is another image.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    IsLeft,
    IsReplaced,
}

pub(super) struct Supervisor<'a> {
    nitro: &'a NitroCli,
    start: Start<'a>,
    release: Measurements,
    stranger: Stranger,
    pace: Pace,
    /// Whether the enclave of this name is this supervisor's to end: it was started or adopted.
    ours: Cell<bool>,
}

impl<'a> Supervisor<'a> {
    pub(super) fn new(
        nitro: &'a NitroCli,
        start: Start<'a>,
        release: Measurements,
        stranger: Stranger,
        pace: Pace,
    ) -> Self {
        Self { nitro, start, release, stranger, pace, ours: Cell::new(false) }
    }

    /// Ends only in failure.
    pub(super) async fn watch(&self, mut tell: impl FnMut(Event<'_>)) -> Result<(), Failure> {
        let mut enclave = self.adopt_or_start().await?;
        let mut pause = self.pace.shortest_pause;
        loop {
            tell(Event::Running(&enclave));
            if let Some(cid) = self.start.cid.filter(|cid| *cid != enclave.cid) {
                tell(Event::Elsewhere(&enclave, cid));
            }
            let since = Instant::now();
            self.wait_for_end(&enclave, &mut tell).await?;
            self.ours.set(false);
            if since.elapsed() > self.pace.longest_pause {
                pause = self.pace.shortest_pause;
            }
            tell(Event::Ended(pause));
            enclave = self.start_again(&mut pause, &mut tell).await?;
        }
    }

    async fn start_again(&self, pause: &mut Duration, tell: &mut impl FnMut(Event<'_>)) -> Result<Enclave, Failure> {
        let mut failed = 0;
        loop {
            sleep(*pause).await;
            *pause = (2 * *pause).min(self.pace.longest_pause);
            match self.adopt_or_start().await {
                Err(why) if why.exit != Exit::Unverified && failed < MOST_FAILED_STARTS => {
                    failed += 1;
                    tell(Event::NotStarted(&why, *pause));
                }
                started => return started,
            }
        }
    }

    /// Ends the enclave, if it is this supervisor's.
    pub(super) async fn stop(&self) -> Result<(), Failure> {
        if !self.ours.get() {
            return Ok(());
        }
        match self.nitro.find(self.start.name).await {
            Ok(enclave) => Ok(self.nitro.terminate(&enclave).await?),
            Err(NitroError::NotRunning(_)) => Ok(()),
            Err(why) => Err(why.into()),
        }
    }

    /// Takes an enclave that an earlier supervisor left running, or a new one, if it is the release's.
    async fn adopt_or_start(&self) -> Result<Enclave, Failure> {
        let found = match self.nitro.find(self.start.name).await {
            Err(NitroError::NotRunning(_)) => return self.start().await,
            found => found?,
        };
        match differs(&found, &self.release) {
            None => {
                self.ours.set(true);
                Ok(found)
            }
            Some(_) if self.stranger == Stranger::IsReplaced => {
                self.nitro.terminate(&found).await?;
                self.start().await
            }
            Some(why) => {
                let message = format!("{}; it was not started here, and is left alone", why.message);
                let hint = format!("{} `--replace` ends it and starts this image in its place.", why.hint);
                Err(Failure { message, hint, ..why })
            }
        }
    }

    async fn start(&self) -> Result<Enclave, Failure> {
        self.ours.set(true);
        let enclave = self.nitro.run(&self.start).await?;
        match differs(&enclave, &self.release) {
            None => Ok(enclave),
            Some(why) => match self.end(&enclave).await {
                Ok(()) => Err(why),
                Err(still) => {
                    let message = format!("{}; it was started here, and still runs: {still}", why.message);
                    Err(Failure { message, hint: "End it with `cloister enclave stop`.".to_owned(), ..why })
                }
            },
        }
    }

    /// Ends what was started here and must not run.
    async fn end(&self, enclave: &Enclave) -> Result<(), NitroError> {
        for _ in 0..MOST_FAILED_ENDS {
            if self.nitro.terminate(enclave).await.is_ok() {
                return Ok(());
            }
            sleep(self.pace.shortest_pause).await;
        }
        self.nitro.terminate(enclave).await
    }

    async fn wait_for_end(&self, enclave: &Enclave, tell: &mut impl FnMut(Event<'_>)) -> Result<(), Failure> {
        let mut unanswered = 0;
        loop {
            sleep(self.pace.between_looks).await;
            match self.nitro.describe().await {
                Ok(all) if !all.iter().any(|other| other.id == enclave.id && other.is_running()) => return Ok(()),
                Ok(_) => unanswered = 0,
                Err(why) if unanswered == MOST_UNANSWERED => return Err(why.into()),
                Err(why) => {
                    unanswered += 1;
                    tell(Event::Unanswered(&why));
                }
            }
        }
    }
}

/// Questions in a row that `nitro-cli` may leave unanswered.
const MOST_UNANSWERED: u32 = 5;
/// Starts in a row, after the first, that may fail: some five minutes.
const MOST_FAILED_STARTS: u32 = 9;
/// How often ending what must not run may fail.
const MOST_FAILED_ENDS: u32 = 3;
