//! The readers, over some threads.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use goldcrest_core::client::{Buffers, ClientConfig, Subscription, SubscriptionEvent, SubscriptionOptions, Transport};
use goldcrest_host::client::{SmolRuntime, TlsOptions};
use hdrhistogram::Histogram;
use smol::channel::{Receiver, Sender, bounded};

use crate::CommandError;
use crate::load::{Load, latencies, record};

/// The task of the readers.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) url: String,
    pub(super) transport: Transport,
    pub(super) connections: usize,
    pub(super) threads: usize,
    pub(super) tls: TlsOptions,
    pub(super) config: ClientConfig<'static>,
    pub(super) poll_interval: Duration,
    /// Bytes of a reader's memory.
    pub(super) room: usize,
    pub(super) load: Load,
}

/// How far they are, all together.
#[derive(Default)]
pub(super) struct Progress {
    opened: AtomicU64,
    failed: AtomicU64,
    lost: AtomicU64,
    delivered: AtomicU64,
    first_failure: Mutex<Option<CommandError>>,
}

impl Progress {
    /// Readers that have been open.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Readers that have failed for good.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Connections that were lost; their readers came back.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Events that reached a reader.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Why the first of them failed.
    pub(super) fn error(&self) -> CommandError {
        let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.take().unwrap_or_else(CommandError::nobody_opened)
    }

    fn fail(&self, error: CommandError) {
        let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }

    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// The threads of the readers. Dropped they end.
pub(super) struct Readers {
    progress: Arc<Progress>,
    running: Sender<()>,
    threads: Vec<JoinHandle<Histogram<u64>>>,
}

impl Readers {
    /// Starts all readers.
    ///
    /// # Errors
    /// A thread cannot be created.
    pub(super) fn start(plan: Plan) -> Result<Self, CommandError> {
        let progress = Arc::new(Progress::default());
        let (running, end) = bounded::<()>(1);
        let number = plan.threads.clamp(1, plan.connections);
        let mut threads = Vec::new();
        for thread in 0..number {
            let readers = plan.connections / number + usize::from(thread < plan.connections % number);
            let (plan, progress, end) = (plan.clone(), Arc::clone(&progress), end.clone());
            let builder = std::thread::Builder::new().name(format!("readers-{thread}"));
            threads.push(builder.spawn(move || run(plan, readers, progress, end))?);
        }
        Ok(Self { progress, running, threads })
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Ends the readers, and returns their measurements.
    pub(super) fn stop(self) -> (Histogram<u64>, Arc<Progress>) {
        drop(self.running);
        let mut all = latencies();
        for thread in self.threads {
            if let Ok(measured) = thread.join() {
                // The same bounds on both sides.
                let _ = all.add(measured);
            }
        }
        (all, self.progress)
    }
}

/// Runs so many readers on this thread until `end` is closed.
fn run(plan: Plan, readers: usize, progress: Arc<Progress>, end: Receiver<()>) -> Histogram<u64> {
    let measured = Rc::new(RefCell::new(latencies()));
    let plan = Rc::new(plan);
    let ran = SmolRuntime::block_on(plan.tls.clone(), async |runtime| {
        let tasks: Vec<_> = (0..readers)
            .map(|_| {
                let (plan, progress) = (Rc::clone(&plan), Arc::clone(&progress));
                runtime.spawn(read(runtime.clone(), plan, progress, Rc::clone(&measured)))
            })
            .collect();
        let _ = end.recv().await;
        drop(tasks);
    });
    if let Err(error) = ran {
        progress.fail(error.into());
        progress.failed.fetch_add(readers as u64, Ordering::Relaxed);
    }
    let measured = measured.borrow();
    measured.clone()
}

async fn read(runtime: SmolRuntime, plan: Rc<Plan>, progress: Arc<Progress>, measured: Rc<RefCell<Histogram<u64>>>) {
    let (mut buffer, mut location) = (vec![0; plan.room], [0; 1024]);
    let memory = Buffers { buffer: &mut buffer, location: &mut location };
    let transports = [plan.transport];
    let options = SubscriptionOptions {
        transports: &transports,
        poll_interval: plan.poll_interval,
        seed: fastrand::u32(..),
        ..SubscriptionOptions::default()
    };
    let mut subscription = Subscription::new(&runtime, &plan.config, &plan.url, options, memory);
    let mut opened = false;
    loop {
        match subscription.next().await {
            Ok(SubscriptionEvent::Opened { .. }) => {
                if !std::mem::replace(&mut opened, true) {
                    Progress::count(&progress.opened);
                }
            }
            Ok(SubscriptionEvent::Event(event)) => {
                if let Some(arrived) = plan.load.read(event.data.as_bytes()) {
                    record(&mut measured.borrow_mut(), arrived.after);
                    Progress::count(&progress.delivered);
                }
            }
            Ok(SubscriptionEvent::Gap(_)) => {}
            Ok(SubscriptionEvent::Disconnected { error, .. }) => {
                progress.fail(CommandError::rejected(&error, subscription.rejection_text()));
                Progress::count(&progress.lost);
            }
            Err(error) => {
                progress.fail(CommandError::rejected(&error, subscription.rejection_text()));
                Progress::count(&progress.failed);
                return;
            }
        }
    }
}
