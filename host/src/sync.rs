//! Locks and atomics of data that threads share, from the standard library. The package `goldcrest-model` compiles the
//! same files with those of `shuttle`, which explores the interleavings of threads.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
