//! Status codes (RFC 9110 §15).

use core::fmt;

#[cfg(any(test, not(small_code)))]
use crate::grammar::characters::ascii;

/// A status code with its reason phrase.
///
/// ```
/// use goldcrest_core::http::Status;
///
/// assert_eq!(Status::GONE.code(), 410);
/// assert_eq!(Status::new(404), Some(Status::NOT_FOUND));
/// assert_eq!(Status::NOT_FOUND.reason(), "Not Found");
/// assert_eq!(Status::new(1000), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Status(u16);

macro_rules! statuses {
    ($($code:literal $name:ident $reason:literal)*) => {
        impl Status {
            $(
                #[doc = concat!("`", stringify!($code), " ", $reason, "`")]
                pub const $name: Self = Self($code);
            )*

            /// A line `CODE REASON` for each named code. It takes less than half of the memory of a table of slices.
            #[cfg(any(test, not(small_code)))]
            const LINES: &[u8] = concat!($($code, " ", $reason, "\n"),*).as_bytes();
        }
    };
}

statuses! {
    100 CONTINUE "Continue"
    101 SWITCHING_PROTOCOLS "Switching Protocols"
    200 OK "OK"
    201 CREATED "Created"
    202 ACCEPTED "Accepted"
    204 NO_CONTENT "No Content"
    206 PARTIAL_CONTENT "Partial Content"
    301 MOVED_PERMANENTLY "Moved Permanently"
    302 FOUND "Found"
    303 SEE_OTHER "See Other"
    304 NOT_MODIFIED "Not Modified"
    307 TEMPORARY_REDIRECT "Temporary Redirect"
    308 PERMANENT_REDIRECT "Permanent Redirect"
    400 BAD_REQUEST "Bad Request"
    401 UNAUTHORIZED "Unauthorized"
    403 FORBIDDEN "Forbidden"
    404 NOT_FOUND "Not Found"
    405 METHOD_NOT_ALLOWED "Method Not Allowed"
    406 NOT_ACCEPTABLE "Not Acceptable"
    408 REQUEST_TIMEOUT "Request Timeout"
    409 CONFLICT "Conflict"
    410 GONE "Gone"
    411 LENGTH_REQUIRED "Length Required"
    412 PRECONDITION_FAILED "Precondition Failed"
    413 CONTENT_TOO_LARGE "Content Too Large"
    414 URI_TOO_LONG "URI Too Long"
    415 UNSUPPORTED_MEDIA_TYPE "Unsupported Media Type"
    417 EXPECTATION_FAILED "Expectation Failed"
    421 MISDIRECTED_REQUEST "Misdirected Request"
    422 UNPROCESSABLE_CONTENT "Unprocessable Content"
    426 UPGRADE_REQUIRED "Upgrade Required"
    429 TOO_MANY_REQUESTS "Too Many Requests"
    431 REQUEST_HEADER_FIELDS_TOO_LARGE "Request Header Fields Too Large"
    500 INTERNAL_SERVER_ERROR "Internal Server Error"
    501 NOT_IMPLEMENTED "Not Implemented"
    502 BAD_GATEWAY "Bad Gateway"
    503 SERVICE_UNAVAILABLE "Service Unavailable"
    504 GATEWAY_TIMEOUT "Gateway Timeout"
    505 HTTP_VERSION_NOT_SUPPORTED "HTTP Version Not Supported"
}

impl Status {
    /// The status with this code. `None` outside the five classes, 100 to 599 (RFC 9110 §15).
    pub const fn new(code: u16) -> Option<Self> {
        if code >= 100 && code <= 599 { Some(Self(code)) } else { None }
    }

    /// The reason phrase, empty for a code without a name here. On a chip it is always empty: the phrases take a
    /// kilobyte of flash, and clients ignore them (RFC 9112 §4).
    #[cfg(any(test, not(small_code)))]
    pub fn reason(self) -> &'static str {
        let is_own = |digits: &[u8]| {
            digits.iter().fold(0u16, |sum, digit| sum.wrapping_mul(10).wrapping_add(u16::from(digit & 0xf))) == self.0
        };
        let mut lines = Self::LINES.split(|byte| *byte == b'\n').filter_map(|line| line.split_first_chunk::<4>());
        let own = lines.find(|([digits @ .., _], _)| is_own(digits));
        own.map_or("", |(_, reason)| ascii(reason))
    }

    /// The reason phrase. On a chip it is empty: the phrases take a kilobyte of flash, and clients ignore them (RFC 9112 §4).
    #[cfg(all(small_code, not(test)))]
    pub const fn reason(self) -> &'static str {
        ""
    }

    /// The code, 100 to 599.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// Whether the status is interim (1xx). Another response to the same request follows, except after 101.
    pub const fn is_informational(self) -> bool {
        self.0 < 200
    }

    /// Whether the response has no content, for any fields: 1xx, 204 and 304 (RFC 9112 §6.3).
    pub const fn is_bodiless(self) -> bool {
        self.0 < 200 || self.0 == 204 || self.0 == 304
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.0, self.reason())
    }
}
