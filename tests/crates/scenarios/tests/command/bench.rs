//! Bench and compare.

use goldcrest_tests::Server;
use serde_json::Value;

use super::run::goldcrest;

#[test]
fn a_bench_delivers_every_event_to_every_reader() {
    let server = Server::start(&[]);
    let url = format!("http://{}/events/bench", server.authority());
    for transport in ["websocket", "sse", "stream", "longpoll", "poll"] {
        let arguments =
            ["bench", &url, "-c", "8", "-d", "0.5", "-r", "20", "-t", transport, "--poll-interval", "0.1", "--json"];
        let report: Value = serde_json::from_str(&goldcrest(&arguments).lines().join("")).unwrap();
        assert_eq!((&report["opened"], &report["published"]), (&8.into(), &10.into()), "{transport}");
        assert_eq!((&report["delivered"], &report["missing"]), (&80.into(), &0.into()), "{transport}");
        let histogram = report["histogram"].as_array().unwrap();
        let counted: u64 = histogram.iter().map(|bucket| bucket["count"].as_u64().unwrap()).sum();
        assert_eq!(counted, 80, "{transport}");
        assert!(report["latency_ms"]["p50"].as_f64().unwrap() > 0.0);
    }
    let text = goldcrest(&["bench", &url, "-c", "2", "-d", "0.2", "-r", "10"]).lines().join("\n");
    assert!(text.contains("4 deliveries, 0 missing") && text.contains("p99") && text.contains('█'), "{text}");
}

#[test]
fn a_bench_that_cannot_start_reports_the_reason() {
    goldcrest(&["bench", "http://127.0.0.1:1/events/x", "--opening", "0.3"]).failed(3, "refused");
    goldcrest(&["bench", "http://127.0.0.1:1/"]).failed(2, "no channel");
    let server = Server::start(&["--max-connections", "1"]);
    let url = format!("http://{}/events/x", server.authority());
    goldcrest(&["compare", &url]).failed(4, "503");
}

#[test]
fn a_comparison_counts_the_cost_of_each_technique() {
    let compare = |more: &[&str]| {
        let arguments = [&["compare", "--json", "-d", "1", "-r", "10", "--poll-interval", "0.2"], more].concat();
        let report: Value = serde_json::from_str(&goldcrest(&arguments).lines().join("")).unwrap();
        assert_eq!(report["published"], 10);
        report["techniques"].as_array().unwrap().clone()
    };
    let server = Server::start(&[]);
    let url = format!("http://{}/", server.authority());
    for techniques in [compare(&[]), compare(&[&url])] {
        let names: Vec<_> = techniques.iter().map(|technique| technique["transport"].as_str().unwrap()).collect();
        assert_eq!(names, ["poll", "longpoll", "stream", "sse", "websocket"]);
        let of = |name: &str, figure: &str| {
            let technique = techniques.iter().find(|technique| technique["transport"] == name).unwrap();
            technique[figure].as_u64().unwrap_or_else(|| panic!("{figure} of {technique}"))
        };
        for name in names {
            assert_eq!((of(name, "events"), of(name, "lost"), of(name, "twice")), (10, 0, 0), "{name}");
            assert_eq!(of(name, "connections_opened"), 1, "{name}");
            assert!(of(name, "payload_bytes") > 10 * 64, "{name}");
        }
        // One request each that stays; one an event or an interval.
        assert_eq!(["stream", "sse", "websocket"].map(|name| of(name, "requests")), [1, 1, 1]);
        assert!((2..=11).contains(&of("longpoll", "requests")) && of("poll", "requests") >= 5, "{techniques:?}");
        let headers = |name| of(name, "header_bytes_sent") + of(name, "header_bytes_received");
        assert!(headers("poll") > headers("sse"), "{techniques:?}");
    }
    let table = goldcrest(&["compare", "-d", "0.3", "-r", "10"]).lines();
    assert_eq!(table.len(), 6, "{table:#?}");
}
