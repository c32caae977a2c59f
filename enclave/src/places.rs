//! The places for connections: a fixed number, and word of whether somebody waits for one.

use std::sync::{Arc, Condvar, Mutex};

use crate::fatal;

/// The places of one server.
#[derive(Debug)]
pub(crate) struct Places {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    free: usize,
    demand: Demand,
}

/// Whether a connection waits for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// None does.
    None,
    /// One does, so whoever is silent has to go.
    Waiting,
}

/// One connection's place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Places>);

impl Places {
    pub(crate) fn new(free: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { free, demand: Demand::None }), freed: Condvar::new() })
    }

    /// Takes a place, and waits for one as long as there is none.
    pub(crate) fn take(self: &Arc<Self>) -> Place {
        let Ok(mut state) = self.state.lock() else { fatal::end() };
        loop {
            if let Some(free) = state.free.checked_sub(1) {
                *state = State { free, demand: Demand::None };
                return Place(Arc::clone(self));
            }
            state.demand = Demand::Waiting;
            let Ok(woken) = self.freed.wait(state) else { fatal::end() };
            state = woken;
        }
    }
}

impl Place {
    /// Whether another connection waits for a place.
    pub(crate) fn demand(&self) -> Demand {
        let Ok(state) = self.0.state.lock() else { fatal::end() };
        state.demand
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Ok(mut state) = self.0.state.lock() else { fatal::end() };
        state.free = state.free.saturating_add(1);
        self.0.freed.notify_one();
    }
}
