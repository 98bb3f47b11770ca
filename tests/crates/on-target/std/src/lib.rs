//! The parts of the standard library that need only an allocator, under its name; and thread-local values for one thread.
#![no_std]

extern crate alloc as allocating;

pub use allocating::{borrow, boxed, format, rc, string, vec};
pub use core::*;

/// As `std::collections`, without those that need random hashes.
pub mod collections {
    pub use allocating::collections::*;
}

/// As `std::task`.
pub mod task {
    pub use allocating::task::*;
    pub use core::task::*;
}

/// As `std::sync`.
pub mod sync {
    pub use allocating::sync::*;
    pub use core::sync::*;

    use core::cell::{RefCell, RefMut};
    use core::convert::Infallible;

    /// A mutex of the only thread.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(RefCell<T>);

    // SAFETY: there is one thread, and interrupts know nothing of this.
    unsafe impl<T: Send> Sync for Mutex<T> {}

    impl<T> Mutex<T> {
        /// As `std::sync::Mutex::new`.
        pub const fn new(value: T) -> Self {
            Self(RefCell::new(value))
        }

        /// As `std::sync::Mutex::lock`.
        ///
        /// # Errors
        /// None.
        pub fn lock(&self) -> Result<RefMut<'_, T>, Infallible> {
            Ok(self.0.borrow_mut())
        }
    }
}

/// As `std::thread`.
pub mod thread {
    use core::cell::Cell;

    /// The value of the only thread.
    #[derive(Debug)]
    pub struct LocalKey<T>(T);

    // SAFETY: there is one thread, and interrupts know nothing of this.
    unsafe impl<T> Sync for LocalKey<T> {}

    impl<T> LocalKey<T> {
        #[doc(hidden)]
        pub const fn new(value: T) -> Self {
            Self(value)
        }
    }

    impl<T> LocalKey<Cell<T>> {
        /// As `std::thread::LocalKey::get`.
        pub fn get(&self) -> T
        where
            T: Copy,
        {
            self.0.get()
        }

        /// As `std::thread::LocalKey::set`.
        pub fn set(&self, value: T) {
            self.0.set(value);
        }
    }
}

/// As `std::thread_local`, of the form with `const`.
#[macro_export]
macro_rules! thread_local {
    (static $name:ident: $kind:ty = const { $value:expr }) => {
        static $name: $crate::thread::LocalKey<$kind> = $crate::thread::LocalKey::new($value);
    };
}
