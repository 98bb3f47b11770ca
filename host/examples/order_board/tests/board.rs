//! The order board, used by curl and by WebSockets of tungstenite.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use goldcrest_tests::{Program, Server, websocket};
use serde_json::{Value, json};
use tungstenite::Message;

/// The program: this package's, or that of the variable `ORDER_BOARD`, which is without `goldcrest.v1`.
fn program() -> PathBuf {
    std::env::var_os("ORDER_BOARD").map_or(env!("CARGO_BIN_EXE_goldcrest-order-board").into(), PathBuf::from)
}

fn has_subprotocol() -> bool {
    std::env::var_os("ORDER_BOARD").is_none()
}

const TOKEN: &str = "open-sesame";

/// A board with the customers `ada` and `ben`, and `kim` of the staff. The password is the name.
struct Board {
    server: Server,
    folder: PathBuf,
}

/// A client with cookies of its own, as curl stores them.
struct Client<'b> {
    board: &'b Board,
    jar: PathBuf,
}

/// The response to a request of curl.
struct Answer {
    status: u16,
    head: String,
    content: String,
}

/// An event stream that curl reads.
struct Stream {
    curl: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Board {
    /// A board in the folder `name`, without orders.
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (user, role) in [("ada", None), ("ben", None), ("kim", Some("staff"))] {
            let database = folder.join("board.db");
            let added =
                Command::new(program()).arg("user").arg(database).args([user, user]).args(role).status().unwrap();
            assert!(added.success());
        }
        Self::of(folder)
    }

    fn of(folder: PathBuf) -> Self {
        let database = folder.join("board.db");
        let arguments = ["serve", database.to_str().unwrap(), "127.0.0.1:0"];
        let token = format!("TOKEN={TOKEN}");
        let server = Server::of_program(Program::other_by(&["env", &token], &program(), &arguments));
        Self { server, folder }
    }

    fn restarted(self) -> Self {
        self.server.terminate();
        assert!(self.server.wait().success());
        Self::of(self.folder)
    }

    fn client(&self, name: &str) -> Client<'_> {
        Client { board: self, jar: self.folder.join(format!("{name}.cookies")) }
    }

    /// A client that has logged in.
    fn login(&self, user: &str) -> Client<'_> {
        let client = self.client(user);
        let form = format!("user={user}&password={user}");
        let answer = client.ask("/login", &["--data", &form]);
        assert_eq!((answer.status, answer.field("Location")), (303, Some("/")), "{}", answer.content);
        client
    }
}

impl Client<'_> {
    /// curl with these arguments. A browser and curl send `Secure` cookies to `localhost` without TLS.
    fn curl(&self, path: &str, arguments: &[&str]) -> Command {
        let mut curl = Command::new("curl");
        let url = format!("http://localhost:{}{path}", self.board.server.address().port());
        curl.args(["--silent", "--show-error", "--no-buffer", "--max-time", "60", "--include", "--ipv4"]);
        curl.arg("--cookie").arg(&self.jar).arg("--cookie-jar").arg(&self.jar).args(arguments).arg(url);
        curl
    }

    fn ask(&self, path: &str, arguments: &[&str]) -> Answer {
        let output = self.curl(path, arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (head, content) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {:?}", output.stderr));
        Answer { status: head[9..12].parse().unwrap(), head: head.into(), content: content.into() }
    }

    fn post(&self, path: &str, content: &Value) -> Answer {
        self.ask(path, &["--json", &content.to_string()])
    }

    /// Follows a channel from its oldest event.
    fn follow(&self, channel: &str) -> Stream {
        let mut curl =
            self.curl(&format!("/events/{channel}?after=oldest"), &["--header", "Accept: text/event-stream"]);
        let mut curl = curl.stdout(Stdio::piped()).spawn().unwrap();
        let mut stream = Stream { lines: BufReader::new(curl.stdout.take().unwrap()).lines(), curl };
        assert_eq!(stream.line("HTTP/1.1 "), "200 OK");
        stream
    }

    /// The cookie as a field, for a WebSocket.
    fn cookie(&self) -> String {
        let jar = fs::read_to_string(&self.jar).unwrap();
        let line = jar.lines().find(|line| line.contains("__Host-session")).expect("a session");
        let value = line.rsplit('\t').next().unwrap();
        format!("Cookie: __Host-session={value}")
    }
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.content).unwrap_or_else(|error| panic!("{error}: {}", self.content))
    }
}

impl Stream {
    /// The rest of the next line that begins with `start`.
    fn line(&mut self, start: &str) -> String {
        loop {
            let line = self.lines.next().expect("a stream that goes on").unwrap();
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim_end().to_owned();
            }
        }
    }

    fn order(&mut self) -> Value {
        serde_json::from_str(&self.line("data: {").replacen('"', "{\"", 1)).unwrap()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.curl.kill();
        let _ = self.curl.wait();
    }
}

#[test]
fn a_login_opens_a_session_by_a_cookie() {
    let board = Board::new("login");
    let visitor = board.client("visitor");
    let page = visitor.ask("/", &[]);
    assert_eq!((page.status, page.field("Location")), (303, Some("/login")));
    assert!(visitor.ask("/login", &[]).content.contains("<form method=\"post\" action=\"/login\">"));
    for form in ["user=ada&password=wrong", "user=nobody&password=ada", "user=ada", ""] {
        let answer = visitor.ask("/login", &["--data", form]);
        assert_eq!((answer.status, answer.field("Set-Cookie")), (403, None), "{form}");
    }
    assert_eq!(visitor.ask("/api/orders", &[]).status, 403);

    let answer = visitor.ask("/login", &["--data", "user=ada&password=%61da"]);
    let cookie = answer.field("Set-Cookie").unwrap();
    assert!(cookie.starts_with("__Host-session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=43200"), "{cookie}");
    assert_eq!(visitor.ask("/api/me", &[]).json(), json!({ "user": "ada", "staff": false }));
    let page = visitor.ask("/", &[]);
    assert_eq!((page.status, page.content.contains("Order board of")), (200, true));
    // A page of another site has the cookie of no request, and its form is rejected by its origin.
    assert_eq!(visitor.ask("/logout", &["--data", "", "--header", "Origin: https://other.example"]).status, 403);
    assert_eq!(visitor.ask("/api/me", &[]).status, 200);
}

#[test]
fn customers_see_their_orders_and_the_staff_sees_all() {
    let board = Board::new("orders");
    let [ada, ben, kim] = ["ada", "ben", "kim"].map(|user| board.login(user));
    let [mut of_ada, mut of_ben, mut of_all] =
        [ada.follow("orders-ada"), ben.follow("orders-ben"), kim.follow("orders")];

    let soup = ada.post("/api/orders", &json!({ "dish": "soup" }));
    let expected = json!({ "id": 1, "user": "ada", "dish": "soup", "state": "ordered", "revision": 1 });
    assert_eq!((soup.status, soup.json()), (201, expected.clone()));
    assert_eq!([of_ada.order(), of_all.order()], [expected.clone(), expected]);
    ben.post("/api/orders", &json!({ "dish": "cake" }));
    assert_eq!(of_ben.order()["dish"], "cake", "the order of another customer is not an event here");
    assert_eq!(of_all.order()["dish"], "cake");

    assert_eq!(ada.post("/api/orders/1", &json!({ "state": "ready" })).status, 403);
    assert_eq!(kim.post("/api/orders/1", &json!({ "state": "ready" })).status, 200);
    for stream in [&mut of_ada, &mut of_all] {
        let order = stream.order();
        assert_eq!((&order["state"], &order["revision"]), (&json!("ready"), &json!(2)));
    }
    assert_eq!(kim.post("/api/orders/1", &json!({ "state": "eaten" })).status, 422);
    assert_eq!(kim.post("/api/orders/3", &json!({ "state": "ready" })).status, 404);
    assert_eq!(ada.ask("/api/orders", &["--data", "dish=soup"]).status, 415);
    assert_eq!(ada.post("/api/orders", &json!({ "dish": "x".repeat(1024) })).status, 413);

    let dishes = |client: &Client<'_>| {
        let orders = client.ask("/api/orders", &[]).json();
        orders.as_array().unwrap().iter().map(|order| order["dish"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(dishes(&ada), ["soup"]);
    assert_eq!(dishes(&kim), ["cake", "soup"]);
    for channel in ["orders-ben", "orders", "other"] {
        assert_eq!(ada.ask(&format!("/events/{channel}"), &[]).status, 403, "{channel}");
        assert_eq!(board.client("visitor").ask(&format!("/events/{channel}"), &[]).status, 401, "{channel}");
    }
}

#[test]
fn a_cookie_publishes_on_no_transport() {
    let board = Board::new("forgery");
    let [ada, kim] = ["ada", "kim"].map(|user| board.login(user));
    let forged = "{\"id\":7,\"user\":\"ada\",\"dish\":\"forged\",\"state\":\"ready\",\"revision\":9}";
    for (client, channel) in [(&ada, "orders-ada"), (&ada, "news"), (&kim, "orders"), (&kim, "orders-ada")] {
        let target = format!("/events/{channel}");
        assert_eq!(client.ask(&target, &["--data", forged]).status, 403, "{channel}");

        let mut plain = websocket(&board.server, &target, "", &[&client.cookie()]).unwrap();
        plain.send(Message::text(forged)).unwrap();
        let close = loop {
            match plain.read().unwrap() {
                Message::Close(close) => break close.expect("a close code"),
                message => assert!(!message.is_text(), "{message}"),
            }
        };
        assert_eq!(u16::from(close.code), 1008, "{channel}: {}", close.reason);

        if !has_subprotocol() {
            continue;
        }
        let mut framed = websocket(&board.server, &target, "goldcrest.v1", &[&client.cookie()]).unwrap();
        framed.send(Message::text(json!({ "data": forged, "ref": 1 }).to_string())).unwrap();
        let reply = loop {
            if let Message::Text(text) = framed.read().unwrap() {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["ref"] == 1 {
                    break message;
                }
            }
        };
        assert_eq!(reply, json!({ "ref": 1, "error": "publishing to this channel is not permitted" }), "{channel}");
    }
    let refused = websocket(&board.server, "/events/orders", "", &[&ada.cookie()]).unwrap_err();
    assert_eq!(refused.status().as_u16(), 403);

    // The token publishes news, and no order.
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let mut news = ada.follow("news");
    let program = board.client("program");
    assert_eq!(program.ask("/events/orders", &["--header", &bearer, "--data", forged]).status, 403);
    assert_eq!(
        program.ask("/events/news", &["--header", "Authorization: Bearer open-sesami", "--data", "x"]).status,
        401
    );
    assert_eq!(program.ask("/events/news", &["--header", &bearer, "--data", "closed today"]).status, 201);
    assert_eq!(news.line("data: "), "closed today", "no forged event came before");

    ada.post("/api/orders", &json!({ "dish": "soup" }));
    for channel in ["orders", "orders-ada"] {
        assert_eq!(kim.follow(channel).order()["dish"], "soup", "no forged event came before");
    }
}

#[test]
fn a_logout_ends_the_streams_of_its_session_only() {
    let board = Board::new("logout");
    let kim = board.login("kim");
    let elsewhere = Client { board: &board, jar: board.folder.join("elsewhere.cookies") };
    assert_eq!(elsewhere.ask("/login", &["--data", "user=kim&password=kim"]).status, 303);
    let (mut here, mut there) = (kim.follow("orders"), elsewhere.follow("orders"));
    let cookie = kim.cookie();
    let answer = kim.ask("/logout", &["--data", ""]);
    assert_eq!((answer.status, answer.field("Location")), (303, Some("/login")));
    assert!(answer.field("Set-Cookie").unwrap().ends_with("; Max-Age=0"));
    assert_eq!(here.line("event: "), "grant-end");
    assert_eq!(here.line("data: "), "{\"reason\":\"withdrawn\"}");
    assert!(here.curl.wait().unwrap().success(), "the stream ends in order");
    let visitor = board.client("visitor");
    assert_eq!(visitor.ask("/events/orders", &["--header", &cookie]).status, 401, "the cookie is void");
    board.login("ada").post("/api/orders", &json!({ "dish": "soup" }));
    assert_eq!(there.order()["dish"], "soup");
}

#[test]
fn a_shutdown_ends_streams_in_order() {
    let board = Board::new("shutdown");
    let mut stream = board.login("kim").follow("orders");
    board.server.terminate();
    assert!(board.server.wait().success());
    assert!(stream.lines.by_ref().all(|line| line.is_ok()));
    assert!(stream.curl.wait().unwrap().success(), "the content is complete");
}

#[test]
fn sessions_and_orders_outlive_the_server() {
    let board = Board::new("restart");
    board.login("ada").post("/api/orders", &json!({ "dish": "soup" }));
    let board = board.restarted();
    let ada = board.client("ada");
    assert_eq!(ada.ask("/api/orders", &[]).json()[0]["dish"], "soup");
    let digests = fs::read(board.folder.join("board.db")).unwrap();
    let secret = ada.cookie().rsplit('=').next().unwrap().to_owned();
    let is_stored = digests.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
    assert!(!is_stored, "the database has a digest of the cookie only");
}
