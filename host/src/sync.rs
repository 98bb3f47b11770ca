//! The locks and atomics of what several threads share: the standard library's. The package `goldcrest-model` compiles the same
//! files with those of `shuttle`, which tries the orders in which threads can run.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
