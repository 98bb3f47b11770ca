//! The program of `orders.rs` with axum alone: the log, resumption, gaps, five transports and the shutdown are written here.
//!
//! `host/axum/README.md` lists what it lacks.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    item: String,
    count: u32,
}

#[derive(Clone)]
struct App {
    orders: Arc<Mutex<Vec<Order>>>,
    log: Arc<Log>,
}

/// The last events, with a number each. The epoch distinguishes runs of the program.
struct Log {
    epoch: u32,
    history: usize,
    events: Mutex<VecDeque<(u64, String)>>,
    newest: watch::Sender<u64>,
    stopped: watch::Sender<bool>,
}

/// What a reader gets.
enum Item {
    Event(u64, String),
    Gap(Option<u64>, u64),
}

impl Log {
    fn new(history: usize) -> Self {
        let epoch = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos() as u32);
        Self {
            epoch,
            history,
            events: Mutex::default(),
            newest: watch::Sender::new(0),
            stopped: watch::Sender::new(false),
        }
    }

    fn publish(&self, data: String) {
        let mut events = self.events.lock().unwrap();
        let seq = *self.newest.borrow() + 1;
        if events.len() == self.history {
            events.pop_front();
        }
        events.push_back((seq, data));
        self.newest.send_replace(seq);
    }

    fn id(&self, seq: u64) -> String {
        format!("{:08x}-{seq}", self.epoch)
    }

    /// The position that a client asks for, and the gap before it.
    fn seek(&self, cursor: Option<&str>) -> (u64, Option<Item>) {
        let newest = *self.newest.borrow();
        let oldest = self.events.lock().unwrap().front().map_or(newest, |(seq, _)| seq - 1);
        let Some(cursor) = cursor else { return (newest, None) };
        if cursor == "oldest" {
            return (oldest, None);
        }
        let known = cursor.split_once('-').and_then(|(epoch, seq)| {
            let epoch = u32::from_str_radix(epoch, 16).ok().filter(|epoch| *epoch == self.epoch);
            epoch.and(seq.parse().ok()).filter(|seq| *seq <= newest)
        });
        match known {
            Some(seq) if seq >= oldest => (seq, None),
            Some(seq) => (oldest, Some(Item::Gap(Some(oldest - seq), oldest))),
            None => (oldest, Some(Item::Gap(None, oldest))),
        }
    }

    /// The item after `after`, if there is one.
    fn read(&self, after: u64) -> Option<Item> {
        let events = self.events.lock().unwrap();
        let oldest = events.front()?.0 - 1;
        if after < oldest {
            return Some(Item::Gap(Some(oldest - after), oldest));
        }
        events.get((after - oldest) as usize).map(|(seq, data)| Item::Event(*seq, data.clone()))
    }

    /// Returns once there is an event after `after`, or at the shutdown: then `false`.
    async fn wait(&self, after: u64) -> bool {
        let (mut newest, mut stopped) = (self.newest.subscribe(), self.stopped.subscribe());
        tokio::select! {
            biased;
            _ = newest.wait_for(|newest| *newest > after) => true,
            _ = stopped.wait_for(|stopped| *stopped) => false,
        }
    }

    /// The items of a live reader, up to the shutdown.
    fn follow(self: Arc<Self>, cursor: Option<&str>) -> impl Stream<Item = Item> + use<> {
        let (after, gap) = self.seek(cursor);
        stream::unfold((self, after, gap), async |(log, mut after, gap)| {
            let item = match gap {
                Some(gap) => gap,
                None => loop {
                    match log.read(after) {
                        Some(item) => break item,
                        None if log.wait(after).await => {}
                        None => return None,
                    }
                },
            };
            match &item {
                Item::Event(seq, _) | Item::Gap(_, seq) => after = *seq,
            }
            Some((item, (log, after, None)))
        })
    }

    fn json(&self, item: &Item) -> Value {
        match item {
            Item::Event(seq, data) => json!({"id": self.id(*seq), "type": "message", "data": data}),
            Item::Gap(missed, seq) => json!({"gap": {"missed": missed, "after": self.id(*seq)}}),
        }
    }
}

fn is_shop(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|token| token == "Bearer shop")
}

fn has_session(headers: &HeaderMap) -> bool {
    headers.get("cookie").is_some_and(|cookie| cookie == "session=ada")
}

async fn list(State(app): State<App>) -> Json<Vec<Order>> {
    Json(app.orders.lock().unwrap().clone())
}

async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    Json(order): Json<Order>,
) -> Result<StatusCode, StatusCode> {
    if !is_shop(&headers) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let event = serde_json::to_string(&order).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    app.orders.lock().unwrap().push(order);
    app.log.publish(event);
    Ok(StatusCode::CREATED)
}

/// One URL, five transports.
async fn events(
    State(App { log, .. }): State<App>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if !has_session(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let cursor =
        headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(query.get("after").map(String::as_str));
    let accepts =
        |kind: &str| headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(kind.as_bytes()));
    let uncached = [(header::CACHE_CONTROL, "no-cache, no-transform")];
    if let Ok(upgrade) = upgrade {
        let cursor = cursor.map(str::to_owned);
        return upgrade.on_upgrade(async move |socket| websocket(log, cursor, socket).await);
    }
    if accepts("text/event-stream") {
        let writer = Arc::clone(&log);
        let retry = stream::once(async { Ok::<_, Infallible>(Event::default().retry(Duration::from_secs(3))) });
        let items = log.follow(cursor).map(move |item| {
            Ok(match &item {
                Item::Event(seq, data) => Event::default().id(writer.id(*seq)).data(data),
                Item::Gap(_, seq) => {
                    Event::default().event("gap").id(writer.id(*seq)).data(writer.json(&item).to_string())
                }
            })
        });
        return (uncached, Sse::new(retry.chain(items)).keep_alive(KeepAlive::default())).into_response();
    }
    if accepts("application/x-ndjson") {
        let writer = Arc::clone(&log);
        let lines =
            log.follow(cursor).map(move |item| Ok::<_, Infallible>(Bytes::from(format!("{}\n", writer.json(&item)))));
        let fields = [(header::CONTENT_TYPE, "application/x-ndjson")];
        return (uncached, fields, Body::from_stream(lines)).into_response();
    }
    poll(&log, cursor, query.get("wait").and_then(|wait| wait.parse().ok()), &headers).await
}

async fn poll(log: &Log, cursor: Option<&str>, wait: Option<u64>, headers: &HeaderMap) -> Response {
    let (mut after, gap) = log.seek(cursor);
    if let Some(seconds) = wait
        && gap.is_none()
    {
        // At the shutdown and at the time-out the response is empty.
        let deadline = Instant::now() + Duration::from_secs(seconds.min(60));
        let _ = timeout_at(deadline, log.wait(after)).await;
    }
    let mut events = Vec::new();
    let mut missed = gap.map(|gap| log.json(&gap)["gap"].clone());
    while events.len() < 100 {
        match log.read(after) {
            Some(Item::Event(seq, data)) => {
                after = seq;
                events.push(log.json(&Item::Event(seq, data)));
            }
            Some(gap @ Item::Gap(_, seq)) => {
                after = seq;
                missed = Some(log.json(&gap)["gap"].clone());
            }
            None => break,
        }
    }
    let etag = format!("\"{}\"", log.id(after));
    let fields = [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, "no-store".into())];
    if events.is_empty() && headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes())
    {
        return (StatusCode::NOT_MODIFIED, fields).into_response();
    }
    let mut content = json!({"events": events, "after": log.id(after)});
    if let Some(missed) = missed {
        content["gap"] = missed;
    }
    (fields, Json(content)).into_response()
}

async fn websocket(log: Arc<Log>, cursor: Option<String>, mut socket: WebSocket) {
    let mut items = Box::pin(Arc::clone(&log).follow(cursor.as_deref()));
    let mut ping = tokio::time::interval(Duration::from_secs(25));
    let close = loop {
        let sent = tokio::select! {
            item = items.next() => match item {
                Some(Item::Event(_, data)) => socket.send(Message::text(data)).await,
                // A plain message cannot report a gap.
                Some(Item::Gap(..)) => break (4001, "gap"),
                None => break (close_code::RESTART, ""),
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(_) | Message::Binary(_))) => break (close_code::POLICY, "this reader may not publish"),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => Ok(()),
            },
            _ = ping.tick() => socket.send(Message::Ping(Bytes::new())).await,
        };
        if sent.is_err() {
            return;
        }
    };
    let frame = CloseFrame { code: close.0, reason: close.1.into() };
    let _ = socket.send(Message::Close(Some(frame))).await;
    let _ =
        tokio::time::timeout(Duration::from_secs(5), async { while let Some(Ok(_)) = socket.recv().await {} }).await;
}

/// The program. It keeps the last `history` orders for readers that resume, and shuts down once `stop` is ready.
pub async fn run(
    listener: tokio::net::TcpListener,
    history: usize,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let log = Arc::new(Log::new(history));
    let forbidden = async |headers: HeaderMap| {
        if has_session(&headers) { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED }
    };
    let app = Router::new().route("/orders", get(list).post(create));
    let app = app.route("/events/orders", axum::routing::any(events).post(forbidden));
    let app = app.with_state(App { orders: Arc::default(), log: Arc::clone(&log) });
    let stop = async move {
        stop.await;
        log.stopped.send_replace(true);
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    run(listener, 1024, async { drop(tokio::signal::ctrl_c().await) }).await
}
