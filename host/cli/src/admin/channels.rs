//! Channels and identities as JSON.

use goldcrest_host::core::http::{PercentEncoded, Response, Status};
use goldcrest_host::core::server::{Exchange, HandlerResult, Runtime};
use goldcrest_host::{ChannelStats, Hub};
use serde_json::{Map, Value, json};

use super::{json_response, problem};

/// Channels of one response, without `?limit=` and at most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

/// The longest name or prefix, in bytes: that of a channel.
const MAX_NAME: usize = 255;

/// `{"channels":[CHANNEL…],"next":NAME}`: the channels by name. `next` is the `?after=` of the next page, and `null` on the last one.
pub(super) async fn list<R: Runtime>(hub: &Hub, exchange: Exchange<'_, '_, R>) -> HandlerResult {
    let text = |name| exchange.request().query_param(name).map_or(Ok(String::new()), decode);
    let (prefix, after, limit) = (text("prefix"), text("after"), text("limit"));
    let (Ok(prefix), Ok(after)) = (prefix, after) else {
        return problem(exchange, Status::BAD_REQUEST, "`prefix` and `after` have at most 255 bytes of UTF-8").await;
    };
    let limit = match limit.as_deref() {
        Ok("") => Some(PAGE),
        limit => limit.ok().and_then(|text| text.parse().ok()).filter(|limit| (1..=MAX_PAGE).contains(limit)),
    };
    let Some(limit) = limit else {
        return problem(exchange, Status::BAD_REQUEST, "`limit` is a number from 1 to 1000").await;
    };
    // One more shows whether there is another page.
    let mut stats = hub.channel_stats(&prefix, &after, limit + 1);
    let more = stats.len() > limit;
    stats.truncate(limit);
    let next = stats.last().filter(|_| more).map(|last| last.name.clone());
    let channels: Vec<Value> = stats.iter().map(channel).collect();
    json_response(exchange, Status::OK, &json!({ "channels": channels, "next": next })).await
}

/// One channel, in the shape of [`channel`].
pub(super) async fn one<R: Runtime>(hub: &Hub, exchange: Exchange<'_, '_, R>, name: &str) -> HandlerResult {
    match decode(PercentEncoded::new(name)).ok().and_then(|name| hub.channel(&name)) {
        Some(stats) => json_response(exchange, Status::OK, &channel(&stats)).await,
        None => no_such_channel(exchange).await,
    }
}

/// Deletes the events of a channel: 204.
pub(super) async fn delete<R: Runtime>(hub: &Hub, exchange: Exchange<'_, '_, R>, name: &str) -> HandlerResult {
    let deleted = decode(PercentEncoded::new(name)).ok().filter(|name| hub.delete_channel(name) == Ok(true));
    let Some(name) = deleted else { return no_such_channel(exchange).await };
    tracing::info!(channel = name, peer = ?exchange.peer_address(), "channel deleted by the admin listener");
    exchange.respond(&Response::empty(Status::NO_CONTENT)).await
}

/// `{"withdrawn":N}`: ends the live responses of an identity, and returns how many.
pub(super) async fn withdraw<R: Runtime>(hub: &Hub, exchange: Exchange<'_, '_, R>, name: &str) -> HandlerResult {
    let Ok(identity) = decode(PercentEncoded::new(name)) else {
        return problem(exchange, Status::BAD_REQUEST, "an identity has at most 255 bytes of UTF-8").await;
    };
    let withdrawn = hub.withdraw(&identity);
    tracing::info!(identity, withdrawn, peer = ?exchange.peer_address(), "identity withdrawn by the admin listener");
    json_response(exchange, Status::OK, &json!({ "withdrawn": withdrawn })).await
}

async fn no_such_channel<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    problem(exchange, Status::NOT_FOUND, "there is no such channel; GET /channels lists them").await
}

/// `{"name":NAME,"id":ID,"events":N,"bytes":N,"readers":{TRANSPORT:N…,"program":N},"idle":SECONDS}`. `id` is that of the newest event,
/// and `null` before the first one. `idle` is `null` while there are readers.
fn channel(stats: &ChannelStats) -> Value {
    let id = Some(stats.newest.to_string()).filter(|_| stats.newest.seq > 0);
    let followers = || stats.readers.iter().filter(|(name, _)| !matches!(*name, "poll" | "publish"));
    let mut readers: Map<String, Value> = followers().map(|(name, count)| ((*name).into(), (*count).into())).collect();
    let of_connections: usize = followers().map(|(_, count)| count).sum();
    readers.insert("program".into(), stats.followers.saturating_sub(of_connections).into());
    json!({
        "name": stats.name,
        "id": id,
        "events": stats.events,
        "bytes": stats.bytes,
        "readers": readers,
        "idle": stats.idle.map(|idle| idle.as_secs()),
    })
}

/// The decoded text; an error where it is too long or not UTF-8.
fn decode(encoded: PercentEncoded<'_>) -> Result<String, ()> {
    let mut buffer = [0; MAX_NAME];
    let bytes = encoded.decode(&mut buffer).ok_or(())?;
    String::from_utf8(bytes.to_vec()).map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use goldcrest_host::EventId;
    use std::time::Duration;

    #[test]
    fn a_channel_has_its_documented_shape() {
        let stats = ChannelStats {
            name: "news".into(),
            newest: EventId { epoch: 0xa, seq: 3 },
            events: 2,
            bytes: 40,
            followers: 5,
            readers: vec![("poll", 0), ("sse", 3), ("websocket", 1), ("publish", 0)],
            idle: None,
        };
        let expected = json!({
            "name": "news", "id": "0000000a-3", "events": 2, "bytes": 40,
            "readers": { "sse": 3, "websocket": 1, "program": 1 }, "idle": null,
        });
        assert_eq!(channel(&stats), expected);
        let unused =
            ChannelStats { newest: EventId { epoch: 1, seq: 0 }, idle: Some(Duration::from_millis(2500)), ..stats };
        assert_eq!((&channel(&unused)["id"], &channel(&unused)["idle"]), (&Value::Null, &json!(2)));
    }

    #[test]
    fn names_are_percent_decoded_within_their_bound() {
        assert_eq!(decode(PercentEncoded::new("a%2Fb")), Ok("a/b".into()));
        assert!(decode(PercentEncoded::new("%ff")).is_err());
        assert!(decode(PercentEncoded::new(&"a".repeat(256))).is_err());
    }
}
