//! Polling and long polling as HTTP.

use std::time::{Duration, Instant};

use goldcrest_tests::{List, Need, Reader, Server, Start, Transport, promises};

use crate::Shared;

pub(crate) fn scenarios(list: &mut List, server: &Shared) {
    promises!(
        list,
        "poll",
        &[],
        server,
        [
            nothing_new_is_304_only_to_a_conditional_request,
            the_entity_tag_is_what_to_ask_for_next,
            an_answer_is_never_stored,
            a_304_has_no_content_and_keeps_the_connection,
            a_gap_is_no_304,
            a_long_poll_waits_for_its_preferred_time,
            a_long_poll_may_be_conditional,
            a_wait_beyond_the_bound_is_clamped,
            a_long_poll_is_answered_by_the_next_event,
            one_event_answers_all_that_wait,
            a_long_poll_with_kept_events_is_answered_at_once,
            a_wait_of_nothing_does_not_wait,
        ]
    );
    promises!(list, "poll", &[Need::Large], server, [an_answer_is_bounded_and_the_next_goes_on]);
}

fn nothing_new_is_304_only_to_a_conditional_request(server: &Server) {
    let channel = server.channel();
    let newest = channel.publish("one").id;
    let plain = channel.poll(&newest);
    assert_eq!(plain.status(), 200);
    assert_eq!(plain.json(), serde_json::json!({"events": [], "after": newest}));
    let condition = format!("If-None-Match: \"{newest}\"");
    let conditional = server.ask("GET", &channel.target(""), &[&condition], b"");
    assert_eq!(conditional.status(), 304);
    assert_eq!(conditional.head.field("etag"), Some(format!("\"{newest}\"").as_str()));
    channel.publish("two");
    assert_eq!(server.ask("GET", &channel.target(""), &[&condition], b"").status(), 200);
}

fn the_entity_tag_is_what_to_ask_for_next(server: &Server) {
    let channel = server.channel();
    channel.publish("one");
    let answer = channel.poll("oldest");
    let after = answer.json()["after"].as_str().unwrap().to_owned();
    assert_eq!(answer.head.field("etag"), Some(format!("\"{after}\"").as_str()));
}

fn an_answer_is_never_stored(server: &Server) {
    let channel = server.channel();
    for fields in [&[][..], &["Prefer: wait=0"]] {
        let answer = server.ask("GET", &channel.target(""), fields, b"");
        assert_eq!(answer.head.field("cache-control"), Some("no-store"), "{fields:?}");
        for name in ["Accept", "Prefer"] {
            assert!(answer.head.lists("vary", name), "{fields:?}: {:?}", answer.head);
        }
        assert!(answer.head.field("content-type").unwrap().starts_with("application/json"));
    }
}

fn a_304_has_no_content_and_keeps_the_connection(server: &Server) {
    let channel = server.channel();
    let newest = channel.publish("one").id;
    let condition = format!("If-None-Match: \"{newest}\"");
    let mut peer = server.connect();
    for _ in 0..3 {
        peer.send(&server.request("GET", &channel.target(""), &[&condition], b"")).unwrap();
        assert_eq!(peer.answer("GET").unwrap().status(), 304);
    }
    peer.send(&server.request("GET", &channel.target(""), &[], b"")).unwrap();
    assert_eq!(peer.answer("GET").unwrap().status(), 200);
}

fn a_gap_is_no_304(server: &Server) {
    let channel = server.channel();
    let answer = server.ask("GET", &channel.target(""), &["If-None-Match: \"lost\""], b"");
    assert_eq!(answer.status(), 200);
    assert!(answer.json()["gap"].is_object());
}

fn a_long_poll_waits_for_its_preferred_time(server: &Server) {
    let channel = server.channel();
    let newest = channel.newest();
    let begin = Instant::now();
    let answer = server.ask("GET", &channel.target(""), &["Prefer: wait=1"], b"");
    let waited = begin.elapsed();
    assert!(waited >= Duration::from_millis(950) && waited < Duration::from_secs(5), "{waited:?}");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.head.field("preference-applied"), Some("wait=1"));
    assert_eq!(answer.json(), serde_json::json!({"events": [], "after": newest}));
}

fn a_long_poll_may_be_conditional(server: &Server) {
    let channel = server.channel();
    let newest = channel.publish("one").id;
    let condition = format!("If-None-Match: \"{newest}\"");
    let answer = server.ask("GET", &channel.target(""), &["Prefer: wait=1", &condition], b"");
    assert_eq!(answer.status(), 304);
    assert_eq!(answer.head.field("preference-applied"), Some("wait=1"));
}

fn a_wait_beyond_the_bound_is_clamped(server: &Server) {
    for (asked, applied) in [("61", "wait=60"), ("99999999999999999999", "wait=60"), ("60", "wait=60")] {
        let channel = server.channel();
        channel.publish("there already");
        let field = format!("Prefer: wait={asked}");
        let answer = server.ask("GET", &channel.target("after=oldest"), &[&field], b"");
        assert_eq!(answer.head.field("preference-applied"), Some(applied));
    }
}

fn a_long_poll_is_answered_by_the_next_event(server: &Server) {
    let channel = server.channel();
    let begin = channel.newest();
    let mut reader = Reader::open(&channel, Transport::LongPoll, Start::after(&begin));
    for text in ["one", "two", "three"] {
        let id = channel.publish(text).id;
        assert_eq!(reader.ids(1), [id]);
    }
}

fn one_event_answers_all_that_wait(server: &Server) {
    let channel = server.channel();
    let begin = channel.newest();
    let readers: Vec<_> = (0..3).map(|_| Reader::open(&channel, Transport::LongPoll, Start::after(&begin))).collect();
    let id = channel.publish("for all").id;
    for mut reader in readers {
        assert_eq!(reader.ids(1), [id.as_str()]);
    }
}

fn a_long_poll_with_kept_events_is_answered_at_once(server: &Server) {
    let channel = server.channel();
    let begin = channel.newest();
    let ids = channel.publish_all(["one", "two"]);
    let target = channel.target(&format!("after={begin}"));
    let answer = server.ask("GET", &target, &["Prefer: wait=60"], b"").json();
    let got: Vec<_> = answer["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(got, ids);
}

fn a_wait_of_nothing_does_not_wait(server: &Server) {
    let channel = server.channel();
    assert_eq!(server.ask("GET", &channel.target("after=newest"), &["Prefer: wait=0"], b"").status(), 200);
    assert_eq!(server.ask("GET", &channel.target("after=newest&wait=0"), &[], b"").status(), 200);
}

fn an_answer_is_bounded_and_the_next_goes_on(server: &Server) {
    let channel = server.channel();
    let begin = channel.newest();
    let ids = channel.publish_all((0..150).map(|_| "small"));
    let first = channel.poll(&begin).json();
    let events = first["events"].as_array().unwrap();
    assert!(events.len() < ids.len(), "150 events in one answer");
    assert_eq!(first["after"], events[events.len() - 1]["id"]);
    assert_eq!(Reader::open(&channel, Transport::Poll, Start::after(&begin)).ids(ids.len()), ids);
}
