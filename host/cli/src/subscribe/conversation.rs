//! An open WebSocket: received messages are shown, typed lines are sent.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use goldcrest_core::client::{ClientWebSocket, EventData};
use goldcrest_core::websocket::Disconnect;
use goldcrest_core::ws::close::{CloseCode, CloseReason};
use goldcrest_core::ws::connection::MessageKind;
use smol::Timer;
use smol::future::FutureExt;

use super::envelope::{self, ServerMessage};
use super::input::{Input, InputLine};
use super::output::{Output, WriteResult};
use super::rtt::RttRuntime;
use super::{CommandError, Exit, PARTING, SubscribeContext};
use crate::publish::key;

/// Time for pending responses after the last line is sent.
const ANSWERS: Duration = Duration::from_secs(5);

/// Some servers drop their pending messages once a Close frame has arrived: send it only after this time without input.
const QUIET: Duration = Duration::from_millis(500);

/// Interval of the pings of `--rtt`.
const RTT_INTERVAL: Duration = Duration::from_secs(1);

/// A WebSocket and the state of the conversation.
pub(super) struct Conversation<'c, 'e> {
    context: &'c SubscribeContext<'c>,
    runtime: &'e RttRuntime<'e>,
    socket: ClientWebSocket<'e, RttRuntime<'e>>,
    /// Messages are objects of `goldcrest.v1`.
    enveloped: bool,
    /// The id of the last event.
    cursor: &'c mut String,
    sent: u64,
}

/// How a conversation ended.
pub(super) enum ConversationEnd {
    /// By this side.
    Here(Exit),
    /// By the server's Close.
    Closed(Option<CloseCode>, String),
    /// Without one.
    Ended(Disconnect),
}

enum Next {
    Message(Result<Option<(MessageKind, usize)>, Disconnect>),
    Line(Option<Vec<u8>>),
    Ping,
    Late,
}

/// The state after the last line.
enum Last {
    Message(MessageKind, usize),
    Quiet,
    Ended,
}

impl<'c, 'e> Conversation<'c, 'e> {
    pub(super) fn new(
        context: &'c SubscribeContext<'c>,
        runtime: &'e RttRuntime<'e>,
        socket: ClientWebSocket<'e, RttRuntime<'e>>,
        enveloped: bool,
        cursor: &'c mut String,
    ) -> Self {
        Self { context, runtime, socket, enveloped, cursor, sent: 0 }
    }

    /// Receives and sends until one side closes.
    pub(super) async fn hold(
        &mut self,
        output: &mut Output,
        input: &mut Input,
        buffer: &mut [u8],
    ) -> Result<ConversationEnd, CommandError> {
        let options = self.context.options;
        let mut pings = if options.rtt { Timer::interval(RTT_INTERVAL) } else { Timer::never() };
        loop {
            let message = async {
                let message = self.socket.recv(buffer).await;
                Next::Message(message.map(|message| message.map(|message| (message.kind, message.payload.len()))))
            };
            let line = async { Next::Line(input.next().await) };
            let ping = async {
                (&mut pings).await;
                Next::Ping
            };
            let late = async {
                self.context.late().await;
                Next::Late
            };
            let talked = match message.or(line).or(ping).or(late).await {
                Next::Late => {
                    let exit = options.late(self.context.state).map(|()| Exit::Done);
                    self.leave(Exit::Done, CloseCode::NORMAL).await;
                    return exit.map(ConversationEnd::Here);
                }
                Next::Message(Ok(Some((kind, length)))) => match self.show(output, kind, &buffer[..length])? {
                    ControlFlow::Continue(()) => Ok(()),
                    ControlFlow::Break(exit) => return Ok(self.leave(exit, CloseCode::NORMAL).await),
                },
                Next::Message(Ok(None)) => {
                    let (code, reason) =
                        self.socket.peer_close().map_or((None, ""), |close| (close.code, close.reason));
                    return Ok(ConversationEnd::Closed(code, reason.to_owned()));
                }
                Next::Message(Err(ended)) => Err(ended),
                Next::Ping => self.socket.ping(self.runtime.ping(b"")),
                Next::Line(None) if options.until_eof || input.is_terminal() => {
                    return self.see_off(output, buffer, CloseCode::NORMAL, self.sent > 0).await;
                }
                Next::Line(None) => Ok(()),
                Next::Line(Some(line)) => match input.read(&line) {
                    InputLine::Text(text) => self.send(text).await,
                    InputLine::Ping(text) => self.socket.ping(self.runtime.ping(text)),
                    InputLine::Close(code) => match CloseCode::new(code.unwrap_or(1000)) {
                        Some(code) => return self.see_off(output, buffer, code, false).await,
                        None => {
                            self.context.status.warn("a close code is 1000, or 3000 to 4999");
                            Ok(())
                        }
                    },
                    InputLine::Unknown => {
                        self.context.status.warn("commands are /ping [TEXT] and /close [CODE]; //TEXT sends /TEXT");
                        Ok(())
                    }
                },
            };
            if let Err(ended) = talked {
                return Ok(ConversationEnd::Ended(ended));
            }
        }
    }

    /// Closes after a quiet period if responses are pending, and shows the messages before the server's Close frame.
    async fn see_off(
        &mut self,
        output: &mut Output,
        buffer: &mut [u8],
        code: CloseCode,
        awaits: bool,
    ) -> Result<ConversationEnd, CommandError> {
        let end = Instant::now() + ANSWERS;
        let mut quiet_at = awaits.then(|| Instant::now() + QUIET);
        loop {
            if quiet_at.is_none() {
                self.socket.start_close(code, CloseReason::NONE);
            }
            let message = async {
                let message = self.socket.recv(buffer).await.ok().flatten();
                message.map_or(Last::Ended, |message| Last::Message(message.kind, message.payload.len()))
            };
            let quiet = async {
                quiet_at.map_or_else(Timer::never, Timer::at).await;
                Last::Quiet
            };
            let late = async {
                Timer::at(end).or(self.context.late()).await;
                Last::Ended
            };
            match message.or(quiet).or(late).await {
                Last::Message(kind, length) => {
                    quiet_at = quiet_at.map(|_| Instant::now() + QUIET);
                    if let ControlFlow::Break(exit) = self.show(output, kind, &buffer[..length])? {
                        return Ok(self.leave(exit, code).await);
                    }
                }
                Last::Quiet => quiet_at = None,
                Last::Ended => return Ok(self.leave(Exit::Done, code).await),
            }
        }
    }

    /// Closes in order, as far as the server joins in.
    async fn leave(&mut self, exit: Exit, code: CloseCode) -> ConversationEnd {
        let parting = async {
            let _ = self.socket.close_with(code, CloseReason::NONE).await;
        };
        let patience = async {
            Timer::after(PARTING).await;
        };
        parting.or(patience).await;
        ConversationEnd::Here(exit)
    }

    async fn send(&mut self, text: &[u8]) -> Result<(), Disconnect> {
        self.sent += 1;
        if self.enveloped {
            let (kind, message) = envelope::publication(text, self.sent, &key());
            return self.socket.send(kind, &message).await;
        }
        let kind = if str::from_utf8(text).is_ok() { MessageKind::Text } else { MessageKind::Binary };
        self.socket.send(kind, text).await
    }

    fn show(&mut self, output: &mut Output, kind: MessageKind, message: &[u8]) -> WriteResult {
        let text = if self.enveloped { envelope::read(kind, message) } else { ServerMessage::Stranger };
        let status = self.context.status;
        match text {
            ServerMessage::Event { id, event_type, data } => {
                let written = output.event(&id, &event_type, data.borrow());
                *self.cursor = id;
                return written;
            }
            ServerMessage::Gap { missed, after } => {
                self.context.gap(missed);
                *self.cursor = after;
                return output.gap(missed);
            }
            ServerMessage::Stored { id } => status.info(format_args!("stored as {id}")),
            ServerMessage::Refused { reason } => status.warn(format_args!("not stored: {reason}")),
            ServerMessage::Stranger => {
                let data = match kind {
                    MessageKind::Text => str::from_utf8(message).map_or(EventData::Binary(message), EventData::Text),
                    MessageKind::Binary => EventData::Binary(message),
                };
                return output.event("", "", data);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
