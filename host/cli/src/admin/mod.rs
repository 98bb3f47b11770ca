//! The admin listener: metrics, health, channels and identities, on an address of its own.
//!
//! | request | response |
//! | --- | --- |
//! | `GET /` | the page |
//! | `GET /metrics` | the metrics in Prometheus' text format |
//! | `GET /healthz` | 200 while the process answers |
//! | `GET /readyz` | 200 while the server accepts connections and events, else 503 |
//! | `GET /summary` | sums of the metrics as JSON |
//! | `GET /channels` | the channels by name: `?prefix=`, `?after=`, `?limit=` |
//! | `GET /channels/{name}` | one channel |
//! | `DELETE /channels/{name}` | deletes its events |
//! | `POST /identities/{name}/withdraw` | ends the streams of an identity |
//!
//! It asks for no credentials. So it listens on loopback unless told otherwise, it accepts the hosts of `--allow-host` and pages of its
//! own origin only, and it takes changes from the same machine only.
//!
//! | file | content |
//! | --- | --- |
//! | `channels.rs` | channels and identities as JSON |
//! | `page/` | the page |
//! | `summary.rs` | the sums of the metrics as JSON |

mod channels;
mod page;
mod summary;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use goldcrest_host::core::format::media_type;
use goldcrest_host::core::http::{Method, Response, Status};
use goldcrest_host::core::server::{Access, Exchange, Handler, HandlerResult, HostPolicy, OriginPolicy, Runtime};
use goldcrest_host::{Hub, Limits, LocalHub, Metrics, RunningServer, Server, ServerConfig, ShutdownHandle};
use serde_json::json;

/// Connections of the admin listener. A further one gets 503.
const CONNECTIONS: usize = 64;

/// Bytes of memory for its connections.
const MEMORY: usize = 32 << 20;

/// The address without one on the command line.
pub(crate) const DEFAULT_ADDRESS: &str = "127.0.0.1:8081";

/// What the admin listener shows and changes.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) hub: Hub,
    pub(crate) metrics: Metrics,
    /// The handle of the server that serves the channels.
    pub(crate) shutdown: ShutdownHandle,
    /// That server listens.
    pub(crate) listens: Arc<AtomicBool>,
}

impl Admin {
    /// Serves on `address` on a thread of its own, for the host names that `hosts` permits.
    pub(crate) fn start(self, address: SocketAddr, hosts: HostPolicy<'static>) -> io::Result<RunningServer> {
        if !address.ip().is_loopback() {
            tracing::warn!(
                %address,
                "the admin listener asks for no credentials and is not on a loopback address; keep it within a private network"
            );
        }
        let access = Access { origins: OriginPolicy::Same, hosts };
        let config = ServerConfig { access, max_body: 1024, ..Server::default_config() };
        let limits = Limits { connections: CONNECTIONS, memory: MEMORY, ..Limits::default() };
        let server = Server::new().name("goldcrest-admin").threads(1).listen(address).config(config).limits(limits);
        server.without_signals().start(move |_: LocalHub| self.clone())
    }

    /// Whether the server accepts connections and events; else the reason.
    fn ready(&self) -> Result<(), &'static str> {
        if self.shutdown.is_shutting_down() {
            Err("shutting_down")
        } else if !self.listens.load(Ordering::SeqCst) {
            Err("starting")
        } else {
            Ok(())
        }
    }
}

impl Handler for Admin {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let path = exchange.request().path().to_owned();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let method = exchange.request().method();
        let reads = matches!(method, Method::Get | Method::Head);
        let changes = (method == Method::Delete, method == Method::Post);
        match (&segments[..], changes) {
            (["channels", _], (true, _)) | (["identities", _, "withdraw"], (_, true)) if !is_local(&exchange) => {
                let text = "the admin listener takes changes from the same machine only";
                problem(exchange, Status::FORBIDDEN, text).await
            }
            (["channels", name], (true, _)) => channels::delete(&self.hub, exchange, name).await,
            (["identities", name, "withdraw"], (_, true)) => channels::withdraw(&self.hub, exchange, name).await,
            (["identities", _, "withdraw"], _) => exchange.method_not_allowed("POST, OPTIONS").await,
            (["channels", _], _) if !reads => exchange.method_not_allowed("GET, HEAD, DELETE, OPTIONS").await,
            _ if !reads => exchange.method_not_allowed("GET, HEAD, OPTIONS").await,
            (["metrics"], _) => text(exchange, Metrics::CONTENT_TYPE, &self.metrics.text()).await,
            (["healthz"], _) => json_response(exchange, Status::OK, &json!({ "status": "ok" })).await,
            (["readyz"], _) => match self.ready() {
                Ok(()) => json_response(exchange, Status::OK, &json!({ "status": "ready" })).await,
                Err(reason) => json_response(exchange, Status::SERVICE_UNAVAILABLE, &json!({ "status": reason })).await,
            },
            (["summary"], _) => {
                let summary = summary::summary(&self.metrics.summary(), self.ready().err().unwrap_or("ready"));
                json_response(exchange, Status::OK, &summary).await
            }
            (["channels"], _) => channels::list(&self.hub, exchange).await,
            (["channels", name], _) => channels::one(&self.hub, exchange, name).await,
            _ => match page::file(&path) {
                Some(file) => crate::page::send(exchange, file).await,
                None => {
                    let text = "there is no such path; / shows a page, and docs/OPERATIONS.md lists the paths";
                    problem(exchange, Status::NOT_FOUND, text).await
                }
            },
        }
    }
}

/// Whether the peer is on the same machine, by its address.
fn is_local<R: Runtime>(exchange: &Exchange<'_, '_, R>) -> bool {
    exchange.peer_address().is_some_and(|peer| peer.ip().to_canonical().is_loopback())
}

async fn text<R: Runtime>(exchange: Exchange<'_, '_, R>, content_type: &str, body: &str) -> HandlerResult {
    let headers = &[("Cache-Control", "no-store")];
    let response = Response { status: Status::OK, content_type: Some(content_type), headers, body: body.as_bytes() };
    exchange.respond(&response).await
}

async fn json_response<R: Runtime>(
    exchange: Exchange<'_, '_, R>,
    status: Status,
    value: &serde_json::Value,
) -> HandlerResult {
    let body = format!("{value}\n");
    let headers = &[("Cache-Control", "no-store")];
    exchange.respond(&Response { status, content_type: Some(media_type::JSON), headers, body: body.as_bytes() }).await
}

/// Answers with problem details (RFC 9457).
async fn problem<R: Runtime>(exchange: Exchange<'_, '_, R>, status: Status, detail: &str) -> HandlerResult {
    let body = format!(
        "{}\n",
        json!({ "type": "about:blank", "title": status.reason(), "status": status.code(), "detail": detail })
    );
    let headers = &[("Cache-Control", "no-store")];
    let content_type = Some("application/problem+json");
    exchange.respond(&Response { status, content_type, headers, body: body.as_bytes() }).await
}
