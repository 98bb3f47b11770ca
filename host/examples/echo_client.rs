//! An echo from the other side: a WebSocket client that sends back whatever the server says, until the server closes.
//!
//! ```console
//! $ cargo run --release -p goldcrest-host --example echo_client -- ws://127.0.0.1:9001/
//! $ cargo run --release -p goldcrest-host --example echo_client -- ws://127.0.0.1:9001 goldcrest
//! ```
//!
//! With a name behind the URL it goes through all cases of a fuzzing server of the Autobahn testsuite, under that name.

use std::env;
use std::process::ExitCode;

use goldcrest_host::client::{ConnectError, SmolRuntime, TlsOptions};
use goldcrest_host::core::client::{ClientConfig, ClientWebSocket, ConnectOptions, Error};
use goldcrest_host::core::websocket::Disconnect;
use goldcrest_host::core::ws::close::{CloseCode, CloseReason};
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

/// The next message in `buffer`, which grows with what has come; `None` once the server has closed.
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

/// Sends back what comes.
async fn echo(mut socket: Socket<'_>) -> Result<(), Disconnect> {
    let mut buffer = vec![0; 64 * 1024];
    while let Some((kind, length)) = message(&mut socket, &mut buffer).await? {
        socket.send(kind, &buffer[..length]).await?;
    }
    socket.close(CloseCode::NORMAL, CloseReason::NONE).await
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
    counting.close(CloseCode::NORMAL, CloseReason::NONE).await?;
    for case in 1..=count {
        let socket = open(runtime, &config, &format!("{url}/runCase?case={case}&agent={agent}")).await?;
        // How a case ends is judged by the server.
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
