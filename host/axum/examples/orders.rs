//! A shop's orders: REST, and live updates by goldcrest-axum. `orders_by_hand.rs` is the same program with axum alone.
//!
//! ```text
//! cargo run -p goldcrest-axum --example orders
//! curl -N -H 'Cookie: session=ada' -H 'Accept: text/event-stream' http://127.0.0.1:8080/events/orders
//! curl -H 'Authorization: Bearer shop' --json '{"item":"tea","count":2}' http://127.0.0.1:8080/orders
//! ```

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use goldcrest_axum::{ChannelGrant, EventRoutes, Intent};
use goldcrest_host::{ChannelLimits, EventType, Hub, Rights};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    item: String,
    count: u32,
}

#[derive(Clone)]
struct App {
    orders: Arc<Mutex<Vec<Order>>>,
    hub: Hub,
}

fn is_shop(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|token| token == "Bearer shop")
}

/// The shop publishes by `POST /orders` alone. A user with a session reads.
async fn authorize(headers: HeaderMap, intent: Intent) -> Result<ChannelGrant, StatusCode> {
    let has_session = headers.get("cookie").is_some_and(|cookie| cookie == "session=ada");
    match (has_session, intent.wanted) {
        (false, _) => Err(StatusCode::UNAUTHORIZED),
        (true, Rights::PUBLISH) => Err(StatusCode::FORBIDDEN),
        (true, _) => Ok(Rights::READ.into()),
    }
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
    app.hub.publish("orders", EventType::MESSAGE, &event).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(StatusCode::CREATED)
}

/// The program. It keeps the last `history` orders for readers that resume, and shuts down once `stop` is ready.
pub async fn run(
    listener: tokio::net::TcpListener,
    history: usize,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let hub = Hub::new(ChannelLimits { events: history, ..ChannelLimits::default() })?;
    let events = EventRoutes::new(hub.clone()).authorize(authorize);
    let app = Router::new().route("/orders", get(list).post(create)).merge(events.router());
    let app = app.with_state(App { orders: Arc::default(), hub });
    axum::serve(listener, app).with_graceful_shutdown(events.shut_down_on(stop)).await?;
    events.finished().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    run(listener, 1024, async { drop(tokio::signal::ctrl_c().await) }).await
}
