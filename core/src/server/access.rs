//! Permitted `Origin`, `Sec-Fetch-Site` and `Host`.

use core::fmt;

use crate::grammar::host::{HostError, HostPolicy, validate_host};
use crate::grammar::origin::{OriginError, OriginMatch, OriginPolicy, validate_origin};
use crate::http::{Method, Request};

/// The permitted origins and the names of the server; any other request gets 403.
///
/// Both are needed. `Origin` rejects other sites. `Host` rejects a site of the same origin whose name resolves to this server (DNS
/// rebinding).
///
/// A browser sends no `Origin` for an embedded `<img>` or classic `<script>`, nor for a link. If it sends `Sec-Fetch-Site` instead
/// (W3C Fetch Metadata), a request from another origin is permitted only as a top-level navigation by GET or HEAD. So links work,
/// and embedding is rejected.
#[derive(Clone, Copy, Debug, Default)]
pub struct Access<'a> {
    /// The permitted origins, for every method. Default: the same origin, and requests without `Origin`.
    pub origins: OriginPolicy<'a>,
    /// The names of the server. Default: IP addresses and `localhost`.
    pub hosts: HostPolicy<'a>,
}

/// An entry of [`Access`] that no request can match, with the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessError<'e> {
    /// Of [`Access::origins`].
    Origin(&'e str, OriginError<'e>),
    /// Of [`Access::hosts`].
    Host(&'e str, HostError<'e>),
}

impl fmt::Display for AccessError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(entry, error) => write!(f, "allowed origin {entry:?}: {error}"),
            Self::Host(entry, error) => write!(f, "allowed host {entry:?}: {error}"),
        }
    }
}

impl core::error::Error for AccessError<'_> {}

/// The reason why [`Access`] does not permit a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessDenied {
    /// `Host` is not a name of the server.
    Host,
    /// `Origin` is not permitted, or there are two.
    Origin,
    /// A page of another origin embeds the resource (`Sec-Fetch-Site`).
    CrossSite,
}

impl<'a> Access<'a> {
    /// Checks that each entry of the lists can match a request.
    ///
    /// # Errors
    /// The first entry that cannot.
    ///
    /// ```
    /// use goldcrest_core::server::{Access, HostPolicy, OriginPolicy};
    ///
    /// let origins = OriginPolicy::List(&["app.example"]);
    /// let access = Access { origins, hosts: HostPolicy::List(&["hub.example"]) };
    /// let error = access.validate().unwrap_err().to_string();
    /// assert!(error.ends_with("write https://app.example or http://app.example"), "{error}");
    /// ```
    pub fn validate(&self) -> Result<(), AccessError<'a>> {
        if let OriginPolicy::List(origins) = self.origins {
            for entry in origins {
                validate_origin(entry).map_err(|error| AccessError::Origin(entry, error))?;
            }
        }
        if let HostPolicy::List(hosts) = self.hosts {
            for entry in hosts {
                validate_host(entry).map_err(|error| AccessError::Host(entry, error))?;
            }
        }
        Ok(())
    }

    /// Checks a request; returns the match of its origin.
    ///
    /// # Errors
    /// The rule that rejects the request.
    pub fn check<B: AsRef<[u8]>>(&self, request: &Request<B>) -> Result<OriginMatch, AccessDenied> {
        let host = request.host().unwrap_or("");
        if !self.hosts.permits(host) {
            return Err(AccessDenied::Host);
        }
        let mut origins = request.header_all("origin");
        match self.origins.find(origins.next(), host.as_bytes()) {
            _ if origins.next().is_some() => Err(AccessDenied::Origin),
            Some(OriginMatch::Absent) if is_embedded(request) => Err(AccessDenied::CrossSite),
            found => found.ok_or(AccessDenied::Origin),
        }
    }
}

/// Whether a page of another origin embeds the resource, and the request is not a followed link. Another port or subdomain of
/// the same site is another origin.
fn is_embedded<B: AsRef<[u8]>>(request: &Request<B>) -> bool {
    let is = |name, value: &[u8]| request.header(name).is_some_and(|it| it == value);
    let follows_link = || {
        matches!(request.method(), Method::Get | Method::Head)
            && is("sec-fetch-mode", b"navigate")
            && is("sec-fetch-dest", b"document")
    };
    (is("sec-fetch-site", b"cross-site") || is("sec-fetch-site", b"same-site")) && !follows_link()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::MAX_FIELDS;
    use std::format;

    fn check(access: Access<'_>, method: &str, fields: &str) -> Result<OriginMatch, AccessDenied> {
        let head = format!("{method} /events/a HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        access.check(&Request::parse(head.as_bytes(), head.len(), MAX_FIELDS).unwrap())
    }

    #[test]
    fn an_error_names_the_entry_of_the_list() {
        let access = Access { hosts: HostPolicy::List(&["hub", "http://hub"]), ..Access::default() };
        let error = access.validate().map_err(|error| format!("{error}"));
        assert_eq!(error.unwrap_err(), "allowed host \"http://hub\": a host has neither scheme nor path; write hub");
    }

    #[test]
    fn cross_site_embedding_is_rejected_and_links_are_permitted() {
        let link = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
        let image = "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n";
        let frame = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n";
        for (site, method, fields, may) in [
            ("cross-site", "GET", image, false),
            ("cross-site", "GET", frame, false),
            ("cross-site", "GET", "", false),
            ("cross-site", "GET", link, true),
            ("cross-site", "HEAD", link, true),
            ("cross-site", "POST", link, false),
            ("same-site", "GET", image, false),
            ("same-site", "GET", link, true),
            ("same-origin", "GET", image, true),
            ("same-origin", "POST", "", true),
            ("none", "GET", link, true),
            ("none", "GET", "", true),
        ] {
            let fields = format!("Sec-Fetch-Site: {site}\r\n{fields}");
            let seen = check(Access::default(), method, &fields);
            assert_eq!(seen == Ok(OriginMatch::Absent), may, "{method} {fields}");
            assert_eq!(seen == Err(AccessDenied::CrossSite), !may, "{method} {fields}");
            let any = Access { origins: OriginPolicy::Any, ..Access::default() };
            assert_eq!(check(any, method, &fields), Ok(OriginMatch::Any));
        }
        let listed = Access { origins: OriginPolicy::List(&["https://app.example"]), ..Access::default() };
        let fields = "Sec-Fetch-Site: cross-site\r\n";
        assert_eq!(check(listed, "GET", fields), Err(AccessDenied::CrossSite));
        let fields = "Origin: https://app.example\r\nSec-Fetch-Site: cross-site\r\n";
        assert_eq!(check(listed, "POST", fields), Ok(OriginMatch::Listed));
        assert_eq!(check(Access::default(), "POST", fields), Err(AccessDenied::Origin));
    }
}
