//! An order board: customers order dishes and watch their own orders, and the staff sees all of them and changes their state.
//!
//! ```console
//! $ cd host/examples/order_board
//! $ cargo run -- user board.db ada 'her password'
//! $ cargo run -- user board.db kim 'a password' staff
//! $ TOKEN=open-sesame cargo run -- serve board.db 127.0.0.1:8080
//! ```
//! Then open <http://localhost:8080/> in two browsers. Elsewhere than on `localhost`, a TLS proxy has to stand in front: the session's
//! cookie is `Secure`.
//!
//! | file | content |
//! | --- | --- |
//! | `store.rs` | SQLite: users, sessions and orders, on the threads for work that blocks |
//! | `login.rs` | login and logout, and the session of a request |
//! | `rights.rs` | the rights on channels: a cookie reads, the token publishes |
//! | `orders.rs` | the orders as JSON, and their events |
//! | `page/` | the page, in HTML and JavaScript |

mod login;
mod orders;
mod rights;
mod store;

use std::env;
use std::io;
use std::sync::Arc;

use goldcrest_host::core::assets::StaticFile;
use goldcrest_host::smol::{self, lock::Semaphore};
use goldcrest_host::{Exchange, Handler, HandlerResult, HubHandler, LocalHub, Method, Runtime, Server, Status};
use store::Store;

const HTML: &str = "text/html;charset=UTF-8";
static BOARD: StaticFile = StaticFile::new("/", HTML, include_bytes!("../page/board.html"));
static LOGIN: StaticFile = StaticFile::new("/login", HTML, include_bytes!("../page/login.html"));
static SCRIPT: StaticFile =
    StaticFile::new("/board.js", "text/javascript;charset=UTF-8", include_bytes!("../page/board.js"));

/// The handler. Each thread of the server has one.
struct Board {
    hub: LocalHub,
    shared: Arc<Shared>,
}

/// What all threads share.
struct Shared {
    store: Store,
    /// The token of programs that publish on the channel `news`.
    token: String,
    /// A login takes much memory and time by intention, so only so many run at once.
    logins: Semaphore,
}

impl Handler for Board {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let request = exchange.request();
        if HubHandler::<LocalHub>::is_channel(request.path()) {
            return HubHandler::new(&self.hub).authorizer(self).handle(exchange).await;
        }
        match (request.path(), request.method()) {
            ("/login", Method::Post) => self.login(exchange).await,
            ("/login", _) => LOGIN.answer(exchange).await,
            ("/logout", Method::Post) => self.logout(exchange).await,
            ("/logout", _) => exchange.method_not_allowed("POST, OPTIONS").await,
            ("/board.js", _) => SCRIPT.answer(exchange).await,
            ("/", _) => match self.session(&exchange).await {
                Ok(Some(_)) => BOARD.answer(exchange).await,
                Ok(None) => exchange.redirect(Status::SEE_OTHER, "/login").await,
                Err(error) => failed(exchange, &error).await,
            },
            (path, _) if path.starts_with("/api/") => self.api(exchange).await,
            _ => exchange.not_found().await,
        }
    }
}

/// Answers after a failure of the database.
async fn failed<R: Runtime>(exchange: Exchange<'_, '_, R>, error: &store::Error) -> HandlerResult {
    eprintln!("the database failed: {error}");
    exchange.respond_error(Status::INTERNAL_SERVER_ERROR, "the database failed\n").await
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["user", database, name, password] => add_user(database, name, password, false),
        ["user", database, name, password, "staff"] => add_user(database, name, password, true),
        ["serve", database, address] => serve(database, address),
        _ => Err(io::Error::other("expected `serve DATABASE ADDRESS` or `user DATABASE NAME PASSWORD [staff]`")),
    }
}

fn add_user(database: &str, name: &str, password: &str, staff: bool) -> io::Result<()> {
    // The name is a part of a channel's name.
    if name.is_empty() || name.len() > 32 || !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(io::Error::other("expected a name of up to 32 letters from a to z"));
    }
    let store = Store::open(database).map_err(io::Error::other)?;
    smol::block_on(store.add_user(name.into(), login::hash(password)?, staff)).map_err(io::Error::other)
}

fn serve(database: &str, address: &str) -> io::Result<()> {
    let token = env::var("TOKEN").map_err(|error| io::Error::other(format!("TOKEN: {error}")))?;
    let store = Store::open(database).map_err(io::Error::other)?;
    let shared = Arc::new(Shared { store, token, logins: Semaphore::new(2) });
    Server::new()
        .listen(address.parse().map_err(io::Error::other)?)
        .on_listening(|addresses| eprintln!("order_board serves http://{}/", addresses[0]))
        .run(|hub| Board { hub, shared: Arc::clone(&shared) })
}
