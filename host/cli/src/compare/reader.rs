//! One technique at work.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use goldcrest_core::client::{
    Buffers, ClientConfig, Error, Position, RuntimeParts, Subscription, SubscriptionEvent, SubscriptionOptions,
    Transport,
};
use goldcrest_host::client::{ConnectError, SmolRuntime, random};
use hdrhistogram::Histogram;

use super::meter::{Costs, MeteredConnector};
use crate::CommandError;
use crate::load::{Load, latencies, record};

/// A technique and its measurements so far.
pub(super) struct Reader {
    pub(super) transport: Transport,
    start: Position<&'static str>,
    pub(super) latencies: RefCell<Histogram<u64>>,
    costs: Rc<Cell<Costs>>,
    open: Cell<bool>,
    events: Cell<u64>,
    /// Events that came a second time.
    pub(super) twice: Cell<u64>,
    /// The number of the next event of the run.
    next: Cell<u64>,
    failure: RefCell<Option<Error<ConnectError>>>,
    result: Cell<Option<(u64, Costs)>>,
}

impl Reader {
    pub(super) fn new(transport: Transport, start: Position<&'static str>) -> Self {
        Self {
            transport,
            start,
            latencies: RefCell::new(latencies()),
            costs: Rc::default(),
            open: Cell::new(false),
            events: Cell::new(0),
            twice: Cell::new(0),
            next: Cell::new(0),
            failure: RefCell::new(None),
            result: Cell::new(None),
        }
    }

    /// Reads the channel until it is dropped, or cannot any more.
    pub(super) async fn read(
        self: Rc<Self>,
        runtime: SmolRuntime,
        config: ClientConfig<'static>,
        url: String,
        load: Load,
        room: usize,
        poll_interval: Duration,
    ) {
        let connector = MeteredConnector { connector: runtime.connector().clone(), costs: Rc::clone(&self.costs) };
        let parts = RuntimeParts { connector, clock: runtime.clock().clone(), random };
        let (mut buffer, mut location) = (vec![0; room], [0; 2048]);
        let memory = Buffers { buffer: &mut buffer, location: &mut location };
        let transports = [self.transport];
        let start = self.start;
        let options = SubscriptionOptions {
            transports: &transports,
            start,
            poll_interval,
            seed: fastrand::u32(..),
            ..SubscriptionOptions::default()
        };
        let mut subscription = Subscription::new(&parts, &config, &url, options, memory);
        loop {
            match subscription.next().await {
                Ok(SubscriptionEvent::Opened { .. }) => self.open.set(true),
                Ok(SubscriptionEvent::Event(event)) => {
                    if let Some(arrived) = load.read(event.data.as_bytes()) {
                        if arrived.number < self.next.get() {
                            self.twice.set(self.twice.get() + 1);
                            continue;
                        }
                        self.next.set(arrived.number + 1);
                        self.events.set(self.events.get() + 1);
                        record(&mut self.latencies.borrow_mut(), arrived.after);
                    }
                }
                Ok(SubscriptionEvent::Gap(_)) => {}
                // A technique that never connected has no measurements.
                Ok(SubscriptionEvent::Disconnected { error, .. }) if !self.open.get() => {
                    *self.failure.borrow_mut() = Some(error);
                }
                Ok(SubscriptionEvent::Disconnected { .. }) => {}
                Err(error) => {
                    *self.failure.borrow_mut() = Some(error);
                    return;
                }
            }
        }
    }

    /// Whether events that are published now will come. A long poll that waits is not answered before there are some.
    pub(super) fn is_open(&self) -> bool {
        let asked = if self.start == Position::Newest { 2 } else { 1 };
        self.open.get() || (self.transport == Transport::LongPoll && self.costs.get().requests >= asked)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }

    pub(super) fn error(&self) -> Option<CommandError> {
        self.failure.borrow().as_ref().map(CommandError::from)
    }

    pub(super) fn events(&self) -> u64 {
        self.events.get()
    }

    /// Takes the figures as they are now, with so many events published.
    pub(super) fn finish(&self, published: u64) {
        self.result.set(Some((published, self.costs.get())));
    }

    /// The number of received events, and the costs.
    pub(super) fn result(&self) -> (u64, Costs) {
        self.result.get().unwrap_or_default()
    }
}
