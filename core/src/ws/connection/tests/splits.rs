//! Any split, any interleaving: the same events, and frames that keep every rule.

use super::reference_decoder::decoded;
use super::*;
use proptest::prelude::*;
use std::string::String;

/// Frames that are mostly as they should be: fragments of text and binary, control frames between, and now and then
/// a defect.
fn any_frames() -> impl Strategy<Value = Vec<u8>> {
    let wide = prop::sample::select(&['\u{e4}', '\u{20ac}', '\u{1f426}'][..]);
    let character = prop_oneof![8 => prop::char::range('a', 'z'), 1 => wide];
    let text = prop_oneof![
        6 => proptest::collection::vec(character, 0..13).prop_map(|text| String::from_iter(text).into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    let message = (text, any::<bool>(), proptest::collection::vec(0usize..12, 0..4), any::<[u8; 4]>(), 0u8..4);
    let control = prop_oneof![
        4 => (Just(0x89u8), proptest::collection::vec(any::<u8>(), 0..126)),
        3 => (Just(0x8au8), proptest::collection::vec(any::<u8>(), 0..126)),
        1 => (Just(0x88u8), proptest::collection::vec(3u8..5, 0..4)),
        1 => (Just(0x88u8), proptest::collection::vec(b'a'..=b'z', 0..10).prop_map(|reason| [&[3, 0xe8], &reason[..]].concat())),
    ];
    let unit = (message, proptest::option::of(control)).prop_map(|((payload, is_text, cuts, key, pause), control)| {
        let mut bytes = Vec::new();
        let mut opcode = if is_text { 1 } else { 2 };
        let mut rest = &payload[..];
        for (index, cut) in cuts.iter().enumerate() {
            let (part, after) = rest.split_at((*cut).min(rest.len()));
            bytes.extend(raw(opcode, part, Some(key)));
            (opcode, rest) = (0, after);
            if index == usize::from(pause)
                && let Some((first, payload)) = &control
            {
                bytes.extend(raw(*first, payload, Some(key)));
            }
        }
        bytes.extend(raw(0x80 | opcode, rest, Some(key)));
        bytes
    });
    let defect = proptest::option::weighted(0.4, (any::<prop::sample::Index>(), any::<u8>()));
    (proptest::collection::vec(unit, 1..6), defect).prop_map(|(units, defect)| {
        let mut bytes = units.concat();
        if let Some((at, byte)) = defect {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

fn cut(bytes: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(sizes.next().copied().unwrap_or(1).clamp(1, rest.len()));
        pieces.push(piece.to_vec());
        rest = after;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_split_gives_the_events_of_the_reference_decoder(
        bytes in any_frames(),
        sizes in proptest::collection::vec(1usize..40, 1..8),
        max_message in prop_oneof![3 => Just(u64::MAX), 1 => 0u64..40],
    ) {
        let expected = decoded(&bytes, max_message);
        let mut answers = Vec::new();
        for sizes in [&[usize::MAX][..], &[1], &sizes] {
            let mut machine = Connection::server(ConnectionConfig { max_message });
            let mut events = Vec::new();
            for piece in cut(&bytes, sizes) {
                receive_all(&mut machine, &piece, &mut events);
            }
            prop_assert_eq!(&events, &expected, "by {:?}", sizes);
            answers.push(transmit(&mut machine));
        }
        prop_assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn any_two_pieces_give_the_same_events(bytes in any_frames()) {
        let expected = decoded(&bytes, u64::MAX);
        for at in 0..=bytes.len() {
            let mut machine = server();
            let mut events = receive(&mut machine, &bytes[..at]);
            receive_all(&mut machine, &bytes[at..], &mut events);
            prop_assert_eq!(&events, &expected, "cut at {}", at);
        }
    }

    /// Input by the byte, output by the byte, at any pace of each.
    #[test]
    fn pings_are_answered_at_any_pace_of_the_writer(
        bytes in any_frames(),
        paces in proptest::collection::vec((1usize..9, 0usize..9), 1..8),
    ) {
        let mut machine = server();
        let mut events = Vec::new();
        let mut pings = Vec::new();
        let mut out = Vec::new();
        let (mut given, mut turn) = (0, 0);
        loop {
            let (read, write) = paces[turn % paces.len()];
            turn += 1;
            let mut loan = bytes[given..bytes.len().min(given + read)].to_vec();
            let mut at = 0;
            while machine.wants_input() {
                let Received { consumed, event } = machine.receive(&mut loan[at..]);
                at += consumed;
                let Some(event) = event else { break };
                add(&mut events, event);
            }
            given += at;
            // A writer may pause, but not for ever.
            let write = write.max(usize::from(turn % 16 == 0));
            let mut room = std::vec![0; if given == bytes.len() { 9 } else { write }];
            let written = machine.transmit(&mut room, &mut Unmasked).unwrap();
            out.extend(&room[..written]);
            if given == bytes.len() && !machine.has_output() {
                break;
            }
            prop_assert!(turn < 100_000, "no progress");
        }
        prop_assert_eq!(&events, &decoded(&bytes, u64::MAX));
        for frame in frames_before_damage(&bytes) {
            if frame.opcode == Opcode::Ping && frame.fin {
                pings.push(frame.payload);
            }
        }
        pings.truncate(events.iter().filter(|event| **event == Event::Ping).count());
        let sent = frames(&out, Role::Server);
        let mut from = pings.iter();
        for pong in sent.iter().filter(|frame| frame.opcode == Opcode::Pong) {
            prop_assert!(from.any(|ping| *ping == pong.payload), "a pong answers a ping, in order");
        }
        let ended = matches!(events.last(), Some(Event::Closed(_) | Event::Failed(_)));
        prop_assert_eq!(sent.last().is_some_and(|frame| frame.opcode == Opcode::Close), ended);
        prop_assert_eq!(machine.should_close_tcp(), ended);
        if let (false, Some(newest)) = (ended, pings.last()) {
            prop_assert_eq!(sent.last().map(|frame| &frame.payload), Some(newest), "the newest is answered");
        }
    }

    /// A message goes from a client to a server that echoes it, over rings of any size, with pings from both.
    #[test]
    fn an_echoed_message_is_the_message_sent(
        payload in proptest::collection::vec(any::<u8>(), 0..400),
        cuts in proptest::collection::vec(0usize..200, 0..5),
        rings in (1usize..30, 1usize..30),
        ping_every in 1u32..20,
    ) {
        let (mut here, mut there) = (client(), server());
        let (mut up, mut down): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
        let mut parts = cut_parts(&payload, &cuts);
        let mut given: Vec<u8> = Vec::new();
        let mut echo: Vec<(Vec<u8>, bool)> = Vec::new();
        let mut joined: Vec<u8> = Vec::new();
        let mut given_echo: Vec<u8> = Vec::new();
        for turn in 0u32.. {
            prop_assert!(turn < 100_000, "no progress");
            if turn % ping_every == 0 && turn < 500 {
                here.ping(PingPayload::new(b"here")).unwrap();
                there.ping(PingPayload::new(b"there")).unwrap();
            }
            if here.is_between_frames() && given.is_empty() && !parts.is_empty() {
                let part = parts.remove(0);
                here.start_frame(MessageKind::Binary, parts.is_empty(), part.len() as u64, &mut Counter(turn)).unwrap();
                given = part;
            }
            if there.is_between_frames() && given_echo.is_empty() && !echo.is_empty() {
                let (part, fin) = echo.remove(0);
                there.start_frame(MessageKind::Binary, fin, part.len() as u64, &mut Unmasked).unwrap();
                given_echo = part;
            }
            write(&mut here, &mut up, rings.0, &mut given, turn);
            write(&mut there, &mut down, rings.1, &mut given_echo, turn);
            read(&mut there, &mut up, |incoming| {
                if let Incoming::Chunk(piece) = incoming {
                    echo.push((piece.payload.to_vec(), piece.last));
                }
            });
            let mut done = false;
            read(&mut here, &mut down, |incoming| {
                if let Incoming::Chunk(piece) = incoming {
                    done |= piece.last;
                    joined.extend(piece.payload);
                }
            });
            if done {
                break;
            }
        }
        prop_assert_eq!(joined, payload);
    }
}

/// The frames up to where `bytes` stop being frames.
fn frames_before_damage(mut bytes: &[u8]) -> Vec<Frame> {
    let mut found = Vec::new();
    while let Ok(Some((head, used))) = FrameHeader::decode(bytes, Role::Client) {
        let end = used.saturating_add(head.len as usize);
        if end > bytes.len() {
            break;
        }
        found.extend(frames(&bytes[..end], Role::Client));
        bytes = &bytes[end..];
    }
    found
}

fn cut_parts(payload: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut rest = payload;
    for cut in cuts {
        let (part, after) = rest.split_at((*cut).min(rest.len()));
        parts.push(part.to_vec());
        rest = after;
    }
    parts.push(rest.to_vec());
    parts
}

/// One turn of a writer: as much queued output as fits, then payload.
fn write(machine: &mut Connection, ring: &mut Vec<u8>, size: usize, payload: &mut Vec<u8>, seed: u32) {
    let mut room = std::vec![0; size - ring.len()];
    let mut written = machine.transmit(&mut room, &mut Counter(seed)).unwrap();
    written += machine.payload(&mut room[written..], |room| {
        let n = room.len().min(payload.len());
        room[..n].copy_from_slice(&payload[..n]);
        payload.drain(..n);
        n
    });
    ring.extend(&room[..written]);
}

/// One turn of a reader: everything that it can take.
fn read(machine: &mut Connection, ring: &mut Vec<u8>, mut act: impl FnMut(Incoming<'_>)) {
    let mut at = 0;
    while machine.wants_input() {
        let Received { consumed, event } = machine.receive(&mut ring[at..]);
        at += consumed;
        match event {
            Some(event) => act(event),
            None => break,
        }
    }
    ring.drain(..at);
}
