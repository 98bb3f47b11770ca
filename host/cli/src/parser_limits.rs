//! Limits of the event stream parser.

use goldcrest_core::sse::parse::ParserLimits;

/// Longer than goldcrest's own ids and types: other servers choose theirs freely.
pub(crate) const PARSER_LIMITS: ParserLimits = ParserLimits { id: 1024, event_type: 256 };
