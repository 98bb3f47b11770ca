//! A subscription at work: asking, failing, coming back.

use core::time::Duration;

use super::fallback::{FailureCause, Move};
use super::poll_body::PollBodyParser;
use super::receive::{Received, parsed_event};
use super::state::{Following, PendingRequest, Phase, Polling, Step};
use super::{StartPosition, Subscription, SubscriptionEvent};
use crate::client::http_client::{OutgoingRequest, is_coded, is_of_type, status_error};
use crate::client::runtime::sleep;
use crate::client::web_socket::{nonce, verify};
use crate::client::{ClientMaskingKeys, ClientRuntime, ClientWebSocket, ConnectError, Error};
use crate::format::media_type::{EVENT_STREAM, JSON, NDJSON};
use crate::format::{Subprotocol, Transport};
use crate::http::ResponseHead;
use crate::sse::field::IdField;
use crate::sse::parse::{Parser, ParserLimits};
use crate::sse::reconnect::ReconnectDecision;
use crate::time::Instant;
use crate::websocket::Disconnect;
use crate::ws::handshake::{UpgradeError, UpgradeRequest};
use crate::ws::{ProtocolError, Role};

type Stepped<R> = Result<Step<ConnectError<R>>, Error<ConnectError<R>>>;

impl<R: ClientRuntime, const CURSOR: usize> Subscription<'_, R, CURSOR> {
    /// Waits for what comes next. Dropped while it waits it loses nothing; an attempt to connect is begun again.
    ///
    /// # Errors
    /// It is over for good: no transport is served there ([`Error::Status`] and the like of the last one), the server said
    /// 204, an event is longer than the memory ([`Error::TooLarge`], since it would come again), or the policy's attempts
    /// are used up. After that: [`Error::Closed`].
    pub async fn next(&mut self) -> Result<SubscriptionEvent<'_, ConnectError<R>>, Error<ConnectError<R>>> {
        match self.step().await {
            Ok(step) => self.item(step),
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    /// Closes it in order: an open WebSocket by its closing handshake (RFC 6455 §7.1.2), for as long as the server may take
    /// to answer a Close. Events that come meanwhile are not handed out.
    pub async fn finish(&mut self) {
        if let Some(socket) = &mut self.socket {
            let _ = socket.close().await;
        }
        self.close();
    }

    async fn step(&mut self) -> Stepped<R> {
        loop {
            if self.is_climb_due() && !matches!(self.phase, Phase::Closed) {
                self.ladder.retry_better();
                self.drop_connection();
                self.climb_at = Instant::MAX;
                self.phase = Phase::START;
            }
            match self.phase {
                Phase::Closed => return Err(Error::Closed),
                Phase::Waiting(until) => {
                    if self.now() < until {
                        sleep(self.asker.runtime.clock(), until.min(self.climb_at)).await;
                        continue;
                    }
                    if let Err(error) = self.begin() {
                        return self.failed(error);
                    }
                }
                Phase::Asking(ask) => {
                    if let Some(step) = self.ask(ask).await? {
                        return Ok(step);
                    }
                }
                Phase::Following(following) => {
                    let received = self.follow(following).await?;
                    if let Some(step) = self.received(received)? {
                        return Ok(step);
                    }
                }
                Phase::Polling(polling) => {
                    let received = self.poll(polling).await?;
                    if let Some(step) = self.received(received)? {
                        return Ok(step);
                    }
                }
                Phase::Talking { heard } => {
                    let received = self.talk(heard).await?;
                    if let Some(step) = self.received(received)? {
                        return Ok(step);
                    }
                }
            }
        }
    }

    fn begin(&mut self) -> Result<(), Error<ConnectError<R>>> {
        let transport = self.current();
        let unknown = self.cursor.is_empty() && self.options.start == StartPosition::Newest && !self.anchored;
        let anchor = unknown && transport != Transport::Sse;
        let handshake = transport == Transport::WebSocket && !anchor;
        let nonce = if handshake { nonce(self.asker.runtime)? } else { [0; 16] };
        self.phase = Phase::Asking(PendingRequest { anchor, nonce, since: self.now() });
        Ok(())
    }

    async fn ask(&mut self, ask: PendingRequest) -> Result<Option<Step<ConnectError<R>>>, Error<ConnectError<R>>> {
        let transport = if ask.anchor { Transport::Poll } else { self.current() };
        let query = match self.options.start {
            StartPosition::Oldest if self.cursor.is_empty() => Some(("after", "oldest")),
            StartPosition::Newest if self.cursor.is_empty() => Some(("after", "newest")),
            _ => None,
        };
        let upgrade = UpgradeRequest { nonce: ask.nonce, protocols: &[Subprotocol::NAME], origin: None };
        let asking = OutgoingRequest {
            accept: match transport {
                Transport::WebSocket => None,
                Transport::Sse => Some(EVENT_STREAM),
                Transport::Stream => Some(NDJSON),
                Transport::LongPoll | Transport::Poll | Transport::Publish => Some(JSON),
            },
            last_event_id: &self.cursor,
            query,
            wait: (transport == Transport::LongPoll).then_some(self.options.wait),
            upgrade: (transport == Transport::WebSocket).then_some(upgrade),
            publication: None,
        };
        let length = match self.asker.ask(&asking, self.buffer).await {
            Ok(length) => length,
            Err(error) => return self.broke(error).map(Some),
        };
        match self.open(transport, ask, &upgrade, length) {
            Ok(()) => {}
            Err(error) => return self.broke(error).map(Some),
        }
        if ask.anchor || self.told == Some(transport) {
            return Ok(None);
        }
        self.ladder.opened();
        self.reconnect.on_open();
        self.told = Some(transport);
        if self.ladder.can_retry_better() && self.climb_at == Instant::MAX {
            self.climb_at = self.now() + self.options.retry_better_after.saturating_mul(self.ladder.patience());
        }
        Ok(Some(Step::Opened(transport)))
    }

    /// Judges the answer whose head has `length` bytes, and goes on as it says.
    fn open(
        &mut self,
        transport: Transport,
        ask: PendingRequest,
        upgrade: &UpgradeRequest<'static>,
        length: usize,
    ) -> Result<(), Error<ConnectError<R>>> {
        let config = self.asker.config;
        let head = self.buffer.get(..length).unwrap_or_default();
        if transport == Transport::WebSocket {
            let Some(protocol) = verify(upgrade, head, config.max_fields)? else {
                return Err(Error::NotUpgraded(UpgradeError::Protocol));
            };
            let link = self.asker.take_call().ok_or(Error::Closed)?.link;
            let (runtime, most) = (self.asker.runtime, self.buffer.len() as u64);
            self.socket =
                Some(ClientWebSocket::new(link, Role::Client, ClientMaskingKeys(runtime), most, Some(protocol)));
            self.phase = Phase::Talking { heard: false };
            return Ok(());
        }
        let answer = ResponseHead::parse(head, config.max_fields)?;
        let media_type = match transport {
            Transport::Sse => EVENT_STREAM,
            Transport::Stream => NDJSON,
            _ => JSON,
        };
        if answer.status() != 200 {
            return Err(status_error(&answer));
        }
        if !is_of_type(answer.fields(), media_type) {
            return Err(Error::ContentType);
        }
        if is_coded(answer.fields()) {
            return Err(Error::ContentCoding);
        }
        let (due, first) = (self.silent_until(), self.now() + self.options.first_byte_timeout);
        if media_type == JSON {
            let PendingRequest { anchor, since, .. } = ask;
            self.phase = Phase::Polling(Polling { body: PollBodyParser::new(), due, events: 0, anchor, since });
            return Ok(());
        }
        if transport == Transport::Sse {
            let bounds = ParserLimits { id: CURSOR, event_type: self.options.max_event_type };
            let mut parser = Parser::new(core::mem::take(&mut self.buffer), bounds);
            // What came as an id is one, and is not longer than its bound.
            let _ = IdField::new(self.cursor.as_bytes()).map(|id| parser.restart_after(id));
            self.parser = Some(parser);
        }
        self.phase = Phase::Following(Following { due: first, heard: false, filled: 0 });
        Ok(())
    }

    /// Goes on as what came on a transport says; `None` where there is nothing to report yet.
    fn received(
        &mut self,
        received: Received<ConnectError<R>>,
    ) -> Result<Option<Step<ConnectError<R>>>, Error<ConnectError<R>>> {
        match received {
            Received::Nothing => Ok(None),
            Received::Step(step) => Ok(Some(step)),
            Received::PollEnd(polling) => {
                self.polled(&polling);
                Ok(None)
            }
            Received::Lost { error, heard } => self.lost(error, heard).map(Some),
            Received::Failed(error) => self.broke(error).map(Some),
        }
    }

    /// A poll was answered to its end: when the next one is due.
    fn polled(&mut self, polling: &Polling) {
        self.asker.done();
        let now = self.now();
        if polling.anchor {
            // A server that told no place will not tell it the next time either.
            self.anchored = true;
            self.phase = Phase::START;
            return;
        }
        self.reconnect.on_open();
        // A long answer may have been cut short by the server, and a long poll has waited for itself.
        let waited = self.current() == Transport::LongPoll
            && (polling.events > 0 || now.since(polling.since) >= Duration::from_secs(1));
        let more = waited || polling.events >= 32;
        self.phase = if more { Phase::START } else { Phase::Waiting(now + self.options.poll_interval) };
    }

    /// A request has failed: what was open by requests like it is lost, or else it could not be opened.
    fn broke(&mut self, error: Error<ConnectError<R>>) -> Stepped<R> {
        if self.told == Some(self.current()) { self.lost(error, true) } else { self.failed(error) }
    }

    /// An attempt has come to nothing: the next transport, or the same after a while.
    fn failed(&mut self, error: Error<ConnectError<R>>) -> Stepped<R> {
        if is_final(&error) {
            return Err(error);
        }
        let blame = match error {
            Error::Connect(_) | Error::Status { retry_after: Some(_), .. } if error.is_transient() => {
                FailureCause::Network
            }
            _ => FailureCause::Transport { hopeless: !error.is_transient() && !matches!(error, Error::Ended(_)) },
        };
        let transport = self.current();
        let next = self.ladder.failed(blame);
        self.lose(transport, error, next, true)
    }

    /// What was open is lost.
    fn lost(&mut self, error: Error<ConnectError<R>>, heard: bool) -> Stepped<R> {
        if matches!(error, Error::Ended(Disconnect::Protocol(ProtocolError::MessageTooBig))) {
            return Err(Error::TooLarge);
        }
        if is_final(&error) {
            return Err(error);
        }
        let transport = self.current();
        let next = match error {
            Error::Buffered => self.ladder.failed(FailureCause::Transport { hopeless: false }),
            _ => self.ladder.lost(!heard),
        };
        self.lose(transport, error, next, !heard)
    }

    fn lose(&mut self, transport: Transport, error: Error<ConnectError<R>>, next: Move, failure: bool) -> Stepped<R> {
        if let Some(time) = self.parser.as_ref().and_then(Parser::reconnection_time) {
            self.reconnect.on_retry_field(time);
        }
        self.drop_connection();
        self.told = None;
        let delay = match next {
            Move::Over => return Err(error),
            Move::Next => Duration::ZERO,
            Move::Stay | Move::Around => {
                if failure {
                    self.reconnect.on_network_error();
                } else {
                    self.reconnect.on_end();
                }
                let told = match error {
                    Error::Status { retry_after, .. } => retry_after,
                    _ => None,
                };
                match self.reconnect.next_delay_after(self.spread.next(), told) {
                    ReconnectDecision::After(delay) => delay,
                    ReconnectDecision::Stop => return Err(error),
                }
            }
        };
        if !self.ladder.can_retry_better() {
            self.climb_at = Instant::MAX;
        }
        self.phase = Phase::Waiting(self.now() + delay);
        Ok(Step::Lost { transport, error, delay })
    }

    /// What a step is told as.
    fn item(
        &mut self,
        step: Step<ConnectError<R>>,
    ) -> Result<SubscriptionEvent<'_, ConnectError<R>>, Error<ConnectError<R>>> {
        Ok(match step {
            Step::Opened(transport) => SubscriptionEvent::Opened { transport },
            Step::Event(spans) => SubscriptionEvent::Event(spans.event(self.buffer)),
            Step::ParsedEvent => SubscriptionEvent::Event(parsed_event(self.parser.as_mut()).ok_or(Error::Closed)?),
            Step::Gap(missed) => SubscriptionEvent::Gap { missed },
            Step::Lost { transport, error, delay } => SubscriptionEvent::Lost { transport, error, delay },
        })
    }
}

/// Whether neither time nor another transport helps.
fn is_final<E>(error: &Error<E>) -> bool {
    match error {
        Error::Url(_) | Error::Request | Error::TooLarge | Error::Stream(_) | Error::Closed => true,
        Error::Status { status, .. } => *status == 204,
        _ => false,
    }
}
