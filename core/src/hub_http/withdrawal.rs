//! Grants of a chip that can be withdrawn.

use core::cell::RefCell;
use core::task::Waker;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;

use super::rights::{Grant, Rights};
use crate::time::Instant;

/// Issues at most `N` grants at a time, and withdraws them all at once: one for each identity of a chip, such as its one password.
///
/// It takes three words for each grant. A host has identities by name instead.
///
/// ```
/// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
/// use goldcrest_core::hub_http::{Grant, Rights, WithdrawableGrants};
///
/// let sessions: WithdrawableGrants<NoopRawMutex, 2> = WithdrawableGrants::new();
/// let grant = sessions.grant(Rights::READ).unwrap();
/// let other = sessions.grant(Rights::READ).unwrap();
/// assert!(sessions.grant(Rights::READ).is_none());
/// drop(other);
/// // When the password is changed:
/// assert_eq!(sessions.withdraw(), 1);
/// assert!(grant.is_withdrawn());
/// assert!(!sessions.grant(Rights::READ).unwrap().is_withdrawn());
/// ```
#[derive(Debug)]
pub struct WithdrawableGrants<M: RawMutex, const N: usize> {
    slots: Mutex<M, RefCell<[Slot; N]>>,
}

#[derive(Debug)]
enum Slot {
    Free,
    Live(Option<Waker>),
    Withdrawn,
}

/// A grant of [`WithdrawableGrants`].
#[derive(Debug)]
pub struct WithdrawableGrant<'g, M: RawMutex, const N: usize> {
    grants: &'g WithdrawableGrants<M, N>,
    slot: usize,
    rights: Rights,
    valid_until: Instant,
}

impl<M: RawMutex, const N: usize> Default for WithdrawableGrants<M, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: RawMutex, const N: usize> WithdrawableGrants<M, N> {
    /// No grants.
    pub const fn new() -> Self {
        Self { slots: Mutex::new(RefCell::new([const { Slot::Free }; N])) }
    }

    /// A grant of `rights` without an end, or `None` while `N` grants live.
    pub fn grant(&self, rights: Rights) -> Option<WithdrawableGrant<'_, M, N>> {
        let slot = self.with_slots(None, |slots| {
            let slot = slots.iter().position(|slot| matches!(slot, Slot::Free))?;
            *slots.get_mut(slot)? = Slot::Live(None);
            Some(slot)
        })?;
        Some(WithdrawableGrant { grants: self, slot, rights, valid_until: Instant::MAX })
    }

    /// Withdraws the grants that live now, and returns how many it withdrew. Their responses end in order.
    pub fn withdraw(&self) -> usize {
        self.with_slots(0, |slots| {
            let mut withdrawn = 0usize;
            for slot in slots.iter_mut() {
                if let Slot::Live(waker) = slot {
                    let waker = waker.take();
                    *slot = Slot::Withdrawn;
                    withdrawn = withdrawn.saturating_add(1);
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                }
            }
            withdrawn
        })
    }

    fn with_slots<T>(&self, otherwise: T, f: impl FnOnce(&mut [Slot; N]) -> T) -> T {
        self.slots.lock(|slots| match slots.try_borrow_mut() {
            Ok(mut slots) => f(&mut slots),
            // Only a waker that calls these grants from `wake` would come here.
            Err(_) => otherwise,
        })
    }
}

impl<M: RawMutex, const N: usize> WithdrawableGrant<'_, M, N> {
    /// The same grant with an end, by the clock of the connection ([`Exchange::now`](crate::server::Exchange::now)).
    #[must_use]
    pub fn until(mut self, end: Instant) -> Self {
        self.valid_until = end;
        self
    }
}

impl<M: RawMutex, const N: usize> Grant for WithdrawableGrant<'_, M, N> {
    fn rights(&self) -> Rights {
        self.rights
    }

    fn valid_until(&self) -> Instant {
        self.valid_until
    }

    fn is_withdrawn(&self) -> bool {
        self.grants.with_slots(false, |slots| matches!(slots.get(self.slot), Some(Slot::Withdrawn)))
    }

    fn register_waker(&mut self, waker: &Waker) {
        self.grants.with_slots((), |slots| {
            if let Some(Slot::Live(stored)) = slots.get_mut(self.slot) {
                match stored {
                    Some(stored) => stored.clone_from(waker),
                    None => *stored = Some(waker.clone()),
                }
            }
        });
    }
}

impl<M: RawMutex, const N: usize> Drop for WithdrawableGrant<'_, M, N> {
    fn drop(&mut self) {
        self.grants.with_slots((), |slots| {
            if let Some(slot) = slots.get_mut(self.slot) {
                *slot = Slot::Free;
            }
        });
    }
}
