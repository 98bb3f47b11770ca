//! The handler of each path.

use goldcrest_core::hub_http::HubHandler;
use goldcrest_core::server::{Exchange, Handler, HandlerResult, Runtime};

use crate::Board;
use crate::channels::Channels;
use crate::{echo, led, memory, page};

/// All handlers of the application.
#[derive(Clone, Copy)]
pub(crate) struct Routes {
    events: HubHandler<'static, Channels>,
    board: &'static Board,
}

impl Routes {
    pub(crate) fn new(hub: &'static Channels, board: &'static Board) -> Self {
        Self { events: HubHandler::new(hub), board }
    }
}

impl Handler for Routes {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/" => page::answer(exchange).await,
            "/memory" => memory::answer(exchange, self.board).await,
            "/led" => led::answer(exchange).await,
            "/echo" => echo::answer(exchange).await,
            path => match page::module(path) {
                Some(module) => module.answer(exchange).await,
                None => self.events.handle(exchange).await,
            },
        }
    }
}
