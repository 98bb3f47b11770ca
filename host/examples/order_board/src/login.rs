//! Login and logout, and the session of a request.

use std::io;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use goldcrest_host::core::http::Query;
use goldcrest_host::{Exchange, HandlerResult, Response, Runtime, Status, unblock};

use super::store::{self, SESSION, Session};
use super::{Board, failed};

/// The cookie. By its prefix a browser accepts it only from this host, over TLS or from `localhost`.
const COOKIE: &str = "__Host-session";

/// The longest form of a login, in bytes.
const FORM: usize = 1024;

impl Board {
    /// The session of the request's cookie.
    pub(crate) async fn session<R: Runtime>(
        &self,
        exchange: &Exchange<'_, '_, R>,
    ) -> Result<Option<Session>, store::Error> {
        match exchange.request().cookie(COOKIE) {
            Some(secret) => self.shared.store.session(secret).await,
            None => Ok(None),
        }
    }

    /// A form with `user` and `password`.
    pub(crate) async fn login<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let mut form = [0; FORM];
        let length = match exchange.read_whole(&mut form).await {
            Ok(length) => length,
            Err(error) => return exchange.respond_body_error(error).await,
        };
        let form = String::from_utf8_lossy(&form[..length]);
        let field = |name| {
            let bytes = Query::new(&form).param(name).map(|value| value.bytes().collect());
            String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
        };
        match self.open_session(field("user"), field("password")).await {
            Ok(Some(secret)) => {
                let cookie = format!("{COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={SESSION}");
                let headers = &[("Location", "/"), ("Set-Cookie", &cookie)];
                exchange.respond(&Response::empty(Status::SEE_OTHER).with_headers(headers)).await
            }
            Ok(None) => exchange.respond_error(Status::FORBIDDEN, "the user or the password is wrong\n").await,
            Err(error) => failed(exchange, &error).await,
        }
    }

    /// The secret of a new session; `None` where the user or the password is wrong.
    async fn open_session(&self, user: String, password: String) -> Result<Option<String>, store::Error> {
        let _turn = self.shared.logins.acquire().await;
        let hash = self.shared.store.hash_of(user.clone()).await?;
        if !unblock(move || verify(hash.as_deref(), &password)).await {
            return Ok(None);
        }
        let Ok(random) = getrandom::u64().and_then(|high| Ok((high, getrandom::u64()?))) else { return Ok(None) };
        let secret = format!("{:016x}{:016x}", random.0, random.1);
        self.shared.store.add_session(user, &secret).await?;
        Ok(Some(secret))
    }

    /// Ends the session, and the live responses that it opened.
    pub(crate) async fn logout<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match self.session(&exchange).await {
            Ok(Some(session)) => {
                if let Err(error) = self.shared.store.remove_session(session.id).await {
                    return failed(exchange, &error).await;
                }
                self.hub.hub().withdraw(&session.identity());
            }
            Ok(None) => {}
            Err(error) => return failed(exchange, &error).await,
        }
        let cookie = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
        let headers = &[("Location", "/login"), ("Set-Cookie", &cookie)];
        exchange.respond(&Response::empty(Status::SEE_OTHER).with_headers(headers)).await
    }
}

/// Checks a password. It takes as long without such a user, so the time does not reveal the users.
fn verify(stored: Option<&str>, password: &str) -> bool {
    let Some(stored) = stored.and_then(|stored| PasswordHash::new(stored).ok()) else {
        let _ = hash(password);
        return false;
    };
    Argon2::default().verify_password(password.as_bytes(), &stored).is_ok()
}

/// The hash of a password, with its salt and parameters.
pub(crate) fn hash(password: &str) -> io::Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash: PasswordHash| hash.to_string()).map_err(|error| io::Error::other(error.to_string()))
}
