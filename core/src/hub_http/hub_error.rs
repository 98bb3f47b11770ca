//! Requests that end without an event: variant, status and text in one table.

use super::negotiate::NegotiationError;
use crate::connection::Disconnect;
use crate::format::Transport;
use crate::http::Status;
use crate::hub::{ChannelNameError, PublishError};
use crate::log::{AppendError, EventTypeError};
use crate::server::{BodyError, HandlerResult, RejectionReason, Resource};

/// The outcome of a request that was not answered with events.
pub(super) enum HubError {
    /// The authorizer has answered.
    Answered(HandlerResult),
    Disconnected(Disconnect),
    /// The path is not one of a channel.
    Path,
    Method,
    /// A bounded resource is in use.
    Overloaded(Transport, Resource),
    Body(BodyError),
    Request(HubRequestError),
}

impl From<Disconnect> for HubError {
    fn from(disconnect: Disconnect) -> Self {
        Self::Disconnected(disconnect)
    }
}

impl From<NegotiationError> for HubError {
    fn from(error: NegotiationError) -> Self {
        Self::Request(match error {
            NegotiationError::Transport => HubRequestError::Transport,
        })
    }
}

impl From<HubRequestError> for HubError {
    fn from(error: HubRequestError) -> Self {
        let resource = match error {
            HubRequestError::Publish(PublishError::ShuttingDown) => Resource::ShuttingDown,
            HubRequestError::Publish(PublishError::TooManyChannels) => Resource::Channels,
            HubRequestError::Publish(PublishError::OutOfMemory) => Resource::EventBuffers,
            error => return Self::Request(error),
        };
        Self::Overloaded(Transport::Publish, resource)
    }
}

impl From<PublishError> for HubError {
    fn from(error: PublishError) -> Self {
        HubRequestError::Publish(error).into()
    }
}

/// A rule of the hub that a request breaks.
pub(super) enum HubRequestError {
    /// The hub permits no such name of a channel.
    ChannelName(ChannelNameError),
    /// `?transport=` has another value.
    Transport,
    NoSuchChannel,
    /// The request has not the right to read.
    ReadForbidden,
    /// The content has neither a length nor chunks.
    Length,
    /// The content is compressed, or coded otherwise.
    ContentCoding,
    EventTypeUtf8,
    EventType(EventTypeError),
    IdempotencyKey,
    Publish(PublishError),
}

impl HubRequestError {
    /// The status and the text of the response.
    pub(super) fn response(&self) -> (Status, &'static str) {
        match self {
            Self::ChannelName(ChannelNameError(policy)) => (Status::BAD_REQUEST, policy.text()),
            Self::Transport => (Status::BAD_REQUEST, "transport is one of poll, longpoll, stream, sse, websocket"),
            Self::NoSuchChannel => (Status::NOT_FOUND, "there is no such channel"),
            Self::ReadForbidden => (Status::FORBIDDEN, "reading this channel is not permitted"),
            Self::Length => (Status::LENGTH_REQUIRED, "an event has a Content-Length"),
            Self::ContentCoding => (Status::UNSUPPORTED_MEDIA_TYPE, "send an event without Content-Encoding"),
            Self::EventTypeUtf8 => (Status::BAD_REQUEST, "an event type is UTF-8"),
            Self::EventType(error) => (Status::BAD_REQUEST, event_type_rule(*error)),
            Self::IdempotencyKey => (Status::BAD_REQUEST, IDEMPOTENCY_KEY_RULE),
            Self::Publish(error) => (publish_status(*error), error.reason()),
        }
    }

    /// The reason that the runtime's log sees.
    pub(super) fn rejection_reason(&self) -> RejectionReason {
        match self {
            Self::Publish(PublishError::Append(AppendError::TooLarge)) => RejectionReason::EventTooLarge,
            _ => RejectionReason::Other,
        }
    }
}

fn publish_status(error: PublishError) -> Status {
    match error {
        PublishError::Forbidden => Status::FORBIDDEN,
        PublishError::NoSuchChannel => Status::NOT_FOUND,
        PublishError::TooManyChannels | PublishError::OutOfMemory | PublishError::ShuttingDown => {
            Status::SERVICE_UNAVAILABLE
        }
        PublishError::KeyReused => Status::UNPROCESSABLE_CONTENT,
        PublishError::Append(AppendError::TooLarge) => Status::CONTENT_TOO_LARGE,
        PublishError::InvalidName(_) | PublishError::Append(AppendError::NotUtf8) => Status::BAD_REQUEST,
        PublishError::Append(AppendError::Exhausted) => Status::INTERNAL_SERVER_ERROR,
    }
}

/// The rule of [`MAX_IDEMPOTENCY_KEY`](crate::log::MAX_IDEMPOTENCY_KEY), for clients.
pub(super) const IDEMPOTENCY_KEY_RULE: &str = "an idempotency key has 1 to 128 bytes";

/// The rule that an event type breaks, for clients.
pub(super) fn event_type_rule(error: EventTypeError) -> &'static str {
    match error {
        EventTypeError::TooLong => "an event type has at most 64 bytes",
        EventTypeError::Reserved => "the event types gap, grant-end, open and error are reserved",
        EventTypeError::Character => "an event type has no semicolon and no control character",
    }
}
