//! Streams and what they say, by WHATWG HTML §9.2.5 and §9.2.6. The tests feed each whole, byte by byte and cut in two
//! everywhere.

/// Event type, data, last event ID.
type Expected = (&'static str, &'static str, &'static str);

pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) stream: &'static [u8],
    pub(super) events: &'static [Expected],
    /// What the stream leaves behind, in milliseconds.
    pub(super) reconnection_time: Option<u64>,
    pub(super) last_event_id: &'static str,
}

/// A stream that leaves neither a reconnection time nor an ID behind.
const fn says(name: &'static str, stream: &'static [u8], events: &'static [Expected]) -> Case {
    Case { name, stream, events, reconnection_time: None, last_event_id: "" }
}

/// A stream without events after which the reconnection time is `millis`.
const fn waits(name: &'static str, stream: &'static [u8], millis: Option<u64>) -> Case {
    Case { name, stream, events: &[], reconnection_time: millis, last_event_id: "" }
}

/// A stream that leaves `last_event_id` behind.
const fn ends_at(
    name: &'static str,
    stream: &'static [u8],
    events: &'static [Expected],
    last_event_id: &'static str,
) -> Case {
    Case { name, stream, events, reconnection_time: None, last_event_id }
}

const X: &[Expected] = &[("message", "x", "")];

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    // Dispatch: a blank line after data.
    says("an empty stream", b"", &[]),
    says("one line", b"data: x\n\n", X),
    says("three lines are joined", b"data: GOLD\ndata: +2\ndata: 10\n\n", &[("message", "GOLD\n+2\n10", "")]),
    says("two events", b"data:1\n\ndata:2\n\n", &[("message", "1", ""), ("message", "2", "")]),
    says("blank lines without data say nothing", b"\n\n\r\r\n\n", &[]),
    says("blank lines between events say nothing", b"\n\ndata:x\n\n\n\n", X),
    says("an empty field is data", b"data\n\n", &[("message", "", "")]),
    says("an empty field with a colon is data", b"data:\n\n", &[("message", "", "")]),
    says("an empty field with a space is data", b"data: \n\n", &[("message", "", "")]),
    says("two empty fields are one LF", b"data\ndata:\n\n", &[("message", "\n", "")]),
    says("an empty first line is kept", b"data:\ndata:x\n\n", &[("message", "\nx", "")]),
    says("an empty last line is kept", b"data:x\ndata\n\n", &[("message", "x\n", "")]),
    says("an event type without data says nothing", b"event:a\n\ndata:x\n\n", X),

    // The end of the stream drops what no blank line ended.
    says("the end in a name", b"data:x\n\nda", X),
    says("the end in a value", b"data:x\n\ndata:y", X),
    says("the end after a line", b"data:x\n\ndata:y\n", X),
    says("the end after a colon", b"data\n\ndata\ndata\n\ndata:", &[("message", "", ""), ("message", "\n", "")]),
    ends_at("the end before an id counts", b"id:1\ndata:x\n\nid:2\ndata:y\n", &[("message", "x", "1")], "1"),
    ends_at("the end in an id", b"id:1\n\nid:23", &[], "1"),

    // Line ends.
    says("CR", b"data:1\rdata:2\r\rdata:3\r\r", &[("message", "1\n2", ""), ("message", "3", "")]),
    says("CRLF", b"data:1\r\ndata:2\r\n\r\ndata:3\r\n\r\n", &[("message", "1\n2", ""), ("message", "3", "")]),
    says("LF CR are two", b"data:1\n\rdata:2\n\r", &[("message", "1", ""), ("message", "2", "")]),
    says("CR CRLF are two", b"data:1\r\r\ndata:2\r\r\n", &[("message", "1", ""), ("message", "2", "")]),
    says("CRLF LF are two", b"data:1\r\n\ndata:2\r\n\n", &[("message", "1", ""), ("message", "2", "")]),
    says("CRLF CR are two", b"data:1\r\n\rdata:2\r\n\r", &[("message", "1", ""), ("message", "2", "")]),
    says("CRLF between lines is one", b"data:1\r\ndata:2\n\n", &[("message", "1\n2", "")]),
    says("CRLF after a comment is one", b"data:1\n:c\r\ndata:2\n\n", &[("message", "1\n2", "")]),
    says("CRLF after an unknown field is one", b"data:1\nda\r\ndata:2\n\n", &[("message", "1\n2", "")]),
    says("VT and FF are none", b"data:a\x0bb\x0cc\n\n", &[("message", "a\x0bb\x0cc", "")]),
    says("NEL, LS and PS are none", "data:a\u{85}b\u{2028}c\u{2029}d\n\n".as_bytes(),
        &[("message", "a\u{85}b\u{2028}c\u{2029}d", "")]),

    // The byte order mark.
    says("a mark is skipped", b"\xEF\xBB\xBFdata:x\n\n", X),
    says("a mark before a comment", b"\xEF\xBB\xBF:c\ndata:x\n\n", X),
    says("a mark before a blank line", b"\xEF\xBB\xBF\r\ndata:x\n\n", X),
    says("a mark alone", b"\xEF\xBB\xBF", &[]),
    says("a second mark is part of a name", b"\xEF\xBB\xBF\xEF\xBB\xBFdata:1\n\ndata:x\n\n", X),
    says("a later mark is part of a name", b"data:x\n\n\xEF\xBB\xBFdata:2\n\n", X),
    says("a mark in data is text", b"data:\xEF\xBB\xBFx\n\n", &[("message", "\u{FEFF}x", "")]),
    says("one byte of a mark is part of a name", b"\xEFdata:1\n\ndata:x\n\n", X),
    says("two bytes of a mark are part of a name", b"\xEF\xBBdata:1\n\ndata:x\n\n", X),
    says("two bytes of a mark are a line", b"\xEF\xBB\ndata:x\n\n", X),
    says("the mark of UTF-16 is part of a name", b"\xFF\xFEdata:1\n\ndata:x\n\n", X),

    // Comments and names.
    says("comments say nothing", b": ping\n\n:\n\n", &[]),
    says("a comment ends no event", b"data:a\n: c\ndata:b\n:\n\n", &[("message", "a\nb", "")]),
    says("a comment may look like a field", b":data:y\ndata:x\n\n", X),
    says("names have a case", b"DATA:a\nData:b\nEvent:c\nID:d\ndata:x\n\n", X),
    says("names have no space before them", b" data:a\n\tdata:b\ndata:x\n\n", X),
    says("names have no space behind them", b"data :a\nevent :b\nid :c\ndata:x\n\n", X),
    says("part of a name is none", b"dat:a\nd\ni\neven:b\nretr:1\ndata:x\n\n", X),
    says("more than a name is none", b"dataa:a\ndataa\nids:b\nevents:c\nretryy:1\ndata:x\n\n", X),
    says("a NULL in a name", b"da\0ta:a\ndata\0:b\n\0data:c\ndata:x\n\n", X),
    says("an ill-formed byte in a name", b"da\xFFta:y\ndata:x\n\n", X),
    says("a line without a colon is a name", b"data x\ndata:x\n\n", X),

    // Values.
    says("one space is taken away", b"data: x\n\n", X),
    says("only one space is taken away", b"data:   x \n\n", &[("message", "  x ", "")]),
    says("a tab is not", b"data:\tx\n\n", &[("message", "\tx", "")]),
    says("a no-break space is not", b"data:\xC2\xA0x\n\n", &[("message", "\u{A0}x", "")]),
    says("the space may be all", b"data: \ndata:  \n\n", &[("message", "\n ", "")]),
    says("colons are text", b"data::a:b\ndata: :c\n\n", &[("message", ":a:b\n:c", "")]),
    says("a NULL in data is text", b"data:\0\n\n", &[("message", "\0", "")]),

    // Event types.
    says("a named type", b"event: add\ndata:1\n\n", &[("add", "1", "")]),
    says("a type after its data", b"data:1\nevent:add\n\n", &[("add", "1", "")]),
    says("the last type of a block counts", b"event:long\nevent:b\ndata:1\n\n", &[("b", "1", "")]),
    says("a type is not carried over", b"event:a\ndata:1\n\ndata:x\n\n", &[("a", "1", ""), ("message", "x", "")]),
    says("an empty type is the default", b"event:a\nevent: \ndata:x\n\n", X),
    says("a type without a value is the default", b"event:a\nevent\ndata:x\n\n", X),
    says("a type is any text", "event: a b:\u{E9} \ndata:1\n\n".as_bytes(), &[("a b:\u{E9} ", "1", "")]),
    says("open and error are types like others", b"event:open\ndata:1\n\nevent:error\ndata:2\n\n",
        &[("open", "1", ""), ("error", "2", "")]),

    // IDs.
    ends_at("an id stays", b"id: a\ndata:1\n\n:c\n\ndata:2\n\n", &[("message", "1", "a"), ("message", "2", "a")], "a"),
    ends_at("an id after its data", b"data:x\nid:9\n\n", &[("message", "x", "9")], "9"),
    ends_at("an id without data counts from its blank line", b"id:5\n\n", &[], "5"),
    ends_at("the last id of a block counts", b"id:123\nid:4\ndata:x\n\n", &[("message", "x", "4")], "4"),
    ends_at("an empty id resets", b"id:1\ndata:1\n\nid:\ndata:x\n\n", &[("message", "1", "1"), ("message", "x", "")], ""),
    ends_at("a bare id resets", b"id:1\ndata:1\n\nid\ndata:x\n\n", &[("message", "1", "1"), ("message", "x", "")], ""),
    ends_at("only one space is taken from an id", b"id:  9\n\n", &[], " 9"),
    ends_at("a tab stays in an id", b"id:\t9\n\n", &[], "\t9"),
    ends_at("an id of two bytes a letter", "id:\u{E9}\u{2026}\n\n".as_bytes(), &[], "\u{E9}\u{2026}"),
    ends_at("an ill-formed byte in an id", b"id:a\xFF\n\n", &[], "a\u{FFFD}"),
    ends_at("a NULL voids an id", b"id:a\ndata:x\n\nid:\0\nid:b\0\nid:\0b\ndata:y\n\n",
        &[("message", "x", "a"), ("message", "y", "a")], "a"),
    ends_at("a NULL voids an id, not the one before it", b"id:a\n\nid:b\nid:c\0d\ndata:x\n\n",
        &[("message", "x", "b")], "b"),
    ends_at("a NULL after any length voids an id", b"id:a\n\nid:0123456789012345678901234567890123456789\0\n\n", &[], "a"),

    // Reconnection times act at the end of their line.
    waits("digits", b"retry: 2500\n", Some(2500)),
    waits("before the end of the line nothing", b"retry:25", None),
    waits("zero", b"retry:0\n", Some(0)),
    waits("leading zeros", b"retry:0030\n", Some(30)),
    waits("the last valid one", b"retry:1\nretry:2\nretry:3x\nretry:\n", Some(2)),
    waits("no digits", b"retry\nretry:\nretry: \n", None),
    waits("two spaces", b"retry:  1\n", None),
    waits("a space behind", b"retry:1 \n", None),
    waits("a sign", b"retry:+1\nretry:-1\n", None),
    waits("a fraction, an exponent, hex", b"retry:2.5\nretry:1e3\nretry:0x10\n", None),
    waits("digits that are not ASCII", "retry:\u{FF12}\nretry:\u{662}\n".as_bytes(), None),
    waits("more than any clock has", b"retry:99999999999999999999999999\n", Some(u64::MAX)),

    // UTF-8: one U+FFFD for each maximal subpart.
    says("letters of every length", "data:a\u{E9}\u{20AC}\u{1F94C}\n\n".as_bytes(),
        &[("message", "a\u{E9}\u{20AC}\u{1F94C}", "")]),
    says("a byte that is never legal", b"data:a\xFFb\n\n", &[("message", "a\u{FFFD}b", "")]),
    says("a line end ends a cut letter", b"data:a\xC3\ndata:\xA9\n\n", &[("message", "a\u{FFFD}\n\u{FFFD}", "")]),
    says("an overlong form", b"data:\xC0\xAF\n\n", &[("message", "\u{FFFD}\u{FFFD}", "")]),
    says("a surrogate", b"data:\xED\xA0\x80x\n\n", &[("message", "\u{FFFD}\u{FFFD}\u{FFFD}x", "")]),
    says("two bytes of three", b"data:\xE2\x82x\n\n", &[("message", "\u{FFFD}x", "")]),
    says("three bytes of four", b"data:\xF0\x9F\x92x\n\n", &[("message", "\u{FFFD}x", "")]),
    says("past U+10FFFF", b"data:\xF4\x90\x80\x80\n\n", &[("message", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}", "")]),
    says("an ill-formed event type", b"event:\x80\ndata:x\n\n", &[("\u{FFFD}", "x", "")]),
];
