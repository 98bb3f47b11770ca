//! Server-Sent Events of any server.

use std::ops::ControlFlow;

use goldcrest_core::client::{Buffers, Error, EventData, EventSource, EventSourceEvent, EventSourceOptions};

use super::output::Output;
use super::{Return, SubscribeContext, SubscribeError, SubscribeResult, again_in};
use crate::exit::describe;
use crate::parser_limits::PARSER_LIMITS;

impl SubscribeContext<'_> {
    /// Reads the event stream, and comes back with the last event ID.
    pub(super) async fn source(&self, output: &mut Output) -> SubscribeResult {
        let options = EventSourceOptions {
            last_event_id: self.options.since_id(),
            parser_limits: PARSER_LIMITS,
            reconnect: self.options.policy(),
            seed: fastrand::u32(..),
            ..EventSourceOptions::default()
        };
        let (mut head, mut location) = (vec![0; 64 * 1024], vec![0; 8 * 1024]);
        let mut events = vec![0; PARSER_LIMITS.memory(self.options.client.max_event())];
        let memory = Buffers { buffer: &mut head, location: &mut location };
        let mut source = EventSource::new(self.runtime, self.config, self.url, options, memory, &mut events);
        let mut opened = false;
        loop {
            match source.next().await {
                Ok(EventSourceEvent::Event(event)) => {
                    let data = EventData::Text(event.data);
                    if let ControlFlow::Break(exit) = output.event(event.last_event_id, event.event_type, data)? {
                        return Ok(exit);
                    }
                }
                Ok(EventSourceEvent::Opened) => {
                    opened = true;
                    self.state.reached.set(true);
                    self.status.info(format_args!("{} over sse", self.url));
                }
                Ok(EventSourceEvent::Disconnected { error, delay }) => {
                    match self.options.comes_back() {
                        Return::Never => return self.lost(error, opened, ""),
                        Return::IfResumable if !opened => return self.lost(error, opened, ""),
                        _ => {}
                    }
                    self.status.warn(format_args!("sse: {}; {}", describe(&error), again_in(delay)));
                }
                Err(Error::Status { status: 204, .. }) => return Ok(self.asked_to_stop()),
                Err(error) if !opened => return Err(SubscribeError::unopened(error)),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
