//! A channel of a server like ours, over any of the five transports.

use std::ops::ControlFlow;
use std::time::Instant;

use goldcrest_core::client::{
    ClientConfig, ConnectorError, Error, Event, Gap, Publisher, Subscription, SubscriptionEvent, SubscriptionOptions,
    Transport,
};
use goldcrest_core::hub::NewEvent;
use goldcrest_core::log::{Encoding, EventType};
use goldcrest_host::client::SmolRuntime;
use smol::Timer;
use smol::future::FutureExt;

use super::input::{Input, InputLine};
use super::output::Output;
use super::{CommandError, Exit, PARTING, Return, SubscribeContext, SubscribeError, SubscribeResult, again_in};
use crate::exit::{describe, rejected};
use crate::parser_limits::PARSER_LIMITS;
use crate::publish::key;

/// A subscription to any server.
type Cursor<'e> = Subscription<'e, SmolRuntime, { PARSER_LIMITS.id }>;

enum Next<'a> {
    Item(Result<SubscriptionEvent<'a, ConnectorError<SmolRuntime>>, Error<ConnectorError<SmolRuntime>>>),
    Line(Option<Vec<u8>>),
    Late,
    /// The event that was typed last has not arrived.
    Left,
}

impl SubscribeContext<'_> {
    /// Reads the channel. Lines typed on a terminal are published to it.
    pub(super) async fn channel(
        &self,
        output: &mut Output,
        input: &mut Input,
        transports: &[Transport],
    ) -> SubscribeResult {
        let (mut room, mut publishing) = (self.options.client.buffers(), self.options.client.buffers());
        let options = SubscriptionOptions {
            transports,
            start: self.options.start(),
            poll_interval: self.options.poll_interval,
            first_byte_timeout: self.options.first_byte(),
            max_event_type: PARSER_LIMITS.event_type,
            reconnect: self.options.policy(),
            seed: fastrand::u32(..),
            ..SubscriptionOptions::default()
        };
        // An intermediary that buffers a response may hold back its head too.
        let answer_timeout = self.config.response_timeout.min(options.first_byte_timeout);
        let config = ClientConfig { response_timeout: answer_timeout, ..self.config.clone() };
        let mut subscription: Cursor<'_> =
            Subscription::with_max_cursor(self.runtime, &config, self.url, options, room.memory());
        let mut publisher = Publisher::new(self.runtime, self.config, self.url, publishing.memory());
        let mut opened = false;
        self.state.reached.set(transports.first().is_some_and(waits));
        // The event that was typed last, until it comes, and when that is not waited for any more.
        let (mut typed, mut leave_at) = (None::<String>, None::<Instant>);
        loop {
            self.state.talking.set(subscription.transport() == Some(Transport::WebSocket));
            let next = async { Next::Item(subscription.next().await) };
            let line = async { Next::Line(input.next_typed().await) };
            let late = async {
                self.late().await;
                Next::Late
            };
            let left = async {
                match leave_at {
                    Some(at) => Timer::at(at).await,
                    None => std::future::pending().await,
                };
                Next::Left
            };
            match next.or(line).or(late).or(left).await {
                Next::Late => {
                    part(&mut subscription).await;
                    return Ok(self.options.late(self.state).map(|()| Exit::Done)?);
                }
                // The event that was typed last is shown before the end.
                Next::Line(None) if typed.is_some() => leave_at = Some(Instant::now() + PARTING),
                Next::Line(None) | Next::Left => {
                    part(&mut subscription).await;
                    return Ok(Exit::Done);
                }
                Next::Line(Some(line)) => match input.read(&line) {
                    InputLine::Text(text) => typed = self.publish(&mut publisher, text).await.or(typed),
                    InputLine::Close(_) if typed.is_some() => leave_at = Some(Instant::now() + PARTING),
                    InputLine::Close(_) => {
                        part(&mut subscription).await;
                        return Ok(Exit::Done);
                    }
                    InputLine::Ping(_) => self.status.warn("/ping needs a WebSocket; start with --transport websocket"),
                    InputLine::Unknown => self.status.warn("the command here is /close; //TEXT publishes /TEXT"),
                },
                Next::Item(Ok(SubscriptionEvent::Event(Event { id, event_type, data }))) => {
                    typed.take_if(|typed| typed == id);
                    if let ControlFlow::Break(exit) = output.event(id, event_type, data)? {
                        part(&mut subscription).await;
                        return Ok(exit);
                    }
                    if typed.is_none() && leave_at.is_some() {
                        part(&mut subscription).await;
                        return Ok(Exit::Done);
                    }
                }
                Next::Item(Ok(SubscriptionEvent::Gap(Gap { missed }))) => {
                    self.gap(missed);
                    if let ControlFlow::Break(exit) = output.gap(missed)? {
                        part(&mut subscription).await;
                        return Ok(exit);
                    }
                }
                Next::Item(Ok(SubscriptionEvent::Opened { transport })) => {
                    opened = true;
                    self.state.reached.set(true);
                    self.status.info(format_args!("{} over {}", self.url, transport.as_str()));
                }
                Next::Item(Ok(SubscriptionEvent::Disconnected { transport, error, delay })) => {
                    // A change to the next transport is no lost connection.
                    let gives_way = delay.is_zero();
                    let next = transports.iter().skip_while(|other| **other != transport).nth(1);
                    self.state.reached.set(opened || (gives_way && next.is_some_and(waits)));
                    match self.options.comes_back() {
                        Return::Never if opened || !gives_way => {
                            return self.lost(error, opened, subscription.rejection_text());
                        }
                        Return::IfResumable if !opened && !gives_way => {
                            return self.lost(error, opened, subscription.rejection_text());
                        }
                        _ => {}
                    }
                    let (name, error) = (transport.as_str(), rejected(&error, subscription.rejection_text()));
                    let text = format!("{name}: {error}; {}", again_in(delay));
                    if gives_way { self.status.info(text) } else { self.status.warn(text) }
                }
                Next::Item(Err(Error::Status { status: 204, .. })) => return Ok(self.asked_to_stop()),
                Next::Item(Err(error)) if !opened => {
                    let error = CommandError::rejected(&error, subscription.rejection_text());
                    return Err(SubscribeError::unopened(error));
                }
                Next::Item(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// The content of the response to a poll, if the server rejects it.
    pub(super) async fn rejection_text(&self) -> String {
        let mut room = self.options.client.buffers();
        let options = SubscriptionOptions { transports: &[Transport::Poll], ..SubscriptionOptions::default() };
        let mut subscription: Cursor<'_> =
            Subscription::with_max_cursor(self.runtime, self.config, self.url, options, room.memory());
        let _ = subscription.next().await.map(|_| ());
        subscription.rejection_text().to_owned()
    }

    /// It is lost, and is not tried again; `content` is that of the server's response.
    pub(super) fn lost(
        &self,
        error: Error<ConnectorError<SmolRuntime>>,
        opened: bool,
        content: &str,
    ) -> SubscribeResult {
        match error {
            Error::Disconnected(goldcrest_core::websocket::Disconnect::Closed) if opened => Ok(self.options.ended()),
            error if opened => Err(CommandError::new(Exit::Lost, describe(&error)).into()),
            error => Err(SubscribeError::unopened(CommandError::rejected(&error, content))),
        }
    }

    pub(super) fn asked_to_stop(&self) -> Exit {
        self.status.info("the server asks to stop (204)");
        self.options.ended()
    }

    pub(super) fn gap(&self, missed: Option<u64>) {
        match missed {
            Some(missed) => {
                self.status.warn(format_args!("{missed} events are missing here: the log no longer keeps them"))
            }
            None => self.status.warn("events are missing here; their number is unknown"),
        }
    }

    /// Publishes a line, and returns the id of the stored event if the response has one.
    async fn publish(&self, publisher: &mut Publisher<'_, SmolRuntime>, line: &[u8]) -> Option<String> {
        let (event_type, key) = (EventType::MESSAGE, key());
        let encoding = if str::from_utf8(line).is_ok() { Encoding::Text } else { Encoding::Binary };
        let publication = NewEvent { event_type, encoding, data: line, idempotency_key: Some(key.as_bytes()) };
        let error = match publisher.publish(&publication).await {
            Ok(receipt) => return Some(receipt.id.to_owned()).filter(|id| !id.is_empty()),
            Err(Error::PublishResponseLost) => {
                self.status.warn(describe(&Error::PublishResponseLost));
                return None;
            }
            Err(error) => error,
        };
        self.status.warn(format_args!("not published: {}", rejected(&error, publisher.rejection_text())));
        None
    }
}

/// Whether a server may send no byte on this transport before the next event.
fn waits(transport: &Transport) -> bool {
    *transport == Transport::LongPoll
}

/// Leaves in order, as far as the server joins in.
async fn part(subscription: &mut Cursor<'_>) {
    let patience = async {
        Timer::after(PARTING).await;
    };
    subscription.close().or(patience).await;
}
