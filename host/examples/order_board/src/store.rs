//! SQLite: users, sessions and orders.
//!
//! A query blocks, so it runs by [`unblock`] on another thread than those of the server.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use blake2::{Blake2s256, Digest};
use goldcrest_host::unblock;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

pub(crate) use rusqlite::Error;

/// The database. A clone is the same.
#[derive(Clone)]
pub(crate) struct Store(Arc<Mutex<Connection>>);

/// A session of a user.
pub(crate) struct Session {
    pub(crate) id: i64,
    pub(crate) user: String,
    pub(crate) staff: bool,
    /// Seconds until it ends.
    pub(crate) seconds_left: u32,
}

/// An order, as clients receive it.
#[derive(Serialize)]
pub(crate) struct Order {
    pub(crate) id: i64,
    pub(crate) user: String,
    dish: String,
    state: String,
    /// Grows with each change: a client keeps the highest.
    revision: i64,
}

/// Seconds that a session lasts.
pub(crate) const SESSION: i64 = 12 * 60 * 60;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, hash TEXT NOT NULL, staff INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS sessions (
        id INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL, user TEXT NOT NULL REFERENCES users, end INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS orders (
        id INTEGER PRIMARY KEY, user TEXT NOT NULL REFERENCES users, dish TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'ordered', revision INTEGER NOT NULL DEFAULT 1);";

impl Store {
    pub(crate) fn open(path: &str) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs `work` where it may block.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let Self(connection) = self.clone();
        unblock(move || work(&connection.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    /// Adds a user, or replaces the hash of the password and the role.
    pub(crate) async fn add_user(&self, name: String, hash: String, staff: bool) -> Result<(), Error> {
        let insert = "INSERT INTO users VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET hash = ?2, staff = ?3";
        self.run(move |connection| connection.execute(insert, params![name, hash, staff]).map(drop)).await
    }

    /// The hash of a user's password.
    pub(crate) async fn hash_of(&self, user: String) -> Result<Option<String>, Error> {
        let query = "SELECT hash FROM users WHERE name = ?1";
        self.run(move |connection| connection.query_row(query, [user], |row| row.get(0)).optional()).await
    }

    /// Stores a new session, of which the database has only a digest.
    pub(crate) async fn add_session(&self, user: String, secret: &str) -> Result<(), Error> {
        let digest = digest(secret);
        self.run(move |connection| {
            connection.execute("DELETE FROM sessions WHERE end <= ?1", [now()])?;
            let insert = "INSERT INTO sessions (digest, user, end) VALUES (?1, ?2, ?3)";
            connection.execute(insert, params![digest, user, now() + SESSION]).map(drop)
        })
        .await
    }

    /// The session with this secret, if it has not ended.
    pub(crate) async fn session(&self, secret: &str) -> Result<Option<Session>, Error> {
        let digest = digest(secret);
        let query = "SELECT sessions.id, user, staff, end - ?2 FROM sessions JOIN users ON name = user
                     WHERE digest = ?1 AND end > ?2";
        self.run(move |connection| {
            let session = connection.query_row(query, params![digest, now()], |row| {
                Ok(Session { id: row.get(0)?, user: row.get(1)?, staff: row.get(2)?, seconds_left: row.get(3)? })
            });
            session.optional()
        })
        .await
    }

    pub(crate) async fn remove_session(&self, id: i64) -> Result<(), Error> {
        self.run(move |connection| connection.execute("DELETE FROM sessions WHERE id = ?1", [id]).map(drop)).await
    }

    /// The newest orders: those of `user`, or of all.
    pub(crate) async fn orders(&self, user: Option<String>) -> Result<Vec<Order>, Error> {
        let query = "SELECT * FROM orders WHERE ?1 IS NULL OR user = ?1 ORDER BY id DESC LIMIT 100";
        self.run(move |connection| connection.prepare(query)?.query_map([user], order)?.collect()).await
    }

    pub(crate) async fn add_order(&self, user: String, dish: String) -> Result<Order, Error> {
        let insert = "INSERT INTO orders (user, dish) VALUES (?1, ?2) RETURNING *";
        self.run(move |connection| connection.query_row(insert, [user, dish], order)).await
    }

    /// Changes the state of an order; `None` where there is no such order.
    pub(crate) async fn set_state(&self, id: i64, state: String) -> Result<Option<Order>, Error> {
        let update = "UPDATE orders SET state = ?2, revision = revision + 1 WHERE id = ?1 RETURNING *";
        self.run(move |connection| connection.query_row(update, params![id, state], order).optional()).await
    }
}

fn order(row: &Row<'_>) -> Result<Order, Error> {
    Ok(Order { id: row.get(0)?, user: row.get(1)?, dish: row.get(2)?, state: row.get(3)?, revision: row.get(4)? })
}

fn digest(secret: &str) -> Vec<u8> {
    Blake2s256::digest(secret).to_vec()
}

/// Seconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
