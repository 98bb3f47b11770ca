//! Rights by extractors of axum: a cookie reads, a bearer token publishes.

mod support;

use std::future::pending;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Json, Router};
use goldcrest_axum::{ChannelGrant, EventRoutes, Intent};
use goldcrest_host::{ChannelLimits, EventType, Hub, Rights};
use support::{Lines, Socket, connect_http1, connect_http2, request, start, text};

/// The users and their sessions, as a program has them.
#[derive(Clone)]
struct App {
    hub: Hub,
    service: &'static str,
}

/// The user of a session. A database would be asked here.
async fn user(headers: &HeaderMap) -> Option<&'static str> {
    tokio::task::yield_now().await;
    headers.get("cookie").filter(|cookie| *cookie == "session=ada").map(|_| "ada")
}

async fn authorize(State(app): State<App>, headers: HeaderMap, intent: Intent) -> Result<ChannelGrant, Response> {
    if headers.get("authorization").is_some_and(|token| token == app.service) {
        return Ok(Rights::ALL.into());
    }
    if intent.channel == "short" {
        return Ok(ChannelGrant::from(Rights::READ).valid_for(Duration::from_millis(50)));
    }
    match user(&headers).await {
        Some(_) if intent.wanted == Rights::PUBLISH => {
            let error = Json(std::collections::BTreeMap::from([("error", "only the shop publishes")]));
            Err((StatusCode::FORBIDDEN, error).into_response())
        }
        Some(user) => Ok(app.hub.grant(user, Rights::READ).into()),
        None => Err(Redirect::to("/login").into_response()),
    }
}

async fn server() -> (EventRoutes<App>, std::net::SocketAddr) {
    let hub = Hub::new(ChannelLimits::default()).unwrap();
    let routes = EventRoutes::new(hub.clone()).authorize(authorize);
    let app = Router::new().merge(routes.router()).with_state(App { hub, service: "Bearer shop" });
    let (address, _server) = start(app, pending()).await;
    (routes, address)
}

const COOKIE: (&str, &str) = ("cookie", "session=ada");
const TOKEN: (&str, &str) = ("authorization", "Bearer shop");

#[tokio::test]
async fn requests_without_rights_get_the_response_of_the_function() {
    let (routes, address) = server().await;
    let mut client = connect_http2(address).await;
    let response = client.send_request(request(address, "GET", "/events/orders", &[], "")).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["location"]),
        (StatusCode::SEE_OTHER, &"/login".parse().unwrap())
    );
    let forged = request(address, "POST", "/events/orders", &[COOKIE], "forged");
    let response = client.send_request(forged).await.unwrap();
    let expected = "{\"error\":\"only the shop publishes\"}";
    assert_eq!(text(response).await, (StatusCode::FORBIDDEN, expected.into()));
    assert_eq!(routes.hub().channels(), 0, "nothing is looked up or created");

    let order = request(address, "POST", "/events/orders", &[TOKEN], "order");
    assert_eq!(client.send_request(order).await.unwrap().status(), StatusCode::ACCEPTED);
    let read = request(address, "GET", "/events/orders?after=oldest", &[COOKIE], "");
    assert!(text(client.send_request(read).await.unwrap()).await.1.contains("\"data\":\"order\""));
}

#[tokio::test]
async fn an_order_forged_over_a_websocket_is_refused() {
    let (routes, address) = server().await;
    let mut plain = Socket::open(address, "/events/orders", &[COOKIE]).await;
    let mut http2 = Socket::open_http2(address, "/events/orders", &[COOKIE]).await;
    let mut v1 = Socket::open(address, "/events/orders", &[COOKIE, ("sec-websocket-protocol", "goldcrest.v1")]).await;
    while routes.live_responses() < 3 {
        tokio::task::yield_now().await;
    }
    routes.hub().publish("orders", EventType::MESSAGE, "order").unwrap();
    assert_eq!((plain.next().await.as_str(), http2.next().await.as_str()), ("order", "order"));
    assert!(v1.next().await.contains("\"data\":\"order\""));

    plain.send("forged").await;
    assert!(plain.next().await.starts_with("close 1008"));
    http2.send("forged").await;
    assert!(http2.next().await.starts_with("close 1008"));
    v1.send("{\"ref\":7,\"data\":\"forged\"}").await;
    let reply = v1.next().await;
    assert!(reply.starts_with("{\"ref\":7,\"error\":"), "{reply}");
    // The refused socket still reads.
    routes.hub().publish("orders", EventType::MESSAGE, "next").unwrap();
    assert!(v1.next().await.contains("\"data\":\"next\""));
    assert_eq!(routes.hub().reader("orders").unwrap().position().seq, 2);
}

#[tokio::test]
async fn a_grant_ends_by_withdrawal_and_by_time() {
    let (routes, address) = server().await;
    let fields = [COOKIE, ("accept", "text/event-stream"), ("host", "localhost")];
    let get = |path| request(address, "GET", path, &fields, "");
    let mut sse = Lines::new(connect_http1(address).await.send_request(get("/events/orders")).await.unwrap());
    sse.until("retry: 3000\n").await;
    let mut socket = Socket::open(address, "/events/orders", &[COOKIE]).await;
    while routes.live_responses() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(routes.hub().withdraw("ada"), 2);
    assert!(sse.rest().await.contains("event: grant-end\ndata: {\"reason\":\"withdrawn\"}\n\n"));
    assert!(socket.next().await.starts_with("close 3003"));

    let sse = Lines::new(connect_http1(address).await.send_request(get("/events/short")).await.unwrap());
    assert!(sse.rest().await.contains("event: grant-end\ndata: {\"reason\":\"expired\"}\n\n"));
}

#[tokio::test]
async fn a_route_of_the_program_answers_with_its_own_channel() {
    let hub = Hub::new(ChannelLimits::default()).unwrap();
    let routes: EventRoutes = EventRoutes::new(hub);
    let events = routes.clone();
    let app = Router::new().route(
        "/shops/{shop}/live",
        axum::routing::any(async move |axum::extract::Path(shop): axum::extract::Path<String>, request| {
            events.answer(request, &format!("shop-{shop}"), ()).await
        }),
    );
    let (address, _server) = start(app, pending()).await;
    let mut client = connect_http2(address).await;
    let post = request(address, "POST", "/shops/7/live", &[], "open");
    assert_eq!(client.send_request(post).await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(routes.hub().reader("shop-7").unwrap().position().seq, 1);
}
