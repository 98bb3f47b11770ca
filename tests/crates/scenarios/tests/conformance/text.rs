//! How the tables write bytes.

/// The bytes that `text` stands for: escapes with a backslash, and in braces `{H}`, `{C}` or `{COUNT*TEXT}`.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let behind = &rest[char.len_utf8()..];
        rest = match char {
            '\\' => escape(behind, &mut bytes),
            '{' => {
                let (inside, behind) = behind.split_once('}').unwrap_or_else(|| panic!("a brace stays open: {text}"));
                match inside {
                    "H" => bytes.extend_from_slice(b"Host: localhost\r\n"),
                    "C" => bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
                    _ => {
                        let (count, repeated) = inside.split_once('*').unwrap_or_else(|| panic!("{{{inside}}}?"));
                        let count = count.parse().unwrap_or_else(|_| panic!("{{{inside}}}?"));
                        bytes.extend(self::bytes(repeated).repeat(count));
                    }
                }
                behind
            }
            _ => {
                bytes.extend_from_slice(&rest.as_bytes()[..char.len_utf8()]);
                behind
            }
        };
    }
    bytes
}

/// Decodes the escape behind a backslash, and returns the rest.
fn escape<'t>(text: &'t str, bytes: &mut Vec<u8>) -> &'t str {
    let (kind, rest) = text.split_at_checked(1).unwrap_or_else(|| panic!("a backslash at the end"));
    match kind {
        "r" => bytes.push(b'\r'),
        "n" => bytes.push(b'\n'),
        "t" => bytes.push(b'\t'),
        "\\" => bytes.push(b'\\'),
        "x" => {
            let (digits, rest) = rest.split_at_checked(2).expect("two digits behind \\x");
            bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits behind \\x"));
            return rest;
        }
        other => panic!("\\{other}?"),
    }
    rest
}

/// Whether `status` is one of the alternatives.
pub(crate) fn allows(alternatives: &str, status: u16) -> bool {
    alternatives.split('|').any(|alternative| match alternative {
        "ok" => matches!(status, 200..400 | 403..=405),
        number => number.parse() == Ok(status),
    })
}
