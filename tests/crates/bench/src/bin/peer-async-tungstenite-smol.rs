//! A WebSocket echo with async-tungstenite on smol, on one thread: a `LocalExecutor` over async-io.

use futures_util::StreamExt;
use smol::Async;
use std::net::{SocketAddr, TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let address = std::env::args().skip_while(|word| word != "--listen").nth(1).expect("--listen ADDR:PORT");
    let address: SocketAddr = address.parse().expect("ADDR:PORT");
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = Async::<TcpListener>::bind(address)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.get_ref().set_nodelay(true)?;
            executor.spawn(async move { echo(stream).await.unwrap_or_default() }).detach();
        }
    }))
}

async fn echo(stream: Async<TcpStream>) -> Result<(), async_tungstenite::tungstenite::Error> {
    let mut websocket = async_tungstenite::accept_async(stream).await?;
    while let Some(message) = websocket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            websocket.send(message).await?;
        }
    }
    Ok(())
}
