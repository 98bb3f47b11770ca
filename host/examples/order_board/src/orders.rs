//! The orders as JSON, and their events.
//!
//! | request | who | result |
//! | --- | --- | --- |
//! | `GET /api/me` | all | the name and the role |
//! | `GET /api/orders` | all | the own orders; all orders for the staff |
//! | `POST /api/orders` | all | 201, and the order as an event |
//! | `POST /api/orders/ID` | staff | the changed order, also as an event |

use goldcrest_host::core::hub::PublishError;
use goldcrest_host::{EventType, Exchange, HandlerResult, JsonExchange, Method, Runtime, Status};
use serde::Deserialize;
use serde_json::json;

use super::store::{Order, Session};
use super::{Board, failed};

#[derive(Deserialize)]
struct NewOrder {
    dish: String,
}

#[derive(Deserialize)]
struct Change {
    state: String,
}

/// The longest content of a request, in bytes.
const LONGEST: u64 = 1024;

impl Board {
    pub(crate) async fn api<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
        let session = match self.session(&exchange).await {
            Ok(Some(session)) => session,
            Ok(None) => return exchange.respond_error(Status::FORBIDDEN, "log in first\n").await,
            Err(error) => return failed(exchange, &error).await,
        };
        if let Err(error) = exchange.limit_content(LONGEST) {
            return exchange.respond_body_error(error).await;
        }
        let request = exchange.request();
        let changed = request.path().strip_prefix("/api/orders/").and_then(|id| id.parse().ok());
        match (request.path(), request.method(), changed) {
            ("/api/me", Method::Get, _) => {
                exchange.respond_json(Status::OK, &json!({ "user": session.user, "staff": session.staff })).await
            }
            ("/api/orders", Method::Get, _) => self.list(exchange, session).await,
            ("/api/orders", Method::Post, _) => self.order(exchange, session).await,
            (_, Method::Post, Some(id)) if session.staff => self.change(exchange, id).await,
            (_, Method::Post, Some(_)) => exchange.respond_error(Status::FORBIDDEN, "only the staff may\n").await,
            _ => exchange.not_found().await,
        }
    }

    async fn list<R: Runtime>(&self, exchange: Exchange<'_, '_, R>, session: Session) -> HandlerResult {
        match self.shared.store.orders((!session.staff).then_some(session.user)).await {
            Ok(orders) => exchange.respond_json(Status::OK, &orders).await,
            Err(error) => failed(exchange, &error).await,
        }
    }

    async fn order<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>, session: Session) -> HandlerResult {
        let NewOrder { dish } = match exchange.json().await {
            Ok(order) => order,
            Err(error) => return error.respond(exchange).await,
        };
        match self.shared.store.add_order(session.user, dish).await {
            Ok(order) => self.announce(exchange, Status::CREATED, &order).await,
            Err(error) => failed(exchange, &error).await,
        }
    }

    async fn change<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>, id: i64) -> HandlerResult {
        let Change { state } = match exchange.json().await {
            Ok(change) => change,
            Err(error) => return error.respond(exchange).await,
        };
        if !["ordered", "cooking", "ready"].contains(&state.as_str()) {
            return exchange.respond_error(Status::UNPROCESSABLE_CONTENT, "expected ordered, cooking or ready\n").await;
        }
        match self.shared.store.set_state(id, state).await {
            Ok(Some(order)) => self.announce(exchange, Status::OK, &order).await,
            Ok(None) => exchange.not_found().await,
            Err(error) => failed(exchange, &error).await,
        }
    }

    /// Publishes a stored order for its customer and for the staff, and answers with it.
    async fn announce<R: Runtime>(
        &self,
        exchange: Exchange<'_, '_, R>,
        status: Status,
        order: &Order,
    ) -> HandlerResult {
        let event = json!(order).to_string();
        let publish = |channel: &str| self.hub.hub().publish(channel, EventType::MESSAGE, &event);
        let published = publish("orders").and_then(|_| publish(&format!("orders-{}", order.user)));
        // The order is stored: a page that misses the event reads it with the list.
        if let Err(error) = published
            && error != PublishError::ShuttingDown
        {
            eprintln!("order {} is not announced: {error}", order.id);
        }
        exchange.respond_json(status, order).await
    }
}
