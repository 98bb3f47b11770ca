//! The output on stdout.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use goldcrest_core::client::EventData;
use serde_json::Value;

use super::{CommandError, Exit, Subscribe};
use crate::terminal;

/// How binary payloads are written where they are no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum BinaryForm {
    /// A line of Base64 each
    Base64,
    /// As they are, one behind the other, without line ends
    Raw,
}

/// Where payloads go, and how many are still to come.
pub(super) struct Output {
    sink: Box<dyn Write>,
    /// The output is a terminal: text of a server or a publisher is escaped.
    escapes: bool,
    json: bool,
    binary: BinaryForm,
    types: Vec<String>,
    left: Option<u64>,
    /// The current line, written by one call.
    line: Vec<u8>,
}

/// Whether to go on, and why not.
pub(super) type WriteResult = Result<ControlFlow<Exit>, CommandError>;

impl Output {
    pub(super) fn new(options: &Subscribe) -> Result<Self, CommandError> {
        let (sink, escapes): (Box<dyn Write>, _) = match &options.output {
            None => (Box::new(io::stdout()), io::stdout().is_terminal()),
            Some(path) => {
                let file = LateFile::new(path.clone())
                    .map_err(|error| CommandError::new(Exit::Failed, format!("{}: {error}", path.display())))?;
                let escapes = file.is_terminal();
                (Box::new(file), escapes)
            }
        };
        let Subscribe { json, binary, count, types, .. } = options;
        Ok(Self { sink, escapes, json: *json, binary: *binary, types: types.clone(), left: *count, line: Vec::new() })
    }

    /// Writes an event, unless `--type` excludes it. An empty `event_type`: a message without a type.
    pub(super) fn event(&mut self, id: &str, event_type: &str, data: EventData<'_>) -> WriteResult {
        if !self.types.is_empty() && !self.types.iter().any(|wanted| wanted == event_type) {
            return Ok(ControlFlow::Continue(()));
        }
        self.line.clear();
        match data {
            _ if self.json => {
                let id = if id.is_empty() { Value::Null } else { id.into() };
                let event_type = if event_type.is_empty() { "message" } else { event_type };
                let members = format!("{{\"id\":{id},\"type\":{},", Value::from(event_type));
                self.line.extend_from_slice(members.as_bytes());
                let (encoding, data): (_, Value) = match data {
                    EventData::Text(text) => ("", text.into()),
                    EventData::Binary(bytes) => ("\"encoding\":\"base64\",", STANDARD.encode(bytes).into()),
                };
                self.line.extend_from_slice(format!("{encoding}\"data\":{data}}}\n").as_bytes());
            }
            EventData::Text(text) => {
                self.line.extend_from_slice(text.as_bytes());
                self.line.push(b'\n');
            }
            EventData::Binary(bytes) if self.binary == BinaryForm::Raw => self.line.extend_from_slice(bytes),
            EventData::Binary(bytes) => {
                self.line.extend_from_slice(STANDARD.encode(bytes).as_bytes());
                self.line.push(b'\n');
            }
        }
        let written = self.write()?;
        if let Some(left) = &mut self.left {
            *left -= 1;
            if *left == 0 {
                return Ok(ControlFlow::Break(Exit::Done));
            }
        }
        Ok(written)
    }

    /// Writes that events are missing here: a line of JSON, nothing elsewhere.
    pub(super) fn gap(&mut self, missed: Option<u64>) -> WriteResult {
        if !self.json {
            return Ok(ControlFlow::Continue(()));
        }
        let missed = missed.map(|missed| format!("\"missed\":{missed}")).unwrap_or_default();
        self.line = format!("{{\"gap\":{{{missed}}}}}\n").into_bytes();
        self.write()
    }

    fn write(&mut self) -> WriteResult {
        if self.escapes {
            self.line = terminal::payload(&self.line);
        }
        match self.sink.write_all(&self.line).and_then(|()| self.sink.flush()) {
            Ok(()) => Ok(ControlFlow::Continue(())),
            // The reader of the pipe has gone, as after `| head -1`.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(Exit::Done)),
            Err(error) => Err(CommandError::new(Exit::Failed, format!("the output cannot be written: {error}"))),
        }
    }
}

/// A file that is truncated by the first write: until then its content stays.
struct LateFile {
    path: PathBuf,
    /// It, where it is open.
    file: Option<File>,
    is_begun: bool,
}

impl LateFile {
    /// # Errors
    /// The file is not writable, or its folder does not exist.
    fn new(path: PathBuf) -> io::Result<Self> {
        let file = match OpenOptions::new().write(true).open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                if !folder.unwrap_or(Path::new(".")).is_dir() {
                    return Err(error);
                }
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Self { path, file, is_begun: false })
    }

    /// Whether the path is a terminal. A path that does not exist becomes a file.
    fn is_terminal(&self) -> bool {
        self.file.as_ref().is_some_and(File::is_terminal)
    }

    fn begun(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::create(&self.path)?,
        };
        // A pipe or a device has nothing to begin anew.
        if !self.is_begun && file.metadata()?.is_file() {
            file.set_len(0)?;
        }
        self.is_begun = true;
        Ok(self.file.insert(file))
    }
}

impl Write for LateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

/// Completes once the reader of stdout has gone, so that `| head -1` ends the command without another event.
#[cfg(target_os = "linux")]
pub(super) async fn nobody_reads() {
    use rustix::event::{PollFd, PollFlags, poll};
    let (sender, receiver) = smol::channel::bounded::<()>(1);
    // It ends with the process, or when the pipe does.
    std::thread::spawn(move || {
        let stdout = io::stdout();
        let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
        while poll(&mut watched, None) == Err(rustix::io::Errno::INTR) {}
        if watched[0].revents().contains(PollFlags::ERR) {
            let _ = sender.send_blocking(());
        } else {
            // A terminal that hung up, or stdout is no pipe: the next write detects it.
            std::mem::forget(sender);
        }
    });
    let _ = receiver.recv().await;
}

/// Elsewhere the next event finds it out.
#[cfg(not(target_os = "linux"))]
pub(super) async fn nobody_reads() {
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(json: bool, binary: BinaryForm, types: &[&str], left: Option<u64>) -> (Output, Shared) {
        let written = Shared::default();
        let types = types.iter().map(|name| (*name).to_owned()).collect();
        (
            Output { sink: Box::new(written.clone()), escapes: false, json, binary, types, left, line: Vec::new() },
            written,
        )
    }

    fn text(written: &Shared) -> String {
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_output_is_one_object_a_line_in_member_order() {
        let (mut output, written) = output(true, BinaryForm::Raw, &[], None);
        let _ = output.event("a-1", "x", EventData::Text("1\n2\"")).unwrap();
        let _ = output.event("", "", EventData::Binary(&[0xff])).unwrap();
        let _ = output.gap(Some(3)).unwrap();
        let _ = output.gap(None).unwrap();
        let lines = [
            r#"{"id":"a-1","type":"x","data":"1\n2\""}"#,
            r#"{"id":null,"type":"message","encoding":"base64","data":"/w=="}"#,
            r#"{"gap":{"missed":3}}"#,
            r#"{"gap":{}}"#,
        ];
        assert_eq!(text(&written).lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn controls_are_escaped_for_a_terminal_and_not_for_a_pipe() {
        let (hostile, raw) = ("\x1b]0;x\x07\ta\u{9b}\nb", b"\x9b2J\xffc".as_slice());
        let (mut to_a_pipe, piped) = output(false, BinaryForm::Raw, &[], None);
        let (mut to_a_terminal, shown) = output(false, BinaryForm::Raw, &[], None);
        to_a_terminal.escapes = true;
        for output in [&mut to_a_pipe, &mut to_a_terminal] {
            let _ = output.event("", "", EventData::Text(hostile)).unwrap();
            let _ = output.event("", "", EventData::Binary(raw)).unwrap();
        }
        assert_eq!(*piped.0.lock().unwrap(), [hostile.as_bytes(), b"\n", raw].concat());
        assert_eq!(text(&shown), "\\u001b]0;x\\u0007\ta\\u009b\nb\n\\x9b2J\\xffc");
    }

    #[test]
    fn only_printed_events_count() {
        let (mut output, written) = output(false, BinaryForm::Base64, &["a"], Some(2));
        assert_eq!(output.event("", "a", EventData::Text("1")).unwrap(), ControlFlow::Continue(()));
        assert_eq!(output.event("", "b", EventData::Text("no")).unwrap(), ControlFlow::Continue(()));
        assert_eq!(output.event("", "a", EventData::Binary(b"2")).unwrap(), ControlFlow::Break(Exit::Done));
        assert_eq!(text(&written), "1\nMg==\n");
    }

    #[test]
    fn a_closed_pipe_ends_quietly() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (mut output, _) = output(false, BinaryForm::Raw, &[], None);
        output.sink = Box::new(Closed);
        assert_eq!(output.event("", "", EventData::Text("x")).unwrap(), ControlFlow::Break(Exit::Done));
    }
}
