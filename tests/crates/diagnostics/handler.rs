//! A function as a handler.
//# is not a `Handler`
//# implement it for a type of your program: `async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult`
//# a closure, or a reference to a reference, is not a `Handler`
use goldcrest_core::{Runtime, ServerConfig, serve};

fn page() {}

async fn connection<R: Runtime>(socket: &mut R::Socket, runtime: &R) {
    serve(socket, runtime, &ServerConfig::default(), &page).await;
}

fn main() {}
