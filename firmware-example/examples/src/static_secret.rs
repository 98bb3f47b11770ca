//! A static secret: every client reads, and publishing needs the secret of the device.
//!
//! ```text
//! curl http://sensor.local/events/orders                                      # 200
//! curl -d open http://sensor.local/events/orders                              # 401
//! curl -d open -u device:SECRET http://sensor.local/events/orders             # 201
//! curl -d open -H 'Authorization: Bearer SECRET' http://sensor.local/events/orders
//! ```
//! A WebSocket without the secret reads, and its publications are refused: a browser cannot add a field to its handshake, and a page
//! of another origin cannot forge an event. The secret crosses the network as it is, so use it only where the network is trusted.

use goldcrest_core::http::constant_time_eq;
use goldcrest_core::hub_http::{Authorized, Authorizer, ChannelIntent, Rights};
use goldcrest_core::server::{Exchange, Runtime};

/// Grants publishing to the clients that know `secret`, and reading to all.
#[derive(Clone, Copy)]
pub(crate) struct StaticSecret {
    /// The user of `Authorization: Basic`, which browsers and `curl -u` send.
    pub(crate) user: &'static str,
    /// The password of Basic, and the token of `Authorization: Bearer`. Drawn once for each device, and printed on its label.
    pub(crate) secret: &'static str,
}

impl Authorizer for StaticSecret {
    type Grant = Rights;

    async fn authorize<'x, 'l, R: Runtime>(
        &self,
        exchange: Exchange<'x, 'l, R>,
        intent: &ChannelIntent<'_>,
    ) -> Authorized<'x, 'l, R, Rights> {
        if self.permits(&exchange) {
            Ok((exchange, Rights::ALL))
        } else if intent.wanted == Rights::PUBLISH {
            Err(exchange.unauthorized("Basic realm=\"device\", charset=\"UTF-8\"").await)
        } else {
            Ok((exchange, Rights::READ))
        }
    }
}

impl StaticSecret {
    /// Whether the request has the secret. Both comparisons take the same time for every wrong secret.
    pub(crate) fn permits<R: Runtime>(&self, exchange: &Exchange<'_, '_, R>) -> bool {
        let request = exchange.request();
        request.bearer().is_some_and(|token| constant_time_eq(token, self.secret))
            || request.basic().is_some_and(|basic| basic.matches(self.user, self.secret))
    }
}
