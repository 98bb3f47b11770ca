//! `/events/{channel}`: Server-Sent Events and a WebSocket to read, and POST to publish news.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use subtle::ConstantTimeEq;

use super::channels::{Item, Reader, Start};
use super::store::Session;
use super::{App, MaybeSession};

impl Session {
    fn reads(&self, channel: &str) -> bool {
        let is_own = channel.strip_prefix("orders-") == Some(&self.user);
        channel == "news" || is_own || (self.staff && (channel == "orders" || channel.starts_with("orders-")))
    }

    pub(crate) fn identity(&self) -> String {
        format!("{}#{}", self.user, self.id)
    }
}

fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer realm=\"order board\"")], "unauthorized\n")
        .into_response()
}

pub(crate) async fn follow(
    State(app): State<App>,
    MaybeSession(session): MaybeSession,
    Path(channel): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let Some(session) = session else { return unauthorized() };
    if !session.reads(&channel) {
        return (StatusCode::FORBIDDEN, "the credentials do not permit this\n").into_response();
    }
    let after = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let start = match after.or_else(|| query.get("after").map(String::as_str)) {
        Some("oldest") => Start::Oldest,
        Some(id) if !id.is_empty() => Start::After(id),
        _ => Start::Newest,
    };
    let left = Duration::from_secs(session.seconds_left.into());
    let Some(reader) = app.channels.reader(&channel, start, session.identity(), left) else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], "too many channels\n").into_response();
    };
    if let Ok(upgrade) = upgrade {
        return upgrade.on_upgrade(|socket| serve(app, channel, reader, socket));
    }
    let events = stream::unfold((app, channel, reader), |(app, channel, mut reader)| async {
        let event = match app.channels.next(&channel, &mut reader).await? {
            Item::Event { id, data } => Event::default().id(id).data(data),
            Item::Gap { id } => Event::default().id(id).event("gap").data("{}"),
            Item::End(reason) => Event::default().event("grant-end").data(format!("{{\"reason\":\"{reason}\"}}")),
        };
        Some((Ok::<_, Infallible>(event), (app, channel, reader)))
    });
    // hyper sends the head with the first bytes of the content.
    let first = Event::default().retry(Duration::from_secs(3));
    let events = stream::once(async { Ok(first) }).chain(events);
    let headers = [("cache-control", "no-cache, no-transform"), ("x-accel-buffering", "no")];
    (headers, Sse::new(events).keep_alive(KeepAlive::default())).into_response()
}

/// Sends the events, and closes where the client sends a message: no cookie publishes.
async fn serve(app: App, channel: String, mut reader: Reader, mut socket: WebSocket) {
    let mut pings = tokio::time::interval(Duration::from_secs(25));
    let (code, reason) = loop {
        tokio::select! {
            item = app.channels.next(&channel, &mut reader) => {
                let text = match item {
                    Some(Item::Event { data, .. }) => (*data).into(),
                    Some(Item::Gap { .. }) => continue,
                    Some(Item::End(reason)) => break (3000, reason),
                    None => break (close_code::AWAY, "shutting down"),
                };
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Text(_) | Message::Binary(_))) => break (close_code::POLICY, "publishing is not permitted"),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return,
            },
            _ = pings.tick() => {
                if socket.send(Message::Ping(Bytes::new())).await.is_err() {
                    return;
                }
            }
        }
    };
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}

pub(crate) async fn publish(
    State(app): State<App>,
    MaybeSession(session): MaybeSession,
    Path(channel): Path<String>,
    headers: HeaderMap,
    content: Bytes,
) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        token.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let is_token = token.is_some_and(|(_, token)| token.as_bytes().ct_eq(app.token.as_bytes()).into());
    if !is_token && session.is_none() {
        return unauthorized();
    }
    if !is_token || channel != "news" {
        return (StatusCode::FORBIDDEN, "the credentials do not permit this\n").into_response();
    }
    let Ok(data) = str::from_utf8(&content) else { return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response() };
    match app.channels.publish(&channel, data) {
        Some(id) => (StatusCode::CREATED, format!("{{\"id\":\"{id}\"}}\n")).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "too many channels\n").into_response(),
    }
}
