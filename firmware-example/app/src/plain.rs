//! Text and numbers without padding: `core`'s formatting with padding needs a kilobyte more of flash.

use core::fmt::{self, Display, Formatter};
use core::str;

use goldcrest_core::output::{Output, ResumableWriter};

/// Text.
pub struct Plain(pub &'static str);

impl Display for Plain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A number in decimal digits.
pub struct Decimal(pub usize);

impl Display for Decimal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 20]; // of the largest one
        let mut out = ResumableWriter::new(&mut digits, 0);
        out.put_decimal(self.0 as u64);
        let written = out.written();
        f.write_str(str::from_utf8(digits.get(..written).unwrap_or_default()).unwrap_or_default())
    }
}
