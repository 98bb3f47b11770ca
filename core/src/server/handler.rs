//! The application's side of a request.

use super::exchange::Exchange;
use super::response::HandlerResult;
use super::runtime::Runtime;

/// Answers requests.
///
/// A handler that guards its paths answers with [`Exchange::unauthorized`] or [`Exchange::forbidden`]. The rights on channels are
/// those of [`HubHandler::authorizer`](crate::hub_http::HubHandler::authorizer).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Handler`",
    label = "expected a type that implements `Handler`",
    note = "implement it for a type of your program: `async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult`",
    note = "pass a reference to that type; a closure, or a reference to a reference, is not a `Handler`"
)]
#[allow(async_fn_in_trait, reason = "single-threaded executors on both sides: no Send bound is wanted")]
pub trait Handler {
    /// Answers the request of `exchange`.
    ///
    /// # Errors
    /// The connection ended before the response did. A handler returns the error of the exchange.
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult;
}
