//! The rules for pages of other origins (Fetch §3.3).

use core::time::Duration;

use crate::grammar::list::HeaderList;

/// The names that a preflight permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CorsNames<'a> {
    /// Those that the preflight asks for.
    #[default]
    Requested,
    /// Only these. Names of fields are compared without case, methods with case.
    List(&'a [&'a str]),
}

/// The rules for pages of other origins, beside [`Access`](super::Access), which permits the origins themselves.
///
/// They limit browsers only. A page may send GET, HEAD and POST with the fields of a form without a preflight (Fetch §2.2.1), so a
/// handler still has to check each request.
///
/// ```
/// use core::time::Duration;
/// use goldcrest_core::server::{CorsNames, CorsPolicy};
///
/// let policy = CorsPolicy {
///     methods: CorsNames::List(&["PUT", "DELETE"]),
///     headers: CorsNames::List(&["Content-Type", "X-CSRF-Token"]),
///     max_age: Duration::from_secs(3_600),
///     expose: &["X-Total-Count"],
///     ..CorsPolicy::DEFAULT
/// };
/// assert!(policy.credentials);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorsPolicy<'a> {
    /// Methods beside GET, HEAD and POST. Default: any.
    pub methods: CorsNames<'a>,
    /// Request fields beside those of a form. Default: any.
    pub headers: CorsNames<'a>,
    /// The time for which a browser keeps the response to a preflight, in whole seconds. Default: 10 minutes.
    pub max_age: Duration,
    /// Whether pages of listed origins may send credentials. Default: yes. Pages of other origins never may.
    pub credentials: bool,
    /// Response fields that a page may read, beside those of the hub: `ETag`, `Preference-Applied` and `Retry-After`. Default: none.
    pub expose: &'a [&'a str],
}

impl CorsPolicy<'_> {
    pub(crate) const DEFAULT_MAX_AGE: Duration = Duration::from_secs(600);

    /// The defaults.
    pub const DEFAULT: Self = Self {
        methods: CorsNames::Requested,
        headers: CorsNames::Requested,
        max_age: Self::DEFAULT_MAX_AGE,
        credentials: true,
        expose: &[],
    };
}

impl Default for CorsPolicy<'_> {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl CorsNames<'_> {
    /// The requested method, or an empty value where it is not permitted.
    pub(crate) fn permitted_method<'r>(&self, requested: &'r str) -> &'r str {
        let permits = match self {
            Self::Requested => true,
            Self::List(list) => list.contains(&requested),
        };
        if permits { requested } else { "" }
    }

    /// The requested fields, or an empty value where one of them is not permitted.
    pub(crate) fn permitted_fields<'r>(&self, requested: &'r str) -> &'r str {
        let permits = match self {
            Self::Requested => true,
            Self::List(list) => HeaderList::new(requested.as_bytes())
                .all(|name| list.iter().any(|entry| entry.as_bytes().eq_ignore_ascii_case(name))),
        };
        if permits { requested } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_permits_methods_with_case_and_fields_without() {
        let methods = CorsNames::List(&["PUT", "DELETE"]);
        for (requested, permitted) in [("PUT", "PUT"), ("DELETE", "DELETE"), ("put", ""), ("PATCH", ""), ("", "")] {
            assert_eq!(methods.permitted_method(requested), permitted, "{requested}");
        }
        let fields = CorsNames::List(&["X-Api-Key", "Content-Type"]);
        for (requested, permitted) in
            [("x-api-key", true), ("content-type,x-api-key", true), ("x-api-key, x-other", false)]
        {
            assert_eq!(fields.permitted_fields(requested), if permitted { requested } else { "" });
        }
        assert_eq!(CorsNames::Requested.permitted_method("PATCH"), "PATCH");
        assert_eq!(CorsNames::Requested.permitted_fields("a, b"), "a, b");
    }
}
