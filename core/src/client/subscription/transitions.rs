//! The transitions of a subscription: request, failure, reconnection.

use core::time::Duration;

use super::fallback::{FailureCause, NextAttempt};
use super::poll_body::PollBodyParser;
use super::receive::{Received, parsed_event};
use super::state::{PendingRequest, Phase, PollState, Step, StreamState};
use super::{Subscription, SubscriptionEvent};
use crate::client::http_client::{OutgoingRequest, is_coded, is_of_type, status_error};
use crate::client::http_exchange::BodyProgress;
use crate::client::runtime::sleep;
use crate::client::websocket::{nonce, verify};
use crate::client::{ClientMaskingKeys, ClientRuntime, ClientWebSocket, ConnectorError, Error};
use crate::format::media_type::{EVENT_STREAM, JSON, NDJSON, PROBLEM_JSON};
use crate::format::{Subprotocol, Transport};
use crate::grammar::copy;
use crate::http::ResponseHead;
use crate::log::Position;
use crate::sse::field::IdField;
use crate::sse::parse::{Parser, ParserLimits};
use crate::sse::reconnect::ReconnectDecision;
use crate::time::Instant;
use crate::websocket::Disconnect;
use crate::ws::handshake::{UpgradeError, UpgradeRequest};
use crate::ws::{ProtocolError, Role};

type Stepped<R> = Result<Step<ConnectorError<R>>, Error<ConnectorError<R>>>;

impl<R: ClientRuntime, const CURSOR: usize> Subscription<'_, R, CURSOR> {
    /// Waits for the next event. A dropped future loses nothing; an attempt to connect starts again.
    ///
    /// # Errors
    /// The subscription is closed for good: no transport is served ([`Error::Status`] or another error of the last
    /// one), the status was 204, an event exceeds the buffer ([`Error::TooLarge`], since it would come again), or the
    /// policy's attempts are used up. After that: [`Error::Closed`].
    pub async fn next(&mut self) -> Result<SubscriptionEvent<'_, ConnectorError<R>>, Error<ConnectorError<R>>> {
        match self.step().await {
            Ok(step) => self.event(step),
            Err(error) => {
                self.abort();
                Err(error)
            }
        }
    }

    /// Closes an open WebSocket by its closing handshake (RFC 6455 §7.1.2), within
    /// [`ClientConfig::close_timeout`](crate::client::ClientConfig::close_timeout). Events that arrive meanwhile are
    /// discarded.
    pub async fn close(&mut self) {
        if let Some(socket) = &mut self.socket {
            let _ = socket.close().await;
        }
        self.abort();
    }

    async fn step(&mut self) -> Stepped<R> {
        loop {
            if self.is_retry_better_due() && !matches!(self.phase, Phase::Closed) {
                self.fallback.retry_better();
                self.drop_connection();
                self.retry_better_at = Instant::MAX;
                self.phase = Phase::START;
            }
            match self.phase {
                Phase::Closed => return Err(Error::Closed),
                Phase::Waiting(until) => {
                    if self.now() < until {
                        sleep(self.client.runtime.clock(), until.min(self.retry_better_at)).await;
                        continue;
                    }
                    if let Err(error) = self.begin() {
                        return self.attempt_failed(error);
                    }
                }
                Phase::Requesting(pending) => {
                    if let Some(step) = self.request(pending).await? {
                        return Ok(step);
                    }
                }
                Phase::Streaming(stream) => {
                    let received = self.read_stream(stream).await?;
                    if let Some(step) = self.received(received)? {
                        return Ok(step);
                    }
                }
                Phase::Polling(poll) => {
                    let received = self.read_poll_body(poll).await?;
                    if let Some(step) = self.received(received)? {
                        return Ok(step);
                    }
                }
                Phase::WebSocket { received_any } => {
                    let received = self.read_message(received_any).await?;
                    if let Some(step) = self.received(received)? {
                        return Ok(step);
                    }
                }
            }
        }
    }

    fn begin(&mut self) -> Result<(), Error<ConnectorError<R>>> {
        let transport = self.current_transport();
        let unknown = self.cursor.is_empty() && self.options.start == Position::Newest && !self.newest_requested;
        let find_newest = unknown && transport != Transport::Sse;
        let handshake = transport == Transport::WebSocket && !find_newest;
        let nonce = if handshake { nonce(self.client.runtime)? } else { [0; 16] };
        self.phase = Phase::Requesting(PendingRequest { find_newest, nonce, since: self.now() });
        Ok(())
    }

    async fn request(
        &mut self,
        pending: PendingRequest,
    ) -> Result<Option<Step<ConnectorError<R>>>, Error<ConnectorError<R>>> {
        let transport = if pending.find_newest { Transport::Poll } else { self.current_transport() };
        let query = match self.options.start {
            Position::Oldest if self.cursor.is_empty() => Some(("after", "oldest")),
            Position::Newest if self.cursor.is_empty() => Some(("after", "newest")),
            _ => None,
        };
        let upgrade = UpgradeRequest { nonce: pending.nonce, protocols: &[Subprotocol::NAME], origin: None };
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
            new_event: None,
        };
        self.rejection_len = 0;
        let length = match self.client.request(&asking, self.buffer).await {
            Ok(length) => length,
            Err(error) => return self.request_failed(error).map(Some),
        };
        match self.open(transport, pending, &upgrade, length) {
            Ok(()) => {}
            Err(error) => return self.request_failed(error).map(Some),
        }
        if pending.find_newest || self.open_transport == Some(transport) {
            return Ok(None);
        }
        self.fallback.opened();
        self.reconnect.on_open();
        self.open_transport = Some(transport);
        if self.fallback.can_retry_better() && self.retry_better_at == Instant::MAX {
            self.retry_better_at =
                self.now() + self.options.retry_better_after.saturating_mul(self.fallback.backoff_factor());
        }
        Ok(Some(Step::Opened(transport)))
    }

    /// Checks the response whose head has this length, and begins its body.
    fn open(
        &mut self,
        transport: Transport,
        pending: PendingRequest,
        upgrade: &UpgradeRequest<'static>,
        length: usize,
    ) -> Result<(), Error<ConnectorError<R>>> {
        let config = self.client.config;
        let head = self.buffer.get(..length).unwrap_or_default();
        if transport == Transport::WebSocket {
            let Some(protocol) = verify(upgrade, head, config.max_fields)? else {
                return Err(Error::UpgradeFailed(UpgradeError::Protocol));
            };
            let connection = self.client.take_exchange().ok_or(Error::Closed)?.connection;
            let (runtime, limit) = (self.client.runtime, self.buffer.len() as u64);
            self.socket =
                Some(ClientWebSocket::new(connection, Role::Client, ClientMaskingKeys(runtime), limit, Some(protocol)));
            self.phase = Phase::WebSocket { received_any: false };
            return Ok(());
        }
        let response = ResponseHead::parse(head, config.max_fields)?;
        let media_type = match transport {
            Transport::Sse => EVENT_STREAM,
            Transport::Stream => NDJSON,
            _ => JSON,
        };
        if response.status() != 200 {
            let is_text = ["text/plain", PROBLEM_JSON].iter().any(|text| is_of_type(response.fields(), text));
            let error = status_error(&response);
            if is_text {
                self.read_rejection();
            }
            return Err(error);
        }
        if !is_of_type(response.fields(), media_type) {
            return Err(Error::ContentType);
        }
        if is_coded(response.fields()) {
            return Err(Error::ContentCoding);
        }
        let (idle, first_byte) = (self.idle_deadline(), self.now() + self.options.first_byte_timeout);
        if media_type == JSON {
            let PendingRequest { find_newest, since, .. } = pending;
            self.phase = Phase::Polling(PollState {
                body: PollBodyParser::new(),
                deadline: idle,
                events: 0,
                find_newest,
                since,
            });
            return Ok(());
        }
        if transport == Transport::Sse {
            let bounds = ParserLimits { id: CURSOR, event_type: self.options.max_event_type };
            let mut parser = Parser::new(core::mem::take(&mut self.buffer), bounds);
            // The cursor was an ID before, and its limit is the parser's.
            let _ = IdField::new(self.cursor.as_bytes()).map(|id| parser.restart_after(id));
            self.parser = Some(parser);
        }
        self.phase = Phase::Streaming(StreamState { deadline: first_byte, received_any: false, filled: 0 });
        Ok(())
    }

    /// Reads the content of a rejection into the buffer, as far as it has arrived. It does not wait, so that a dropped future loses
    /// nothing.
    fn read_rejection(&mut self) {
        let Self { client, buffer, rejection_len: filled, .. } = self;
        let Some(exchange) = client.exchange() else { return };
        let mut take = |data: &mut [u8]| {
            let copied = copy(data, buffer.get_mut(*filled..).unwrap_or_default());
            *filled = filled.saturating_add(copied);
            (data.len(), copied < data.len())
        };
        while exchange.read_body(&mut take) == Ok(BodyProgress::Data(false)) {}
    }

    /// Continues by the result of reading; `None`: read again.
    fn received(
        &mut self,
        received: Received<ConnectorError<R>>,
    ) -> Result<Option<Step<ConnectorError<R>>>, Error<ConnectorError<R>>> {
        match received {
            Received::Nothing => Ok(None),
            Received::Step(step) => Ok(Some(step)),
            Received::PollEnd(poll) => {
                self.poll_ended(&poll);
                Ok(None)
            }
            Received::ConnectionLost { error, received_any } => self.connection_lost(error, received_any).map(Some),
            Received::RequestFailed(error) => self.request_failed(error).map(Some),
        }
    }

    /// A poll has ended: schedules the next one.
    fn poll_ended(&mut self, poll: &PollState) {
        self.client.finish_response();
        let now = self.now();
        if poll.find_newest {
            // A server that did not report the newest id will not do so later.
            self.newest_requested = true;
            self.phase = Phase::START;
            return;
        }
        self.reconnect.on_open();
        // A full response may be truncated by the server's limit, and a long poll has waited already.
        let waited = self.current_transport() == Transport::LongPoll
            && (poll.events > 0 || now.since(poll.since) >= Duration::from_secs(1));
        let more = waited || poll.events >= 32;
        self.phase = if more { Phase::START } else { Phase::Waiting(now + self.options.poll_interval) };
    }

    /// A request has failed: its transport is lost if it was open.
    fn request_failed(&mut self, error: Error<ConnectorError<R>>) -> Stepped<R> {
        if self.open_transport == Some(self.current_transport()) {
            self.connection_lost(error, true)
        } else {
            self.attempt_failed(error)
        }
    }

    /// An attempt has failed: the next transport, or the same one after a delay.
    fn attempt_failed(&mut self, error: Error<ConnectorError<R>>) -> Stepped<R> {
        if is_final(&error) {
            return Err(error);
        }
        let cause = match error {
            Error::Connect(_) | Error::Status { retry_after: Some(_), .. } if error.is_transient() => {
                FailureCause::Network
            }
            _ => {
                FailureCause::Transport { permanent: !error.is_transient() && !matches!(error, Error::Disconnected(_)) }
            }
        };
        let transport = self.current_transport();
        let next = self.fallback.failed(cause);
        self.disconnect(transport, error, next, true)
    }

    /// An open transport is lost.
    fn connection_lost(&mut self, error: Error<ConnectorError<R>>, received_any: bool) -> Stepped<R> {
        if matches!(error, Error::Disconnected(Disconnect::Protocol(ProtocolError::MessageTooBig))) {
            return Err(Error::TooLarge);
        }
        if is_final(&error) {
            return Err(error);
        }
        let transport = self.current_transport();
        let next = match error {
            Error::ProxyBuffering => self.fallback.failed(FailureCause::Transport { permanent: false }),
            _ => self.fallback.lost(!received_any),
        };
        self.disconnect(transport, error, next, !received_any)
    }

    fn disconnect(
        &mut self,
        transport: Transport,
        error: Error<ConnectorError<R>>,
        next: NextAttempt,
        failure: bool,
    ) -> Stepped<R> {
        if let Some(time) = self.parser.as_ref().and_then(Parser::reconnection_time) {
            self.reconnect.on_retry_field(time);
        }
        self.drop_connection();
        self.open_transport = None;
        let delay = match next {
            NextAttempt::GiveUp => return Err(error),
            NextAttempt::Next => Duration::ZERO,
            NextAttempt::Same | NextAttempt::First => {
                if failure {
                    self.reconnect.on_network_error();
                } else {
                    self.reconnect.on_end();
                }
                let retry_after = match error {
                    Error::Status { retry_after, .. } => retry_after,
                    _ => None,
                };
                match self.reconnect.next_delay_after(self.jitter.next(), retry_after) {
                    ReconnectDecision::After(delay) => delay,
                    ReconnectDecision::Stop => return Err(error),
                }
            }
        };
        if !self.fallback.can_retry_better() {
            self.retry_better_at = Instant::MAX;
        }
        self.phase = Phase::Waiting(self.now() + delay);
        Ok(Step::Disconnected { transport, error, delay })
    }

    /// The event of a step.
    fn event(
        &mut self,
        step: Step<ConnectorError<R>>,
    ) -> Result<SubscriptionEvent<'_, ConnectorError<R>>, Error<ConnectorError<R>>> {
        Ok(match step {
            Step::Opened(transport) => SubscriptionEvent::Opened { transport },
            Step::Event(spans) => SubscriptionEvent::Event(spans.event(self.buffer)),
            Step::ParsedEvent => SubscriptionEvent::Event(parsed_event(self.parser.as_mut()).ok_or(Error::Closed)?),
            Step::Gap(gap) => SubscriptionEvent::Gap(gap),
            Step::Disconnected { transport, error, delay } => {
                SubscriptionEvent::Disconnected { transport, error, delay }
            }
        })
    }
}

/// Whether neither time nor another transport helps.
fn is_final<E>(error: &Error<E>) -> bool {
    match error {
        Error::Url(_) | Error::InvalidRequest | Error::TooLarge | Error::EventStream(_) | Error::Closed => true,
        Error::Status { status, .. } => *status == 204,
        _ => false,
    }
}
