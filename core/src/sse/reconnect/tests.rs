use super::*;
use proptest::prelude::*;

const EXACT: ReconnectPolicy = ReconnectPolicy { jitter_percent: 0, ..ReconnectPolicy::DEFAULT };
const EVENT_STREAM: Option<&[u8]> = Some(b"text/event-stream");

fn after(reconnect: &Reconnect<8>) -> u64 {
    match reconnect.next_delay(0) {
        ReconnectDecision::After(delay) => millis(delay),
        ReconnectDecision::Stop => panic!("stopped"),
    }
}

#[test]
fn a_stream_that_ends_is_resumed_after_three_seconds() {
    let mut reconnect = Reconnect::new(EXACT);
    reconnect.on_response(200, EVENT_STREAM).unwrap();
    reconnect.on_end();
    assert_eq!(after(&reconnect), 3_000);
}

#[test]
fn the_server_sets_the_reconnection_time_within_bounds() {
    let mut reconnect = Reconnect::new(EXACT);
    for (said, waited) in [(1_000, 1_000), (0, 500), (499, 500), (60_000, 60_000), (u64::MAX, 60_000)] {
        reconnect.on_retry_field(Duration::from_millis(said));
        assert_eq!(after(&reconnect), waited);
        assert_eq!(reconnect.reconnection_time(), Duration::from_millis(said));
    }
}

#[test]
fn retry_after_is_a_minimum_within_the_same_bounds() {
    let mut reconnect = Reconnect::<8>::new(EXACT);
    let delay = |reconnect: &Reconnect<8>, said, random| match reconnect.next_delay_after(random, said) {
        ReconnectDecision::After(delay) => millis(delay),
        ReconnectDecision::Stop => panic!("stopped"),
    };
    for (said, waited) in
        [(None, 3_000), (Some(0), 3_000), (Some(9), 9_000), (Some(61), 60_000), (Some(u32::MAX), 60_000)]
    {
        assert_eq!(delay(&reconnect, said, 0), waited, "{said:?}");
    }
    for _ in 0..4 {
        reconnect.on_network_error();
    }
    assert_eq!(delay(&reconnect, Some(9), 0), 24_000, "its own patience may be longer");
    // Jitter spreads the clients here too.
    let spread = Reconnect::<8>::new(ReconnectPolicy::DEFAULT);
    assert_eq!((delay(&spread, Some(30), 0), delay(&spread, Some(30), u32::MAX)), (30_000, 45_000));
}

#[test]
fn failures_in_a_row_double_the_delay_up_to_the_longest() {
    let mut reconnect = Reconnect::new(EXACT);
    for waited in [3_000, 6_000, 12_000, 24_000, 48_000, 60_000, 60_000] {
        reconnect.on_network_error();
        assert_eq!(after(&reconnect), waited);
    }
    reconnect.failures = u32::MAX - 1;
    for _ in 0..3 {
        reconnect.on_network_error();
        assert_eq!(after(&reconnect), 60_000);
    }
}

#[test]
fn an_open_stream_resets_the_count_of_failures() {
    let mut reconnect = Reconnect::new(ReconnectPolicy { attempts: Some(3), ..EXACT });
    for _ in 0..4 {
        reconnect.on_network_error();
        reconnect.on_network_error();
        assert_eq!(after(&reconnect), 6_000);
        reconnect.on_response(200, EVENT_STREAM).unwrap();
        assert_eq!(after(&reconnect), 3_000);
    }
}

#[test]
fn attempts_are_limited() {
    let mut reconnect = Reconnect::<8>::new(ReconnectPolicy { attempts: Some(2), ..EXACT });
    reconnect.on_network_error();
    assert_ne!(reconnect.next_delay(0), ReconnectDecision::Stop);
    reconnect.on_network_error();
    assert_eq!(reconnect.next_delay(0), ReconnectDecision::Stop);
}

#[test]
fn a_response_without_an_event_stream_is_final() {
    let html: Option<&[u8]> = Some(b"text/html");
    for (status, content_type, refusal) in [
        (204, None, ReconnectError::NoContent),
        (204, EVENT_STREAM, ReconnectError::NoContent),
        (200, html, ReconnectError::ContentType),
        (200, None, ReconnectError::ContentType),
        (201, EVENT_STREAM, ReconnectError::Status(201)),
        (301, None, ReconnectError::Status(301)),
        (401, None, ReconnectError::Status(401)),
        (503, EVENT_STREAM, ReconnectError::Status(503)),
    ] {
        let mut reconnect = Reconnect::<8>::new(EXACT);
        assert_eq!(reconnect.on_response(status, content_type), Err(refusal));
        reconnect.on_end();
        reconnect.on_open();
        assert_eq!(reconnect.next_delay(7), ReconnectDecision::Stop, "{refusal:?}");
    }
}

#[test]
fn a_closed_source_stays_closed() {
    let mut reconnect = Reconnect::<8>::new(EXACT);
    reconnect.close();
    assert_eq!(reconnect.next_delay(0), ReconnectDecision::Stop);
}

#[test]
fn crossed_bounds_do_not_panic() {
    let crossed = ReconnectPolicy { shortest: Duration::MAX, longest: Duration::from_secs(1), ..EXACT };
    assert_eq!(after(&Reconnect::new(crossed)), 1_000);
}

#[test]
fn an_id_is_stored_completely_or_not_at_all() {
    let mut id = LastEventId::<4>::new();
    assert_eq!(id.header_value(), None);
    id.set("7f-3").unwrap();
    assert_eq!(id.set("7f-10"), Err(LastEventIdError::TooLong));
    assert_eq!(id.header_value(), Some(&b"7f-3"[..]));
    id.set("").unwrap();
    assert_eq!((id.as_str(), id.header_value()), ("", None));
}

#[test]
fn an_id_cannot_inject_into_a_request() {
    let mut id = LastEventId::<32>::new();
    for (forged, error) in [
        ("1\r\nHost: x", FieldError::LineEnd { at: 1 }),
        ("1\nx", FieldError::LineEnd { at: 1 }),
        ("\0", FieldError::Null { at: 0 }),
    ] {
        assert_eq!(id.set(forged), Err(LastEventIdError::Field(error)));
    }
    assert_eq!(id.header_value(), None);
}

proptest! {
    #[test]
    fn jitter_lengthens_a_delay_up_to_its_percentage(random: u32, retry in 500u64..60_000, jitter_percent: u8) {
        let mut reconnect = Reconnect::<8>::new(ReconnectPolicy { jitter_percent, ..ReconnectPolicy::DEFAULT });
        reconnect.on_retry_field(Duration::from_millis(retry));
        let most = retry * u64::from(jitter_percent) / 100;
        for (random, expected) in [(random, None), (0, Some(0)), (u32::MAX, Some(most))] {
            let ReconnectDecision::After(delay) = reconnect.next_delay(random) else { panic!("stopped") };
            let jitter = millis(delay) - retry;
            prop_assert!(jitter <= most);
            prop_assert_eq!(jitter, expected.unwrap_or(jitter));
        }
    }

    #[test]
    fn no_state_panics(time: u64, failures: u32, random: u32, jitter_percent: u8, longest: u64) {
        let policy = ReconnectPolicy { longest: Duration::from_secs(longest), jitter_percent, ..ReconnectPolicy::DEFAULT };
        let mut reconnect = Reconnect::<8>::new(policy);
        reconnect.on_retry_field(Duration::from_secs(time));
        reconnect.failures = failures;
        prop_assert!(matches!(reconnect.next_delay_after(random, Some(failures)), ReconnectDecision::After(_)));
    }
}
