//! Login and logout.

use std::io;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::store::{self, SESSION};
use super::{App, Failed, MaybeSession, unblock};

const COOKIE: &str = "__Host-session";

#[derive(Deserialize)]
pub(crate) struct Login {
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: String,
}

/// The secret in the session's cookie.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let mut pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

pub(crate) async fn login(
    State(app): State<App>,
    Form(Login { user, password }): Form<Login>,
) -> Result<Response, Failed> {
    Ok(match open_session(&app, user, password).await? {
        Some(secret) => {
            let cookie = format!("{COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={SESSION}");
            ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
        }
        None => (StatusCode::FORBIDDEN, "the user or the password is wrong\n").into_response(),
    })
}

async fn open_session(app: &App, user: String, password: String) -> Result<Option<String>, store::Error> {
    let _turn = app.logins.acquire().await;
    let hash = app.store.hash_of(user.clone()).await?;
    if !unblock(move || verify(hash.as_deref(), &password)).await {
        return Ok(None);
    }
    let Ok(random) = getrandom::u64().and_then(|high| Ok((high, getrandom::u64()?))) else { return Ok(None) };
    let secret = format!("{:016x}{:016x}", random.0, random.1);
    app.store.add_session(user, &secret).await?;
    Ok(Some(secret))
}

pub(crate) async fn logout(
    State(app): State<App>,
    MaybeSession(session): MaybeSession,
) -> Result<impl IntoResponse, Failed> {
    if let Some(session) = session {
        app.store.remove_session(session.id).await?;
        app.channels.withdraw(session.identity());
    }
    let cookie = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/login")))
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
