//! An echo on the client's side: a WebSocket client that returns each message until the server closes.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example echo_client -- ws://127.0.0.1:9001/
//! $ cargo run --release -p goldcrest-host --example echo_client -- ws://127.0.0.1:9001 goldcrest
//! ```
//!
//! A name after the URL is the agent name for an Autobahn fuzzing server: the client then runs all of its cases.

use std::env;
use std::process::ExitCode;

use goldcrest_host::client::{ConnectError, SmolRuntime, TlsOptions};
use goldcrest_host::core::client::{ClientConfig, ClientWebSocket, ConnectOptions, Error};
use goldcrest_host::core::websocket::Disconnect;
use goldcrest_host::core::ws::connection::MessageKind;

/// The longest message that is echoed, in bytes.
const LONGEST: u64 = 64 * 1024 * 1024;

type Socket<'e> = ClientWebSocket<'e, SmolRuntime>;

async fn open<'e>(
    runtime: &'e SmolRuntime,
    config: &'e ClientConfig<'e>,
    url: &str,
) -> Result<Socket<'e>, Error<ConnectError>> {
    let options = ConnectOptions { max_message: LONGEST, ..ConnectOptions::default() };
    ClientWebSocket::connect(runtime, config, url, &options, &mut [0; 4096]).await
}

/// Receives the next message into `buffer`, which grows with it. `None`: the server has closed.
async fn message(socket: &mut Socket<'_>, buffer: &mut Vec<u8>) -> Result<Option<(MessageKind, usize)>, Disconnect> {
    let mut filled = 0;
    while let Some(part) = socket.read(&mut buffer[filled..]).await? {
        filled += part.len;
        if part.last {
            return Ok(Some((part.kind, filled)));
        }
        buffer.resize(2 * buffer.len(), 0);
    }
    Ok(None)
}

/// Returns each message.
async fn echo(mut socket: Socket<'_>) -> Result<(), Disconnect> {
    let mut buffer = vec![0; 64 * 1024];
    while let Some((kind, length)) = message(&mut socket, &mut buffer).await? {
        socket.send(kind, &buffer[..length]).await?;
    }
    socket.close().await
}

async fn run(runtime: &SmolRuntime, url: &str, agent: Option<&str>) -> Result<(), Error<ConnectError>> {
    let config = ClientConfig::default();
    let Some(agent) = agent else {
        return Ok(echo(open(runtime, &config, url).await?).await?);
    };
    let url = url.trim_end_matches('/');
    let mut buffer = vec![0; 64];
    let mut counting = open(runtime, &config, &format!("{url}/getCaseCount")).await?;
    let length = message(&mut counting, &mut buffer).await?.map_or(0, |(_, length)| length);
    let count: usize = String::from_utf8_lossy(&buffer[..length]).trim().parse().unwrap_or(0);
    counting.close().await?;
    for case in 1..=count {
        let socket = open(runtime, &config, &format!("{url}/runCase?case={case}&agent={agent}")).await?;
        // The fuzzing server evaluates the result of a case.
        let _ = echo(socket).await;
    }
    let mut reporting = open(runtime, &config, &format!("{url}/updateReports?agent={agent}")).await?;
    // It writes its report, and ends.
    let _ = message(&mut reporting, &mut buffer).await;
    println!("{count} cases");
    Ok(())
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (url, agent) = (arguments.next().unwrap_or("ws://127.0.0.1:8080/echo".into()), arguments.next());
    match SmolRuntime::block_on(TlsOptions::default(), async |runtime| run(runtime, &url, agent.as_deref()).await) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("echo_client: {url}: {error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("echo_client: {error}");
            ExitCode::FAILURE
        }
    }
}
