//! Names of channels in the paths of axum's routes.

mod support;

use std::future::pending;

use axum::Router;
use axum::http::StatusCode;
use goldcrest_axum::EventRoutes;
use goldcrest_host::{ChannelLimits, Hub, NamePolicy};
use support::{connect_http1, connect_http2, request, start, text};

#[tokio::test]
async fn every_encoding_of_an_extended_name_is_one_channel() {
    let limits = ChannelLimits { names: NamePolicy::EXTENDED, ..ChannelLimits::default() };
    let routes = EventRoutes::new(Hub::new(limits).unwrap());
    let app = Router::new().merge(routes.router()).nest("/live", routes.router());
    let (address, _server) = start(app, pending()).await;
    let (mut http1, mut http2) = (connect_http1(address).await, connect_http2(address).await);
    for (name, encodings) in [
        ("/events/orders/42", ["/events/orders%2F42", "/live/events/orders/42", "/live/events/%6Frders%2f42"]),
        (
            "/events/gr%C3%BCn:x@y",
            ["/events/gr%c3%bcn%3Ax%40y", "/live/events/gr%C3%BCn:x@y", "/live/events/%67r%C3%BCn:x%40y"],
        ),
    ] {
        for path in encodings {
            let response = http2.send_request(request(address, "POST", path, &[], "hello")).await.unwrap();
            let (status, published) = text(response).await;
            assert_eq!(status, StatusCode::ACCEPTED, "{path}: {published}");
            let id = published.split('"').nth(3).unwrap();
            let response = http1.send_request(request(address, "GET", name, &[], "")).await.unwrap();
            let (_, polled) = text(response).await;
            assert!(polled.contains(&format!("\"after\":\"{id}\"")), "{path}: {polled}");
        }
    }
    for path in ["/events/", "/events//a", "/events/a//b", "/events/a%2F..", "/events/%FF", "/live/events/a%00"] {
        let response = http2.send_request(request(address, "GET", path, &[], "")).await.unwrap();
        let (status, rules) = text(response).await;
        assert_eq!((status, rules.trim_end()), (StatusCode::BAD_REQUEST, NamePolicy::EXTENDED.text()), "{path}");
    }
}
