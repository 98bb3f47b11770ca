//! What each page's transports cost, counted by the server: a script cannot see header bytes.
//!
//! A request that carries `?page=ID` is counted for that page and its transport. At most [`MAX_PAGES`] pages are kept,
//! the ones that were seen last.
//!
//! ```
//! use goldcrest_host::figures::Metrics;
//!
//! let figures = Metrics::default();
//! assert!(figures.json("00112233aabbccdd").contains("\"websocket\":{\"requests\":0"));
//! ```

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use goldcrest_core::format::Transport;
use goldcrest_core::http::Request;
use goldcrest_core::server;
use slab::Slab;

/// How many pages are counted at a time.
pub const MAX_PAGES: usize = 256;

/// The longest name of a page, in bytes.
pub const MAX_PAGE_NAME: usize = 32;

const TRANSPORTS: [Transport; 6] =
    [Transport::Poll, Transport::LongPoll, Transport::Stream, Transport::Sse, Transport::WebSocket, Transport::Publish];

/// The figures of all pages. A clone counts for the same.
#[derive(Clone, Default)]
pub struct Metrics {
    pages: Arc<Mutex<Pages>>,
}

#[derive(Default)]
struct Pages {
    by_name: HashMap<Box<str>, Arc<Page>>,
    /// Counts up with every use, so that the page that was used longest ago is known.
    clock: u64,
}

#[derive(Default)]
struct Page {
    used: AtomicU64,
    transports: [Costs; TRANSPORTS.len()],
}

#[derive(Default)]
struct Costs {
    requests: AtomicU64,
    open: AtomicU64,
    header_bytes_received: AtomicU64,
    header_bytes_sent: AtomicU64,
    payload_bytes: AtomicU64,
    cuts: Mutex<Slab<Cut>>,
}

/// An exchange that may be cut.
#[derive(Default)]
struct Cut {
    is_due: bool,
    waker: Option<Waker>,
}

fn index(transport: Transport) -> usize {
    TRANSPORTS.iter().position(|known| *known == transport).unwrap_or(0)
}

/// The page that a request names, if it names one well.
fn page_of<B: AsRef<[u8]>>(request: &Request<B>) -> Option<String> {
    let mut name = [0; MAX_PAGE_NAME];
    let name = request.query_param("page")?.decode(&mut name)?;
    let plain = !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric);
    plain.then(|| String::from_utf8_lossy(name).into_owned())
}

impl Metrics {
    /// The ticket of an exchange: it counts if the request names a page.
    pub(crate) fn ticket<B: AsRef<[u8]>>(&self, request: &Request<B>, transport: Transport) -> PageMetrics {
        PageMetrics(page_of(request).map(|name| {
            let page = self.page(&name);
            let costs = &page.transports[index(transport)];
            costs.requests.fetch_add(1, Ordering::Relaxed);
            costs.open.fetch_add(1, Ordering::Relaxed);
            let place = costs.cuts().insert(Cut::default());
            Counting { page, transport: index(transport), place }
        }))
    }

    /// The figures of a page as JSON: `{"page":ID,"transports":{"poll":{"requests":N,…},…}}`.
    pub fn json(&self, name: &str) -> String {
        let page = self.find(name).unwrap_or_default();
        let mut json = format!("{{\"page\":{},\"transports\":{{", serde_json::Value::from(name));
        for (at, (transport, costs)) in TRANSPORTS.iter().zip(&page.transports).enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
            let _ = write!(
                json,
                "{comma}\"{}\":{{\"requests\":{},\"open\":{},\"header_bytes_received\":{},\"header_bytes_sent\":{},\
                 \"payload_bytes\":{}}}",
                transport.as_str(),
                of(&costs.requests),
                of(&costs.open),
                of(&costs.header_bytes_received),
                of(&costs.header_bytes_sent),
                of(&costs.payload_bytes),
            );
        }
        json.push_str("}}");
        json
    }

    /// Breaks the connections of a page's transport; `false` where there is none.
    pub fn cut(&self, name: &str, transport: &str) -> bool {
        let Some(transport) = TRANSPORTS.iter().position(|known| known.as_str() == transport) else { return false };
        let Some(page) = self.find(name) else { return false };
        let mut cuts = page.transports[transport].cuts();
        let any = !cuts.is_empty();
        for (_, cut) in cuts.iter_mut() {
            cut.is_due = true;
            if let Some(waker) = cut.waker.take() {
                waker.wake();
            }
        }
        any
    }

    /// The page of this name; asking for it makes none, which would put out another.
    fn find(&self, name: &str) -> Option<Arc<Page>> {
        self.pages().find(name)
    }

    /// The page of this name, made if there is none.
    fn page(&self, name: &str) -> Arc<Page> {
        let mut pages = self.pages();
        if let Some(page) = pages.find(name) {
            return page;
        }
        if pages.by_name.len() >= MAX_PAGES {
            let oldest = pages.by_name.iter().min_by_key(|(_, page)| page.used.load(Ordering::Relaxed));
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                pages.by_name.remove(&oldest);
            }
        }
        let page = Arc::new(Page { used: AtomicU64::new(pages.clock), transports: Default::default() });
        pages.by_name.insert(name.into(), Arc::clone(&page));
        page
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn find(&mut self, name: &str) -> Option<Arc<Page>> {
        self.clock += 1;
        let page = self.by_name.get(name)?;
        page.used.store(self.clock, Ordering::Relaxed);
        Some(Arc::clone(page))
    }
}

impl Costs {
    fn cuts(&self) -> MutexGuard<'_, Slab<Cut>> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one exchange, where its request names a page.
pub(crate) struct PageMetrics(Option<Counting>);

struct Counting {
    page: Arc<Page>,
    transport: usize,
    place: usize,
}

impl Counting {
    fn costs(&self) -> &Costs {
        &self.page.transports[self.transport]
    }
}

impl server::Ticket for PageMetrics {
    fn received(&mut self, bytes: u64) {
        if let Some(counting) = &self.0 {
            counting.costs().header_bytes_received.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn sent(&mut self, bytes: u64, payload: u64) {
        if let Some(counting) = &self.0 {
            let headers = bytes.saturating_sub(payload);
            counting.costs().header_bytes_sent.fetch_add(headers, Ordering::Relaxed);
            counting.costs().payload_bytes.fetch_add(payload, Ordering::Relaxed);
        }
    }

    fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(counting) = &self.0 else { return Poll::Pending };
        match counting.costs().cuts().get_mut(counting.place) {
            Some(cut) if cut.is_due => Poll::Ready(()),
            Some(cut) => {
                cut.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.costs().open.fetch_sub(1, Ordering::Relaxed);
        self.costs().cuts().try_remove(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldcrest_core::server::Ticket as _;

    fn ticket(figures: &Metrics, page: &str) -> PageMetrics {
        let head = format!("GET /events/a?page={page} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let (length, bytes) = (head.len(), head.into_bytes());
        let request = Request::parse(bytes, length, 8).map_err(|(refusal, _)| refusal).unwrap();
        figures.ticket(&request, Transport::Sse)
    }

    fn sse(figures: &Metrics, page: &str) -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(&figures.json(page)).unwrap()["transports"]["sse"].take()
    }

    #[test]
    fn what_an_exchange_costs_is_counted_for_its_page_and_transport() {
        let figures = Metrics::default();
        let mut counting = ticket(&figures, "a1");
        counting.received(50);
        counting.sent(100, 30);
        let seen = sse(&figures, "a1");
        let expected = serde_json::json!({
            "requests": 1, "open": 1, "header_bytes_received": 50, "header_bytes_sent": 70, "payload_bytes": 30
        });
        assert_eq!(seen, expected);
        drop(counting);
        assert_eq!((&sse(&figures, "a1")["open"], &sse(&figures, "b2")["requests"]), (&0.into(), &0.into()));
    }

    #[test]
    fn an_exchange_is_cut_with_its_page_alone() {
        let figures = Metrics::default();
        let (mut one, mut other) = (ticket(&figures, "a1"), ticket(&figures, "b2"));
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(one.poll_cut(cx).is_pending() && other.poll_cut(cx).is_pending());
        assert!(!figures.cut("a1", "websocket") && !figures.cut("c3", "sse") && !figures.cut("a1", "smoke"));
        assert!(figures.cut("a1", "sse"));
        assert!(one.poll_cut(cx).is_ready() && other.poll_cut(cx).is_pending());
        drop(one);
        assert!(!figures.cut("a1", "sse"), "it is gone");
    }

    #[test]
    fn the_page_that_was_seen_longest_ago_makes_room_and_asking_makes_none() {
        let figures = Metrics::default();
        let pages = || (0..MAX_PAGES).map(|number| format!("page{number}"));
        let tickets: Vec<_> = pages().map(|page| ticket(&figures, &page)).collect();
        for number in 0..2 * MAX_PAGES {
            assert_eq!(sse(&figures, &format!("other{number}"))["requests"], 0);
            assert!(!figures.cut(&format!("other{number}"), "sse"));
        }
        assert!(pages().all(|page| sse(&figures, &page)["requests"] == 1));
        sse(&figures, "page0");
        drop(ticket(&figures, "new"));
        assert_eq!([0, 1, 2].map(|n| sse(&figures, &format!("page{n}"))["requests"].clone()), [1, 0, 1]);
        drop(tickets);
    }
}
