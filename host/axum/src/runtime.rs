//! The runtime of the core's connections, on tokio.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use goldcrest_core::io::{Clock, Timer};
use goldcrest_core::server::{AccessDenied, BufferKind, ErrorContent, Growth, Rejection, RejectionReason, Runtime};
use goldcrest_core::time::Instant;
use goldcrest_host::core::format::media_type;
use tokio::time::{Sleep, sleep_until};

use crate::shutdown::Shutdown;
use crate::socket::MemorySocket;

/// Bytes that a buffer begins with.
const FIRST: usize = 1024;

/// The longest request head that is passed on, in bytes. hyper has a limit of its own before.
const MAX_HEAD: usize = 64 * 1024;

/// The environment of all requests.
pub(crate) struct TokioRuntime {
    pub(crate) clock: TokioClock,
    pub(crate) shutdown: Shutdown,
    /// The largest event, in bytes.
    pub(crate) max_event: usize,
}

/// A clock that starts at the epoch of the routes.
#[derive(Clone, Copy)]
pub(crate) struct TokioClock {
    start: tokio::time::Instant,
}

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self { start: tokio::time::Instant::now() }
    }
}

impl Clock for TokioClock {
    type Timer = TokioTimer;

    fn now(&self) -> Instant {
        Instant::from_millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn timer(&self) -> TokioTimer {
        TokioTimer { clock: *self, sleep: None, armed: Instant::MAX }
    }
}

/// A timer. It is armed again only for an earlier deadline: a keep-alive that each event postpones costs no access to tokio's timers.
pub(crate) struct TokioTimer {
    clock: TokioClock,
    sleep: Option<Pin<Box<Sleep>>>,
    /// The time at which the sleep ends.
    armed: Instant,
}

impl TokioTimer {
    fn arm(&mut self, deadline: Instant) -> Pin<&mut Sleep> {
        let until = self.clock.start + std::time::Duration::from_millis(deadline.as_millis());
        self.armed = deadline;
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(until),
            None => self.sleep = Some(Box::pin(sleep_until(until))),
        }
        self.sleep.get_or_insert_with(|| Box::pin(sleep_until(until))).as_mut()
    }
}

impl Timer for TokioTimer {
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline == Instant::MAX {
            return Poll::Pending;
        }
        loop {
            let sleep = match &mut self.sleep {
                Some(sleep) if self.armed <= deadline => sleep.as_mut(),
                _ => self.arm(deadline),
            };
            if sleep.poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.armed >= deadline {
                self.sleep = None;
                return Poll::Ready(());
            }
            // It was armed for an earlier deadline.
            self.sleep = None;
        }
    }
}

/// A buffer that begins small and grows up to a limit.
pub(crate) struct GrowingBuffer {
    bytes: Vec<u8>,
    limit: usize,
}

impl AsRef<[u8]> for GrowingBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for GrowingBuffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Runtime for TokioRuntime {
    type Socket = MemorySocket;
    type Clock = TokioClock;
    type Buffer = GrowingBuffer;

    fn clock(&self) -> &TokioClock {
        &self.clock
    }

    fn buffer(&self, kind: BufferKind) -> Option<GrowingBuffer> {
        let limit = match kind {
            BufferKind::Head => MAX_HEAD,
            BufferKind::Event => self.max_event,
        };
        Some(GrowingBuffer { bytes: vec![0; FIRST.min(limit)], limit })
    }

    fn grow(&self, buffer: &mut GrowingBuffer, filled: usize) -> Growth {
        let length = buffer.bytes.len();
        if length >= buffer.limit {
            return Growth::Full;
        }
        if filled >= length {
            buffer.bytes.resize(length.saturating_mul(2).min(buffer.limit), 0);
        }
        Growth::Room
    }

    fn random(&self) -> u32 {
        fastrand::u32(..)
    }

    fn is_shutting_down(&self) -> bool {
        self.shutdown.has_begun()
    }

    fn reject<B: AsRef<[u8]>>(
        &self,
        _socket: &MemorySocket,
        rejection: &Rejection<'_, B>,
    ) -> impl ErrorContent + use<B> {
        RejectionText::new(rejection)
    }
}

/// The content of an error response, where it differs from the core's.
struct RejectionText(Option<(&'static str, String)>);

impl RejectionText {
    fn new<B: AsRef<[u8]>>(rejection: &Rejection<'_, B>) -> Self {
        let status = rejection.status.code();
        let field = |name| {
            let value = rejection.request.and_then(|request| request.header(name)).unwrap_or_default();
            String::from_utf8_lossy(value).into_owned()
        };
        let explained = match rejection.reason {
            RejectionReason::Access(AccessDenied::Host) => {
                format!("host {:?} is not allowed; allow it by EventRoutes::access", field("host"))
            }
            RejectionReason::Access(AccessDenied::Origin) => {
                format!("origin {:?} is not allowed; allow it by EventRoutes::access", field("origin"))
            }
            RejectionReason::Access(AccessDenied::CrossSite) => {
                "a page of another origin embeds this resource; allow the origin by EventRoutes::access".into()
            }
            _ => rejection.text.trim_end().into(),
        };
        tracing::debug!(status, "request refused: {explained}");
        // RFC 9457, as the server of goldcrest-host.
        let accepts = |request: &goldcrest_core::http::Request<B>| {
            let accept = request.header("accept").unwrap_or_default();
            let has = |kind: &str| accept.windows(kind.len()).any(|part| part.eq_ignore_ascii_case(kind.as_bytes()));
            has(media_type::JSON) || has("application/problem+json")
        };
        if rejection.request.is_some_and(accepts) {
            let problem = serde_json::json!({
                "type": "about:blank",
                "title": rejection.status.reason(),
                "status": status,
                "detail": explained,
            });
            return Self(Some(("application/problem+json", format!("{problem}\n"))));
        }
        let is_access = matches!(rejection.reason, RejectionReason::Access(_));
        Self(is_access.then(|| ("text/plain;charset=UTF-8", format!("{status}: {explained}\n"))))
    }
}

impl ErrorContent for RejectionText {
    fn content(&self) -> Option<(&str, &[u8])> {
        self.0.as_ref().map(|(content_type, text)| (*content_type, text.as_bytes()))
    }
}
