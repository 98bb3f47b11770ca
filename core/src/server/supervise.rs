//! Panics of handlers, for programs that catch them.

use core::future::Future;
use core::pin::{Pin, pin};

use super::exchange::Exchange;
use super::handler::Handler;
use super::response::HandlerResult;
use super::runtime::Runtime;
use super::server_error::ServerError;
use crate::connection::Disconnect;

impl<R: Runtime> Exchange<'_, '_, R> {
    /// Answers by `handler`, for programs that catch panics. `run` runs the future of the handler, and returns `None` if it panicked.
    ///
    /// The connection ends after a panic. If no response had begun, the response is 500. If one had begun and is incomplete, the
    /// connection breaks, so that the client does not take it for complete.
    ///
    /// # Errors
    /// The connection ended, or the handler panicked.
    pub fn supervise<H: Handler>(
        mut self,
        handler: &H,
        run: impl AsyncFnOnce(Pin<&mut dyn Future<Output = HandlerResult>>) -> Option<HandlerResult>,
    ) -> impl Future<Output = HandlerResult> {
        async move {
            let result = {
                let future = pin!(handler.handle(self.reborrow()));
                run(future).await
            };
            match result {
                Some(result) => result,
                // Every response releases the request's head before it begins.
                None if self.request().head().is_empty() => Err(Disconnect::Closed),
                None => self.reject_with(ServerError::INTERNAL, &[], true).await,
            }
        }
    }
}
