//! The costs of each page's transports, counted by the server: a script cannot see header bytes.
//!
//! A request that carries `?page=ID` is counted for that page and its transport. At most [`MAX_PAGES`] pages are kept, the ones
//! that were used last.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use goldcrest_core::format::Transport;
use goldcrest_core::http::Request;
use goldcrest_core::hub_http::{HubMetrics, RequestMetrics};
use goldcrest_core::server::{AbortHandle, Exchange, Runtime};
use slab::Slab;

/// How many pages are counted at a time.
const MAX_PAGES: usize = 256;

/// The longest name of a page, in bytes.
const MAX_PAGE_NAME: usize = 32;

const TRANSPORTS: [Transport; 6] =
    [Transport::Poll, Transport::LongPoll, Transport::Stream, Transport::Sse, Transport::WebSocket, Transport::Publish];

/// The metrics of all pages. A clone counts for the same.
#[derive(Clone, Default)]
pub(crate) struct PageMetrics {
    pages: Arc<Mutex<Pages>>,
}

#[derive(Default)]
struct Pages {
    by_name: HashMap<Box<str>, Arc<Page>>,
    /// Counts up with every use: the page with the smallest [`Page::used`] was not used for the longest time.
    clock: u64,
}

#[derive(Default)]
struct Page {
    used: AtomicU64,
    transports: [TransportMetrics; TRANSPORTS.len()],
}

#[derive(Default)]
struct TransportMetrics {
    requests: AtomicU64,
    open: AtomicU64,
    header_bytes_received: AtomicU64,
    header_bytes_sent: AtomicU64,
    payload_bytes: AtomicU64,
    /// The connections of the open requests.
    connections: Mutex<Slab<Box<dyn AbortHandle>>>,
}

fn index(transport: Transport) -> usize {
    TRANSPORTS.iter().position(|known| *known == transport).unwrap_or(0)
}

/// The page that a request names: letters and digits.
fn page_of<B: AsRef<[u8]>>(request: &Request<B>) -> Option<String> {
    let mut name = [0; MAX_PAGE_NAME];
    let name = request.query_param("page")?.decode(&mut name)?;
    let plain = !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric);
    plain.then(|| String::from_utf8_lossy(name).into_owned())
}

impl HubMetrics for PageMetrics {
    type Request = PageRequest;

    /// Counts the request if it names a page.
    fn begin<R: Runtime>(&self, exchange: &Exchange<'_, '_, R>, transport: Transport, _identity: &str) -> PageRequest {
        let open = |name: String| self.open(&name, transport, Box::new(exchange.abort_handle()));
        PageRequest(page_of(exchange.request()).map(open))
    }
}

impl PageMetrics {
    fn open(&self, name: &str, transport: Transport, connection: Box<dyn AbortHandle>) -> OpenRequest {
        let page = self.page(name);
        let metrics = &page.transports[index(transport)];
        metrics.requests.fetch_add(1, Ordering::Relaxed);
        metrics.open.fetch_add(1, Ordering::Relaxed);
        let key = metrics.connections().insert(connection);
        OpenRequest { page, transport: index(transport), key }
    }

    /// The metrics of a page as JSON: `{"page":ID,"transports":{"poll":{"requests":N,…},…}}`.
    pub(crate) fn json(&self, name: &str) -> String {
        let page = self.find(name).unwrap_or_default();
        let mut json = format!("{{\"page\":{},\"transports\":{{", serde_json::Value::from(name));
        for (at, (transport, metrics)) in TRANSPORTS.iter().zip(&page.transports).enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
            let _ = write!(
                json,
                "{comma}\"{}\":{{\"requests\":{},\"open\":{},\"header_bytes_received\":{},\"header_bytes_sent\":{},\
                 \"payload_bytes\":{}}}",
                transport.as_str(),
                of(&metrics.requests),
                of(&metrics.open),
                of(&metrics.header_bytes_received),
                of(&metrics.header_bytes_sent),
                of(&metrics.payload_bytes),
            );
        }
        json.push_str("}}");
        json
    }

    /// Breaks the connections of a page's transport; `false` where there is none.
    pub(crate) fn cut(&self, name: &str, transport: &str) -> bool {
        let Some(transport) = TRANSPORTS.iter().position(|known| known.as_str() == transport) else { return false };
        let Some(page) = self.find(name) else { return false };
        let connections = page.transports[transport].connections();
        for (_, connection) in connections.iter() {
            connection.abort();
        }
        !connections.is_empty()
    }

    /// The page of this name. A look-up creates none, which would displace another.
    fn find(&self, name: &str) -> Option<Arc<Page>> {
        self.pages().find(name)
    }

    /// The page of this name, created if there is none.
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

impl TransportMetrics {
    fn connections(&self) -> MutexGuard<'_, Slab<Box<dyn AbortHandle>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one request, if it names a page.
pub(crate) struct PageRequest(Option<OpenRequest>);

struct OpenRequest {
    page: Arc<Page>,
    transport: usize,
    key: usize,
}

impl OpenRequest {
    fn metrics(&self) -> &TransportMetrics {
        &self.page.transports[self.transport]
    }
}

impl RequestMetrics for PageRequest {
    fn received(&mut self, bytes: u64) {
        if let Some(request) = &self.0 {
            request.metrics().header_bytes_received.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn sent(&mut self, bytes: u64, payload: u64) {
        if let Some(request) = &self.0 {
            let headers = bytes.saturating_sub(payload);
            request.metrics().header_bytes_sent.fetch_add(headers, Ordering::Relaxed);
            request.metrics().payload_bytes.fetch_add(payload, Ordering::Relaxed);
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.metrics().open.fetch_sub(1, Ordering::Relaxed);
        self.metrics().connections().try_remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[derive(Clone, Default)]
    struct Aborted(Arc<AtomicBool>);

    impl AbortHandle for Aborted {
        fn abort(&self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn open(metrics: &PageMetrics, page: &str) -> (PageRequest, Aborted) {
        let aborted = Aborted::default();
        let head = format!("GET /events/a?page={page} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let (length, bytes) = (head.len(), head.into_bytes());
        let request = Request::parse(bytes, length, 8).map_err(|(refusal, _)| refusal).unwrap();
        let name = page_of(&request).unwrap();
        (PageRequest(Some(metrics.open(&name, Transport::Sse, Box::new(aborted.clone())))), aborted)
    }

    fn sse(metrics: &PageMetrics, page: &str) -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(&metrics.json(page)).unwrap()["transports"]["sse"].take()
    }

    #[test]
    fn json_has_every_transport() {
        let expected = "\"websocket\":{\"requests\":0,\"open\":0,";
        assert!(PageMetrics::default().json("00112233aabbccdd").contains(expected));
    }

    #[test]
    fn a_request_is_counted_for_its_page_and_transport() {
        let metrics = PageMetrics::default();
        let (mut request, _) = open(&metrics, "a1");
        request.received(50);
        request.sent(100, 30);
        let expected = serde_json::json!({
            "requests": 1, "open": 1, "header_bytes_received": 50, "header_bytes_sent": 70, "payload_bytes": 30
        });
        assert_eq!(sse(&metrics, "a1"), expected);
        drop(request);
        assert_eq!((&sse(&metrics, "a1")["open"], &sse(&metrics, "b2")["requests"]), (&0.into(), &0.into()));
    }

    #[test]
    fn a_cut_breaks_the_connections_of_one_page_and_transport() {
        let metrics = PageMetrics::default();
        let ((one, first), (_other, second)) = (open(&metrics, "a1"), open(&metrics, "b2"));
        assert!(!metrics.cut("a1", "websocket") && !metrics.cut("c3", "sse") && !metrics.cut("a1", "smoke"));
        let aborted = || [&first, &second].map(|aborted| aborted.0.load(Ordering::Relaxed));
        assert_eq!(aborted(), [false, false]);
        assert!(metrics.cut("a1", "sse"));
        assert_eq!(aborted(), [true, false]);
        drop(one);
        assert!(!metrics.cut("a1", "sse"), "the request has ended");
    }

    #[test]
    fn the_least_recently_used_page_is_displaced_and_a_look_up_displaces_none() {
        let metrics = PageMetrics::default();
        let pages = || (0..MAX_PAGES).map(|number| format!("page{number}"));
        let requests: Vec<_> = pages().map(|page| open(&metrics, &page)).collect();
        for number in 0..2 * MAX_PAGES {
            assert_eq!(sse(&metrics, &format!("other{number}"))["requests"], 0);
            assert!(!metrics.cut(&format!("other{number}"), "sse"));
        }
        assert!(pages().all(|page| sse(&metrics, &page)["requests"] == 1));
        sse(&metrics, "page0");
        drop(open(&metrics, "new"));
        assert_eq!([0, 1, 2].map(|n| sse(&metrics, &format!("page{n}"))["requests"].clone()), [1, 0, 1]);
        drop(requests);
    }
}
