//! WebSocket of any server: opening it, and coming back.

use std::time::Duration;

use goldcrest_core::client::url::Url;
use goldcrest_core::client::{ClientWebSocket, ConnectOptions, Error, Position};
use goldcrest_core::format::Subprotocol;
use goldcrest_core::sse::reconnect::{Reconnect, ReconnectDecision};
use goldcrest_core::websocket::Disconnect;
use goldcrest_core::ws::close::CloseCode;
use smol::Timer;

use super::conversation::{Conversation, ConversationEnd};
use super::input::Input;
use super::output::Output;
use super::rtt::RttRuntime;
use super::{CommandError, Exit, Return, SubscribeContext, SubscribeError, SubscribeResult, again_in};
use crate::exit::describe;
use crate::target;

/// Why there is no conversation any more.
enum ConnectionLoss {
    /// The server closed, and why.
    Closed(Option<CloseCode>, String),
    /// There is no connection.
    Error(Box<Error<goldcrest_host::client::ConnectError>>),
}

impl ConnectionLoss {
    fn text(&self) -> String {
        match self {
            Self::Closed(None, _) => "closed by the server".to_owned(),
            Self::Closed(Some(code), reason) if reason.is_empty() => format!("closed by the server: {}", code.as_u16()),
            Self::Closed(Some(code), reason) => format!("closed by the server: {} {reason}", code.as_u16()),
            Self::Error(error) => describe(error),
        }
    }

    /// Whether the server has ended it as if there were nothing more.
    fn is_in_order(&self) -> bool {
        matches!(self, Self::Closed(None | Some(CloseCode::NORMAL | CloseCode::GOING_AWAY), _))
    }
}

impl SubscribeContext<'_> {
    /// Connects and holds the conversation. With `goldcrest.v1` it resumes after the last received event.
    pub(super) async fn socket(&self, output: &mut Output, input: &mut Input) -> SubscribeResult {
        let is_channel = Url::parse(self.url).is_ok_and(|url| target::is_channel(&url));
        let protocols: Vec<&str> = match &self.options.protocols[..] {
            [] if is_channel => vec![Subprotocol::NAME],
            names => names.iter().map(String::as_str).collect(),
        };
        let most = self.options.client.max_event();
        let options =
            ConnectOptions { protocols: &protocols, origin: self.options.origin.as_deref(), max_message: most as u64 };
        let runtime = RttRuntime::new(self.runtime, self.status);
        let mut buffer = vec![0; most.max(64 * 1024)];
        let mut reconnect = Reconnect::<0>::new(self.options.policy());
        let mut cursor = match self.options.start() {
            Position::After(id) => id.to_owned(),
            Position::Oldest => "oldest".to_owned(),
            Position::Newest | Position::Unknown => String::new(),
        };
        let (mut opened, mut resumable) = (false, false);
        loop {
            let url = if cursor.is_empty() {
                self.url.to_owned()
            } else {
                target::with_parameter(self.url, "after", &cursor)
            };
            let loss = match ClientWebSocket::connect(&runtime, self.config, &url, &options, &mut buffer).await {
                Err(error) => ConnectionLoss::Error(Box::new(error)),
                Ok(socket) => {
                    let protocol = socket.protocol();
                    resumable = protocol == Some(Subprotocol::NAME);
                    opened = true;
                    self.state.reached.set(true);
                    reconnect.on_open();
                    let spoken = protocol.map(|name| format!(", {name}")).unwrap_or_default();
                    self.status.info(format_args!("{} over websocket{spoken}", self.url));
                    let mut conversation = Conversation::new(self, &runtime, socket, resumable, &mut cursor);
                    self.state.talking.set(true);
                    let parted = conversation.hold(output, input, &mut buffer).await;
                    self.state.talking.set(false);
                    match parted? {
                        ConversationEnd::Here(exit) => return Ok(exit),
                        ConversationEnd::Closed(code, reason) => ConnectionLoss::Closed(code, reason),
                        ConversationEnd::Ended(ended) => ConnectionLoss::Error(Box::new(Error::Disconnected(ended))),
                    }
                }
            };
            let returns = match self.options.comes_back() {
                Return::Always => true,
                Return::Never => false,
                Return::IfResumable => opened && resumable,
            };
            let hopeless = matches!(&loss, ConnectionLoss::Error(error) if !error.is_transient());
            if !returns || hopeless {
                return self.parted(loss, opened);
            }
            match &loss {
                ConnectionLoss::Error(_) if !opened => reconnect.on_network_error(),
                ConnectionLoss::Error(error) if !matches!(**error, Error::Disconnected(_)) => {
                    reconnect.on_network_error()
                }
                _ => reconnect.on_end(),
            }
            let ReconnectDecision::After(delay) = reconnect.next_delay(fastrand::u32(..)) else {
                return self.parted(loss, opened);
            };
            self.status.warn(format_args!("websocket: {}; {}", loss.text(), again_in(delay)));
            Timer::after(delay.max(Duration::from_millis(1))).await;
        }
    }

    fn parted(&self, loss: ConnectionLoss, opened: bool) -> SubscribeResult {
        match loss {
            loss if loss.is_in_order() => {
                self.status.info(loss.text());
                Ok(self.options.ended())
            }
            ConnectionLoss::Error(error) if !opened => Err(SubscribeError::unopened(*error)),
            ConnectionLoss::Error(error) if matches!(*error, Error::Disconnected(Disconnect::Protocol(_))) => {
                Err((*error).into())
            }
            loss => Err(CommandError::new(Exit::Lost, loss.text()).into()),
        }
    }
}
