//! The rights on channels.
//!
//! | channel | a customer's cookie | a cookie of the staff | the token |
//! | --- | --- | --- | --- |
//! | `orders-NAME` of the customer | reads | reads | – |
//! | `orders`, `orders-NAME` of others | – | reads | – |
//! | `news` | reads | reads | publishes |
//!
//! No cookie publishes, on no transport: an order comes only through the API, which stores it first. So a WebSocket that was opened
//! with a cookie cannot forge one.

use std::time::Duration;

use goldcrest_host::core::http::constant_time_eq;
use goldcrest_host::{Authorized, Authorizer, ChannelIntent, Exchange, IdentityGrant, Rights, Runtime};

use super::store::Session;
use super::{Board, failed};

impl Authorizer for Board {
    type Grant = IdentityGrant;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, IdentityGrant> {
        let (hub, channel) = (self.hub.hub(), intent.channel.as_str());
        if exchange.request().bearer().is_some_and(|token| constant_time_eq(token, &self.shared.token)) {
            let rights = if channel == "news" { Rights::PUBLISH } else { Rights::NONE };
            return Ok((exchange, hub.grant("token", rights)));
        }
        let session = match self.session(&exchange).await {
            Ok(Some(session)) => session,
            Ok(None) => return Err(exchange.unauthorized("Bearer realm=\"order board\"").await),
            Err(error) => return Err(failed(exchange, &error).await),
        };
        let rights = if session.reads(channel) { Rights::READ } else { Rights::NONE };
        let end = exchange.now() + Duration::from_secs(session.seconds_left.into());
        Ok((exchange, hub.grant(&session.identity(), rights).until(end)))
    }
}

impl Session {
    fn reads(&self, channel: &str) -> bool {
        let is_own = channel.strip_prefix("orders-") == Some(&self.user);
        channel == "news" || is_own || (self.staff && (channel == "orders" || channel.starts_with("orders-")))
    }

    /// The name by which the live responses of this session are withdrawn.
    pub(crate) fn identity(&self) -> String {
        format!("{}#{}", self.user, self.id)
    }
}
