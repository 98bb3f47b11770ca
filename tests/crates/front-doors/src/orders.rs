//! The orders as JSON, and their events.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::store::{Order, Session};
use super::{App, Failed, MaybeSession};

#[derive(Deserialize)]
pub(crate) struct NewOrder {
    dish: String,
}

#[derive(Deserialize)]
pub(crate) struct Change {
    state: String,
}

/// A session, without which the request is rejected.
pub(crate) struct LoggedIn(Session);

impl FromRequestParts<App> for LoggedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let MaybeSession(session) =
            MaybeSession::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        session.map(Self).ok_or_else(|| (StatusCode::FORBIDDEN, "log in first\n").into_response())
    }
}

pub(crate) async fn me(LoggedIn(session): LoggedIn) -> Json<Value> {
    Json(json!({ "user": session.user, "staff": session.staff }))
}

pub(crate) async fn list(State(app): State<App>, LoggedIn(session): LoggedIn) -> Result<Json<Vec<Order>>, Failed> {
    Ok(Json(app.store.orders((!session.staff).then_some(session.user)).await?))
}

pub(crate) async fn order(
    State(app): State<App>,
    LoggedIn(session): LoggedIn,
    Json(NewOrder { dish }): Json<NewOrder>,
) -> Result<Response, Failed> {
    let order = app.store.add_order(session.user, dish).await?;
    Ok(announce(&app, StatusCode::CREATED, order))
}

pub(crate) async fn change(
    State(app): State<App>,
    LoggedIn(session): LoggedIn,
    Path(id): Path<i64>,
    Json(Change { state }): Json<Change>,
) -> Result<Response, Failed> {
    if !session.staff {
        return Ok((StatusCode::FORBIDDEN, "only the staff may\n").into_response());
    }
    if !["ordered", "cooking", "ready"].contains(&state.as_str()) {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, "expected ordered, cooking or ready\n").into_response());
    }
    Ok(match app.store.set_state(id, state).await? {
        Some(order) => announce(&app, StatusCode::OK, order),
        None => StatusCode::NOT_FOUND.into_response(),
    })
}

/// Publishes a stored order for its customer and for the staff, and answers with it.
fn announce(app: &App, status: StatusCode, order: Order) -> Response {
    let event = json!(order).to_string();
    let publish = |channel: &str| app.channels.publish(channel, &event);
    if publish("orders").and_then(|_| publish(&format!("orders-{}", order.user))).is_none() {
        eprintln!("order {} is not announced: too many channels", order.id);
    }
    (status, Json(order)).into_response()
}
