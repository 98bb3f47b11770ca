//! The application's side of a request.

use super::exchange::Exchange;
use super::response::HandlerResult;
use super::runtime::Runtime;
use crate::http::{Request, Status};

/// Answers requests.
#[allow(async_fn_in_trait, reason = "single-threaded executors on both sides: no Send bound is wanted")]
pub trait Handler {
    /// Answers the request of `exchange`.
    ///
    /// # Errors
    /// The connection ended before the response did. A handler returns the error of the exchange.
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult;

    /// Whether the request is authorized; called before [`Handler::handle`]. Default: yes.
    ///
    /// # Errors
    /// The status of the error response, such as [`Status::UNAUTHORIZED`] or [`Status::FORBIDDEN`].
    fn authorize<B: AsRef<[u8]>>(&self, _request: &Request<B>) -> Result<(), Status> {
        Ok(())
    }

    /// The `WWW-Authenticate` of a [`Status::UNAUTHORIZED`] from [`Handler::authorize`], which has to have one (RFC 9110
    /// §11.6.1). Default: `Bearer`.
    fn www_authenticate(&self) -> &str {
        "Bearer"
    }
}
