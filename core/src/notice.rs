//! Lines for the program's log, by the feature `defmt` or `log`; without both, no format string is linked.

#[cfg(all(feature = "defmt", feature = "log"))]
compile_error!("the features `defmt` and `log` exclude each other: choose the one that the program's log is of");

/// `notice!(level, "format", values…)`.
macro_rules! notice {
    ($level:ident, $($arguments:tt)+) => {{
        #[cfg(feature = "defmt")]
        ::defmt::$level!($($arguments)+);
        #[cfg(all(feature = "log", not(feature = "defmt")))]
        ::log::$level!($($arguments)+);
    }};
}
