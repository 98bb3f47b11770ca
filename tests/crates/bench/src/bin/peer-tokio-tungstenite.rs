//! A WebSocket echo with tokio-tungstenite, on one thread of tokio.
//!
//! An answer is sent when its message has been read; with `--forward` the stream is forwarded to the sink, as
//! tokio-tungstenite's own example does.

use futures_util::{SinkExt, StreamExt, TryStreamExt, future};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().skip_while(|word| word != "--listen").nth(1).expect("--listen ADDR:PORT");
    let forward = std::env::args().any(|word| word == "--forward");
    let listener = tokio::net::TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let _ = if forward { echo_by_forward(stream).await } else { echo(stream).await };
        });
    }
}

async fn echo(stream: TcpStream) -> Result<(), Error> {
    let mut websocket = tokio_tungstenite::accept_async(stream).await?;
    while let Some(message) = websocket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            websocket.send(message).await?;
        }
    }
    Ok(())
}

async fn echo_by_forward(stream: TcpStream) -> Result<(), Error> {
    let (sink, stream) = tokio_tungstenite::accept_async(stream).await?.split();
    stream.try_filter(|message| future::ready(message.is_text() || message.is_binary())).forward(sink).await
}
