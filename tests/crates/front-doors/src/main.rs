//! The order board of `host/examples/order_board` by axum alone: the same page, database and API, and the same rights on channels.
//!
//! The tests of the order board run against it too. `README.md` compares both programs.

// The database is the same file in both programs.
extern crate self as goldcrest_host;

mod channels;
mod events;
mod login;
mod orders;
#[path = "../../../../host/examples/order_board/src/store.rs"]
mod store;

use std::env;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use channels::Channels;
use store::{Session, Store};
use tokio::sync::Semaphore;

struct Shared {
    store: Store,
    channels: Channels,
    token: String,
    logins: Semaphore,
}

type App = Arc<Shared>;

/// Runs a function that blocks, as the database's file expects it.
pub(crate) async fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(output) => output,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// A failure of the database.
struct Failed(store::Error);

impl From<store::Error> for Failed {
    fn from(error: store::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        eprintln!("the database failed: {}", self.0);
        (StatusCode::INTERNAL_SERVER_ERROR, "the database failed\n").into_response()
    }
}

/// The session of the request's cookie, if there is one.
struct MaybeSession(Option<Session>);

impl FromRequestParts<App> for MaybeSession {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failed> {
        match login::cookie(&parts.headers) {
            Some(secret) => Ok(Self(app.store.session(secret).await?)),
            None => Ok(Self(None)),
        }
    }
}

/// Rejects pages of other origins, and names of the server that another site has resolved to it (DNS rebinding).
async fn same_origin(headers: HeaderMap, request: Request, next: Next) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let is_local = name == "localhost" || name.parse::<std::net::IpAddr>().is_ok();
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let permitted = match origin {
        Some(origin) => origin.split_once("://").is_some_and(|(_, authority)| authority == host),
        // A page of another origin embeds the resource, and does not follow a link.
        None => {
            !headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site")
                || headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate")
        }
    };
    if !is_local || !permitted {
        return (StatusCode::FORBIDDEN, "this origin or host is not allowed\n").into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", header::HeaderValue::from_static("same-origin"));
    response
}

async fn page(MaybeSession(session): MaybeSession) -> Response {
    match session {
        Some(_) => Html(include_str!("../../../../host/examples/order_board/page/board.html")).into_response(),
        None => Redirect::to("/login").into_response(),
    }
}

async fn script() -> impl IntoResponse {
    let script = include_str!("../../../../host/examples/order_board/page/board.js");
    ([(header::CONTENT_TYPE, "text/javascript;charset=UTF-8")], script)
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["user", database, name, password] => add_user(database, name, password, false).await,
        ["user", database, name, password, "staff"] => add_user(database, name, password, true).await,
        ["serve", database, address] => serve(database, address).await,
        _ => Err(io::Error::other("expected `serve DATABASE ADDRESS` or `user DATABASE NAME PASSWORD [staff]`")),
    }
}

async fn add_user(database: &str, name: &str, password: &str, staff: bool) -> io::Result<()> {
    if name.is_empty() || name.len() > 32 || !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(io::Error::other("expected a name of up to 32 letters from a to z"));
    }
    let store = Store::open(database).map_err(io::Error::other)?;
    store.add_user(name.into(), login::hash(password)?, staff).await.map_err(io::Error::other)
}

async fn serve(database: &str, address: &str) -> io::Result<()> {
    let token = env::var("TOKEN").map_err(|error| io::Error::other(format!("TOKEN: {error}")))?;
    let store = Store::open(database).map_err(io::Error::other)?;
    let app = Arc::new(Shared { store, channels: Channels::new()?, token, logins: Semaphore::new(2) });
    let routes = Router::new()
        .route("/", get(page))
        .route("/board.js", get(script))
        .route(
            "/login",
            get(Html(include_str!("../../../../host/examples/order_board/page/login.html"))).post(login::login),
        )
        .route("/logout", post(login::logout))
        .route("/api/me", get(orders::me))
        .route("/api/orders", get(orders::list).post(orders::order))
        .route("/api/orders/{id}", post(orders::change))
        .layer(DefaultBodyLimit::max(1024))
        .route("/events/{channel}", get(events::follow).post(events::publish))
        .layer(middleware::from_fn(same_origin))
        .with_state(Arc::clone(&app));
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("axum_board serves http://{}/", listener.local_addr()?);
    axum::serve(listener, routes).with_graceful_shutdown(shut_down(State(app))).await
}

/// Ends at SIGINT or SIGTERM. Live responses have to be ended too: axum waits for them without a limit.
async fn shut_down(State(app): State<App>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    app.channels.shut_down();
}
