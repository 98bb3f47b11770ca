//! The live grants by identity, so that the responses of an identity can be ended.

use std::collections::HashMap;
use std::ops::DerefMut;
use std::task::Waker;

use goldcrest_core::hub_http::{Grant, Rights};
use goldcrest_core::time::Instant;
use slab::Slab;

use crate::sync::{Arc, AtomicBool, Mutex, Ordering, PoisonError};

/// The grants that live, by identity. A clone is the same.
#[derive(Clone, Default)]
pub(super) struct Identities {
    live: Arc<Mutex<Live>>,
}

type Live = HashMap<Arc<str>, Slab<Arc<GrantState>>>;

/// The state of a grant that another thread may change.
#[derive(Default)]
struct GrantState {
    withdrawn: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// A grant of an identity: rights that end at a time, or when [`Hub::withdraw`](super::Hub::withdraw) is called.
///
/// It costs about 200 bytes while its response lives.
pub struct IdentityGrant {
    identities: Identities,
    identity: Arc<str>,
    key: usize,
    state: Arc<GrantState>,
    rights: Rights,
    valid_until: Instant,
}

impl Identities {
    /// A grant of `rights` for `identity`, without an end.
    pub(super) fn grant(&self, identity: &str, rights: Rights) -> IdentityGrant {
        let state = Arc::new(GrantState::default());
        let mut live = self.lock();
        let identity = live.get_key_value(identity).map_or_else(|| identity.into(), |(known, _)| Arc::clone(known));
        let key = live.entry(Arc::clone(&identity)).or_default().insert(Arc::clone(&state));
        drop(live);
        IdentityGrant { identities: self.clone(), identity, key, state, rights, valid_until: Instant::MAX }
    }

    /// Withdraws the grants of `identity`, and returns how many it withdrew.
    pub(super) fn withdraw(&self, identity: &str) -> usize {
        let states: Vec<_> = match self.lock().get(identity) {
            Some(grants) => grants.iter().map(|(_, state)| Arc::clone(state)).collect(),
            None => return 0,
        };
        let mut withdrawn = 0;
        for state in &states {
            if state.withdrawn.swap(true, Ordering::SeqCst) {
                continue;
            }
            withdrawn += 1;
            let waker = state.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        withdrawn
    }

    fn lock(&self) -> impl DerefMut<Target = Live> + '_ {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IdentityGrant {
    /// The same grant with an end, by the clock of the connection ([`Exchange::now`](goldcrest_core::Exchange::now)).
    #[must_use]
    pub fn until(mut self, end: Instant) -> Self {
        self.valid_until = end;
        self
    }

    /// Replaces its rights and its end, for an implementation of [`Grant::renew`].
    pub fn renew(&mut self, rights: Rights, end: Instant) {
        (self.rights, self.valid_until) = (rights, end);
    }
}

impl Grant for IdentityGrant {
    fn rights(&self) -> Rights {
        self.rights
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    fn valid_until(&self) -> Instant {
        self.valid_until
    }

    fn is_withdrawn(&self) -> bool {
        self.state.withdrawn.load(Ordering::SeqCst)
    }

    fn register_waker(&mut self, waker: &Waker) {
        let mut stored = self.state.waker.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *stored {
            Some(stored) => stored.clone_from(waker),
            None => *stored = Some(waker.clone()),
        }
    }
}

impl Drop for IdentityGrant {
    fn drop(&mut self) {
        let mut live = self.identities.lock();
        if let Some(grants) = live.get_mut(&*self.identity) {
            grants.try_remove(self.key);
            if grants.is_empty() {
                live.remove(&*self.identity);
            }
        }
    }
}
