//! Options of all client commands: header fields, certificate authorities, time-outs.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use goldcrest_core::client::{Buffers, ClientConfig, validate_header};
use goldcrest_host::client::TlsOptions;

use super::CommandError;
use super::parser_limits::PARSER_LIMITS;

/// Bytes of an answer's head, for which there is always room.
const HEAD: usize = 16 * 1024;

/// Options of the requests to a server.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Requests")]
pub(crate) struct ClientOptions {
    /// Send this header field with every request, such as 'Authorization: Bearer x'; it replaces the default User-Agent,
    /// Content-Type, Cache-Control, Accept-Encoding or Authorization. Repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// Send this name and password (Authorization: Basic)
    #[arg(short, long, value_name = "USER:PASSWORD")]
    user: Option<String>,

    /// Send this token (Authorization: Bearer). Other users of this machine see the command line: prefer --token-file
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["token_file", "user"])]
    token: Option<String>,

    /// Send the token in this file (Authorization: Bearer)
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    token_file: Option<PathBuf>,

    /// Accept any certificate. Insecure: an attacker on the network path can read and alter the data
    #[arg(short = 'k', long)]
    insecure: bool,

    /// Trust the authorities of this PEM file instead of the system's, and a server that shows one of these very certificates
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    cacert: Option<PathBuf>,

    /// Time-out of connecting, TLS included
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    connect_timeout: Duration,

    /// Reconnect after this long without a byte on a stream, keep-alives included; 0 disables it
    #[arg(long, value_name = "SECONDS", default_value = "45", value_parser = seconds)]
    silence: Duration,

    /// Bytes of an event or a message, at most
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20, value_parser = clap::value_parser!(u32).range(512..))]
    max_event: u32,
}

/// A time in seconds, with a fraction if need be.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds, such as 30 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// A time in seconds, more than none.
pub(crate) fn some_seconds(text: &str) -> Result<Duration, String> {
    seconds(text).and_then(|time| if time.is_zero() { Err("more than 0".to_owned()) } else { Ok(time) })
}

impl ClientOptions {
    /// The TLS options.
    ///
    /// # Errors
    /// The file of certificate authorities cannot be read.
    pub(crate) fn tls(&self) -> Result<TlsOptions, CommandError> {
        let options = TlsOptions { authorities: self.cacert.clone(), danger_accept_any_certificate: self.insecure };
        if self.cacert.is_some() {
            options.check().map_err(|error| CommandError::usage(format!("--cacert {error}")))?;
        }
        Ok(options)
    }

    /// The bounds and fields. They live as long as the process: they are read once, from its command line.
    pub(crate) fn config(&self) -> Result<ClientConfig<'static>, CommandError> {
        let mut headers = Vec::new();
        for header in &self.headers {
            let (name, value) = header
                .split_once(':')
                .ok_or_else(|| CommandError::usage(format!("-H {header:?} is not of the form 'Name: value'")))?;
            let (name, value) = (name.trim_end(), value.trim());
            validate_header(name, value).map_err(|error| CommandError::usage(format!("-H {header:?}: {error}")))?;
            headers.push((name, value));
        }
        let bearer = self.bearer()?;
        let basic = self.user.as_ref().map(|user| format!("Basic {}", STANDARD.encode(user)));
        let agent = concat!("goldcrest/", env!("CARGO_PKG_VERSION"));
        // The client has no decompression.
        let ours = [
            ("Authorization", bearer.as_deref().or(basic.as_deref())),
            ("User-Agent", Some(agent)),
            ("Accept-Encoding", Some("identity")),
        ];
        for (name, value) in ours {
            if let Some(value) = value
                && !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name))
            {
                headers.push((name, value));
            }
        }
        let leaked = |text: &str| -> &'static str { text.to_owned().leak() };
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| (leaked(name), leaked(value))).collect();
        Ok(ClientConfig {
            headers: headers.leak(),
            connect_timeout: self.connect_timeout,
            idle_timeout: if self.silence.is_zero() { Duration::MAX } else { self.silence },
            io_budget: 64 * 1024,
            ..ClientConfig::default()
        })
    }

    /// The credentials of the token.
    fn bearer(&self) -> Result<Option<String>, CommandError> {
        let (option, token) = match (&self.token, &self.token_file) {
            (Some(token), _) => ("--token", token.clone()),
            (None, Some(path)) => {
                let named = |error| CommandError::usage(format!("--token-file {}: {error}", path.display()));
                ("--token-file", std::fs::read_to_string(path).map_err(named)?)
            }
            (None, None) => return Ok(None),
        };
        let token = token.trim();
        // RFC 6750 §2.1.
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if token.is_empty() || !token.bytes().all(valid) {
            let text = format!("{option}: a token consists of letters, digits and - . _ ~ + / =");
            return Err(CommandError::usage(text));
        }
        Ok(Some(format!("Bearer {token}")))
    }

    /// Memory for a client.
    pub(crate) fn buffers(&self) -> ClientBuffers {
        ClientBuffers::new(PARSER_LIMITS.memory(self.max_event()))
    }

    /// Bytes of an event, at most.
    pub(crate) fn max_event(&self) -> usize {
        self.max_event as usize
    }
}

/// The memory of a client.
pub(crate) struct ClientBuffers {
    buffer: Vec<u8>,
    location: Vec<u8>,
}

impl ClientBuffers {
    /// Buffers for events of about `event` bytes, or a response head. Untouched pages cost no memory.
    pub(crate) fn new(event: usize) -> Self {
        Self { buffer: vec![0; event.max(HEAD)], location: vec![0; 8 * 1024] }
    }

    pub(crate) fn memory(&mut self) -> Buffers<'_> {
        Buffers { buffer: &mut self.buffer, location: &mut self.location }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        client: ClientOptions,
    }

    fn config(arguments: &[&str]) -> Result<ClientConfig<'static>, CommandError> {
        Line::parse_from([&["x"], arguments].concat()).client.config()
    }

    #[test]
    fn fields_are_name_and_value_and_a_user_becomes_authorization() {
        let asked = config(&["-H", "X-A: b: c ", "-H", "X-Empty:", "-u", "Aladdin:open sesame"]).unwrap();
        // The example of RFC 7617 §2.
        let basic = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(asked.headers[..3], [("X-A", "b: c"), ("X-Empty", ""), ("Authorization", basic)]);
        for (wrong, why) in [
            ("no field", "Name: value"),
            ("a b: c", "the name of a header field"),
            (": c", "the name of a header field"),
            ("host: x", "writes this header field itself"),
            ("x: \x1b", "must not have control characters"),
        ] {
            let told = config(&["-H", wrong]).unwrap_err().to_string();
            assert!(told.contains(why) && told.contains(&format!("{wrong:?}")), "{told}");
        }
    }

    #[test]
    fn a_token_becomes_authorization() {
        let asked = config(&["--token", "mF_9.B5f-4.1JqM"]).unwrap();
        assert_eq!(asked.headers[0], ("Authorization", "Bearer mF_9.B5f-4.1JqM"));
        for wrong in ["", "a b", "a\r\nX: y"] {
            let error = config(&["--token", wrong]).unwrap_err().to_string();
            assert!(error.contains("--token: a token consists of"), "{error}");
        }
        assert!(config(&["--token-file", "/nowhere"]).unwrap_err().to_string().contains("--token-file /nowhere: "));
    }

    #[test]
    fn a_field_that_is_given_stands_in_place_of_ours() {
        let agent = concat!("goldcrest/", env!("CARGO_PKG_VERSION"));
        assert_eq!(config(&[]).unwrap().headers, [("User-Agent", agent), ("Accept-Encoding", "identity")]);
        let given = ["-H", "authorization: Bearer x", "-u", "a:b", "-H", "user-agent: y", "-H", "accept-encoding: z"];
        let expected = [("authorization", "Bearer x"), ("user-agent", "y"), ("accept-encoding", "z")];
        assert_eq!(config(&given).unwrap().headers, expected);
    }

    #[test]
    fn silence_may_last_for_ever_and_times_have_fractions() {
        assert_eq!(config(&["--silence", "0"]).unwrap().idle_timeout, Duration::MAX);
        assert_eq!(config(&["--connect-timeout", "0.25"]).unwrap().connect_timeout, Duration::from_millis(250));
        assert!(seconds("-1").is_err() && seconds("x").is_err() && some_seconds("0").is_err());
    }
}
