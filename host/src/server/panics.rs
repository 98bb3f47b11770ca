//! Panics of handlers: the response is 500, and other connections go on.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use goldcrest_core::server::{Exchange, Handler, HandlerResult, Runtime};
use smol::future::FutureExt;

/// A handler whose panics end their connections only.
pub(super) struct CatchPanics<'h, H>(pub(super) &'h H);

impl<H: Handler> Handler for CatchPanics<'_, H> {
    fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> impl Future<Output = HandlerResult> {
        exchange.supervise(self.0, async |handled| match AssertUnwindSafe(handled).catch_unwind().await {
            Ok(result) => Some(result),
            Err(panic) => {
                tracing::error!(panic = panic_message(&*panic), "a handler panicked; its connection ends");
                None
            }
        })
    }
}

/// The message of a panic. A payload that is not a text has none.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}
