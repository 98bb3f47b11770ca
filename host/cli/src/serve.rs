//! The server.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};
use goldcrest_host::client::TlsOptions;
use goldcrest_host::core::assets;
use goldcrest_host::core::format::media_type;
use goldcrest_host::core::http::{Method, Response, Status};
use goldcrest_host::core::hub_http::HubHandler;
use goldcrest_host::core::server::{Exchange, Handler, HandlerResult, Runtime};
use goldcrest_host::tokens::{TokenAccess, TokenAuthorizer};
use goldcrest_host::{Hub, LocalHub, is_dual_stack};
use tracing_subscriber::EnvFilter;

use super::admin::{self, Admin};
use super::exit::Exit;
use super::options::Options;
use super::page::{self, PageMetrics};
use super::token::ServeTokenOptions;
use super::{CommandError, diagnostics, terminal};

/// Serve channels, and a page with the five techniques side by side (the default command)
///
/// SIGTERM, SIGINT and SIGQUIT shut the server down: readers are asked to reconnect later, and a second signal ends the
/// process at once. SIGHUP does the same if the server was started on a terminal. Otherwise SIGHUP, SIGUSR1 and SIGUSR2
/// are ignored.
#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) options: Options,

    /// Read options from this TOML file, such as `max-head = 8192` and `listen = ["127.0.0.1:8080"]`. The command line and the
    /// environment take precedence
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Serve the channels alone, without the page at / and /goldcrest.js
    #[arg(long)]
    no_page: bool,

    /// Log filter, such as `info` or `goldcrest_host=debug`
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,

    /// Form of the log on stderr
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    log_format: LogFormat,

    /// Log each request at its end: peer, method, target without secrets, status, bytes, seconds, transport, identity
    #[arg(long)]
    access_log: bool,

    #[command(flatten)]
    tokens: ServeTokenOptions,

    /// Serve metrics, health, channels and a page over them on this address [without one: 127.0.0.1:8081]. It asks for no
    /// credentials, and takes changes from the same machine only
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, require_equals = true, default_missing_value = admin::DEFAULT_ADDRESS)]
    admin_listen: Option<SocketAddr>,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line of text for each event
    Text,
    /// A JSON object on each line
    Json,
}

/// The filter of the access log.
const ACCESS_LOG: &str = "access=info";

/// The parts of a server whose options are valid.
pub(crate) struct Checked {
    addresses: Vec<SocketAddr>,
    filter: EnvFilter,
    access: Option<TokenAccess>,
    hub: Hub,
}

impl Serve {
    /// Checks all that can be checked without a socket.
    ///
    /// # Errors
    /// A value is invalid, a file cannot be read, or an option has no effect.
    pub(crate) fn check(&self) -> Result<Checked, CommandError> {
        let filter = self.log.parse::<EnvFilter>();
        let filter = filter.map_err(|error| CommandError::usage(format!("--log {}: {error}", self.log)))?;
        if let Some(file) = &self.options.follow_cacert {
            let tls = TlsOptions { authorities: Some(file.clone()), danger_accept_any_certificate: false };
            tls.check().map_err(|error| CommandError::usage(format!("--follow-cacert {error}")))?;
        }
        self.options.check_access()?;
        let addresses = self.options.addresses()?;
        let access = self.tokens.access(&addresses)?;
        let hub = Hub::new(self.options.channels()).map_err(|error| CommandError::usage(error.to_string()))?;
        Ok(Checked { addresses, filter, access, hub })
    }

    pub(crate) fn run(self) -> Result<(), CommandError> {
        let Checked { addresses, filter, access, hub } = self.check()?;
        let access = access.map(Arc::new);
        let colours = io::stderr().is_terminal() && diagnostics::colours_wanted();
        // A closed stderr disables the log: a failed write there must not panic.
        // The access log was asked for, so no filter of the log hides it.
        let filter =
            if self.access_log { filter.add_directive(ACCESS_LOG.parse().unwrap_or_default()) } else { filter };
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
        match self.log_format {
            LogFormat::Text => log.with_ansi(colours).fmt_fields(terminal::fields()).init(),
            LogFormat::Json => {
                let log = log.json().flatten_event(true).with_current_span(false).with_span_list(false);
                log.with_writer(|| terminal::JsonLines(io::stderr())).init();
            }
        }
        if let Some(file) = &self.config {
            tracing::info!("options are read from {}", file.display());
        }
        let metrics = PageMetrics::default();
        let page = !self.no_page;
        let has_tokens = access.is_some();
        let format = self.log_format;
        let listens = Arc::new(AtomicBool::new(false));
        let server = self.options.server(&addresses).hub(hub.clone()).access_log(self.access_log);
        let admin =
            Admin { hub, metrics: server.metrics(), shutdown: server.shutdown_handle(), listens: Arc::clone(&listens) };
        let start = |address| {
            let running = admin.start(address, self.options.access().hosts);
            running.map_err(|error| CommandError::new(Exit::Failed, format!("--admin-listen {address}: {error}")))
        };
        let admin = self.admin_listen.map(start).transpose()?;
        let admin_addresses = admin.as_ref().map(|admin| admin.addresses().to_vec()).unwrap_or_default();
        let server = server.on_listening(move |addresses| {
            listens.store(true, Ordering::SeqCst);
            match format {
                LogFormat::Text => announce(addresses, page, has_tokens, &admin_addresses),
                // Each line is an object of the log.
                LogFormat::Json => {
                    addresses.iter().for_each(|address| tracing::info!("goldcrest serves http://{address}/"));
                    admin_addresses.iter().for_each(|at| tracing::info!("metrics and channels at http://{at}/"));
                }
            }
        });
        let result = server.run(|hub| {
            let tokens = access.clone().map(|access| TokenAuthorizer::new(hub.hub().clone(), access));
            App { hub, metrics: metrics.clone(), tokens, page }
        });
        // It answers until the last connection has ended.
        if let Some(admin) = admin {
            admin.shut_down()?;
        }
        Ok(result?)
    }
}

/// The page and its requests, the scripts for browsers, and the channels.
struct App {
    hub: LocalHub,
    metrics: PageMetrics,
    /// `None`: each client reads and publishes.
    tokens: Option<TokenAuthorizer>,
    page: bool,
}

impl Handler for App {
    #[allow(clippy::manual_async_fn, reason = "an async fn keeps each of its arguments twice, for each connection")]
    fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> impl Future<Output = HandlerResult> {
        async move {
            if HubHandler::<LocalHub>::is_channel(exchange.request().path()) {
                let handler = HubHandler::new(&self.hub).metrics(&self.metrics);
                return match &self.tokens {
                    None => handler.handle(exchange).await,
                    Some(tokens) => handler.authorizer(tokens).handle(exchange).await,
                };
            }
            // Boxed, so that the future of a channel's reader stays small.
            Box::pin(self.page(exchange)).await
        }
    }
}

impl App {
    async fn page<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        if !self.page {
            return exchange.not_found().await;
        }
        match exchange.request().path() {
            "/page/figures" => self.figures(exchange).await,
            "/page/cut" => self.cut(exchange).await,
            path => match (page::file(path), assets::file(path)) {
                (Some(file), _) => page::send(exchange, file).await,
                (None, Some(script)) => script.answer(exchange).await,
                (None, None) => exchange.not_found().await,
            },
        }
    }

    async fn figures<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        if !page::is_read(&exchange) {
            return exchange.method_not_allowed("GET, HEAD, OPTIONS").await;
        }
        let Some(page) = param(&exchange, "page") else { return needs_page(exchange).await };
        let json = self.metrics.json(&page);
        let response = Response {
            status: Status::OK,
            content_type: Some(media_type::JSON),
            headers: &[("Cache-Control", "no-store")],
            body: json.as_bytes(),
        };
        exchange.respond(&response).await
    }

    async fn cut<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        if exchange.request().method() != Method::Post {
            return exchange.method_not_allowed("POST, OPTIONS").await;
        }
        let Some(page) = param(&exchange, "page") else { return needs_page(exchange).await };
        let transport = param(&exchange, "transport").unwrap_or_default();
        if self.metrics.cut(&page, &transport) {
            let done = Response { status: Status::NO_CONTENT, content_type: None, headers: &[], body: b"" };
            exchange.respond(&done).await
        } else {
            exchange.not_found().await
        }
    }
}

/// A parameter of the query, at most 64 bytes of letters and digits.
fn param<R: Runtime>(exchange: &Exchange<'_, '_, R>, name: &str) -> Option<String> {
    let mut buffer = [0; 64];
    let value = exchange.request().query_param(name)?.decode(&mut buffer)?;
    let plain = !value.is_empty() && value.iter().all(u8::is_ascii_alphanumeric);
    plain.then(|| String::from_utf8_lossy(value).into_owned())
}

async fn needs_page<R: Runtime>(exchange: Exchange<'_, '_, R>) -> HandlerResult {
    exchange
        .respond(&Response::text(Status::BAD_REQUEST, "the parameter `page` consists of letters and digits\n"))
        .await
}

/// Prints the addresses, and some commands to try.
fn announce(addresses: &[SocketAddr], page: bool, has_tokens: bool, admin: &[SocketAddr]) {
    let mut text = String::new();
    for address in addresses {
        let also = if is_dual_stack(*address, addresses) { " (IPv4 as well)" } else { "" };
        let _ = writeln!(text, "goldcrest serves http://{address}/{also}");
    }
    for address in admin {
        let _ = writeln!(text, "metrics and channels at http://{address}/");
    }
    let Some(address) = addresses.first() else { return };
    if page {
        let _ = writeln!(text, "\n  the five transports side by side, live:  http://{address}/");
    }
    let field = if has_tokens { " -H \"Authorization: Bearer $TOKEN\"" } else { "" };
    let protocol = if has_tokens { "['goldcrest.v1', 'goldcrest.token.' + token]" } else { "'goldcrest.v1'" };
    let _ = writeln!(
        text,
        "
  publish:      curl -d 'hello'{field} http://{address}/events/news
  poll:         curl{field} http://{address}/events/news
  long poll:    curl -H 'Prefer: wait=25'{field} http://{address}/events/news
  stream:       curl -N -H 'Accept: application/x-ndjson'{field} http://{address}/events/news
  SSE:          curl -N -H 'Accept: text/event-stream'{field} http://{address}/events/news
  WebSocket:    new WebSocket('ws://{address}/events/news', {protocol})
"
    );
    let _ = io::stderr().write_all(text.as_bytes());
}
