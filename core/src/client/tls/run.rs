//! The other side of a tunnel: it opens the connections, and carries bytes through them.

use core::fmt::{self, Write};
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};

use embedded_io_async::ErrorKind;
use embedded_tls::{CryptoProvider, TLS_RECORD_OVERHEAD, TlsCipherSuite, TlsConnection, TlsContext, TlsError};
use heapless::String;

use super::connector::{Stage, Target};
use super::plaintext_pipe::{PlaintextPipe, SessionEnd, copy_to_client, copy_to_server};
use super::record_io::{DriveResult, RecordIo, drive};
use super::verification::VerificationError;
use super::{ServerVerification, TlsConnectError, TlsConnector, TlsDisconnect};
use crate::client::Connect;
use crate::client::url::Host;
use crate::io::{Interest, Socket, TryIo};

/// The least of a buffer for records: a handshake's first message and its overhead.
const MIN_RECORD_BUFFER: usize = 512;
/// The most of what is written at once: a record has 2^14 bytes of content (RFC 8446 §5.1).
const MAX_WRITE_RECORD: usize = 16_384 + TLS_RECORD_OVERHEAD;

impl<E: fmt::Debug, const N: usize> TlsConnector<E, N> {
    /// Opens the connections that clients ask for, one after another, by `tcp`, to servers that `trust` takes, and carries their
    /// bytes. One task runs it, on the executor of the clients; each polls the other on, and neither waits for the other
    /// beyond `N` bytes.
    ///
    /// `read_record` holds a record as it comes, less its head: 16,640 bytes for any server, fewer where the server sends no larger ones.
    /// `write_record` holds one as it leaves: 128 bytes more than what is sent at a time, which is `N` at most. Neither may be
    /// below 512 bytes; the latter takes the first message of the handshake, some 200 bytes beside the name, whole.
    ///
    /// The handshake computes without giving way; what else its executor runs waits meanwhile. Dropping the future breaks the
    /// connection that is open; a new one may be run then.
    pub async fn run<C, P>(
        &self,
        tcp: &C,
        trust: &mut ServerVerification<'_, P>,
        read_record: &mut [u8],
        write_record: &mut [u8],
    ) -> !
    where
        C: Connect<Error = E>,
        P: CryptoProvider,
        P::CipherSuite: 'static,
    {
        let most = write_record.len().min(MAX_WRITE_RECORD);
        let write_record = write_record.get_mut(..most).unwrap_or_default();
        let _running = StopGuard(self);
        loop {
            let target = self.next_target().await;
            let refused = if read_record.len() < MIN_RECORD_BUFFER || write_record.len() < MIN_RECORD_BUFFER {
                Err(TlsConnectError::Buffers)
            } else if trust.lacks_verifier() {
                Err(TlsConnectError::NoVerifier)
            } else {
                self.connection(&target, tcp, trust, read_record, write_record).await
            };
            let mut line = self.handoff.borrow_mut();
            match (refused, &line.stage) {
                (Err(error), Stage::Connecting) => line.advance_client(Stage::Failed(error)),
                (_, Stage::Released) => line.stage = Stage::Idle,
                _ => {}
            }
        }
    }

    /// What a client asks for.
    async fn next_target(&self) -> Target {
        poll_fn(|cx| {
            let mut line = self.handoff.borrow_mut();
            match line.stage {
                Stage::Requested => {
                    line.stage = Stage::Connecting;
                    if let Some(target) = line.target.take() {
                        return Poll::Ready(target);
                    }
                }
                Stage::Released => line.stage = Stage::Idle,
                _ => {}
            }
            line.register_runner(cx);
            Poll::Pending
        })
        .await
    }

    /// One connection, from its opening to its end. An error is why it could not be opened.
    async fn connection<C, P>(
        &self,
        target: &Target,
        tcp: &C,
        trust: &mut ServerVerification<'_, P>,
        read_record: &mut [u8],
        write_record: &mut [u8],
    ) -> Result<(), TlsConnectError<E>>
    where
        C: Connect<Error = E>,
        P: CryptoProvider,
        P::CipherSuite: 'static,
    {
        let Some(socket) = self.unless_cancelled(tcp.connect(target.endpoint())).await else { return Ok(()) };
        let wire = RecordIo::new(socket.map_err(TlsConnectError::Tcp)?);
        let mut tls = TlsConnection::new(&wire, read_record, write_record);
        match self.handshake(target, &wire, &mut tls, trust).await {
            Handshake::Done => wire.handshake_done(),
            Handshake::Failed(error) => {
                wire.close();
                return Err(error);
            }
            Handshake::Cancelled => {
                wire.abort();
                return Ok(());
            }
        }
        let hose = self.hand_over();
        let ended = self.transfer(&wire, &hose, &mut tls).await;
        match ended {
            SessionEnd::ClientDone => {
                // Our close_notify follows what the client has left.
                let other = |cx: &mut Context<'_>| self.has_left_stage(cx, |stage| matches!(stage, Stage::Released));
                let told =
                    matches!(drive(&wire, pin!(tls.close()), other, |_| Poll::Pending).await, DriveResult::Done(Ok(_)));
                if told {
                    wire.close();
                    let _ = drive(&wire, pin!(wire.flushed()), other, |_| Poll::Pending).await;
                }
            }
            // embedded-tls writes nothing any more once the server has ended its direction.
            SessionEnd::CloseNotify => wire.close(),
            SessionEnd::Cancelled | SessionEnd::Broken(_) => wire.abort(),
        }
        drop(wire);
        self.deliver_rest(hose, ended).await;
        Ok(())
    }

    /// Shakes hands with the server.
    async fn handshake<S, P>(
        &self,
        target: &Target,
        wire: &RecordIo<S>,
        tls: &mut TlsConnection<'_, &RecordIo<S>, P::CipherSuite>,
        trust: &mut ServerVerification<'_, P>,
    ) -> Handshake<E>
    where
        S: Socket,
        P: CryptoProvider,
        P::CipherSuite: 'static,
    {
        let (config, mut judge) = trust.for_server(target.name());
        if let Host::Ip(address) = target.endpoint().host {
            let mut text = String::<46>::new();
            if let Err(error) = write!(text, "{address}")
                .map_err(|_| TlsError::InternalError)
                .and_then(|()| judge.expect_address(&text))
            {
                return Handshake::Failed(TlsConnectError::Tls(error));
            }
        }
        let given_up = |cx: &mut Context<'_>| self.has_left_stage(cx, |stage| matches!(stage, Stage::Connecting));
        let context = TlsContext::new(&config, &mut judge);
        let driven = drive(wire, pin!(tls.open(context)), given_up, |_| Poll::Pending).await;
        match driven {
            DriveResult::Stopped => Handshake::Cancelled,
            DriveResult::Broken => Handshake::Failed(TlsConnectError::Disconnected),
            DriveResult::Done(Err(error)) => Handshake::Failed(connect_error(error, judge.error())),
            DriveResult::Done(Ok(())) if judge.is_authenticated() => Handshake::Done,
            DriveResult::Done(Ok(())) => Handshake::Failed(TlsConnectError::Unauthenticated),
        }
    }

    /// Gives the client its connection.
    fn hand_over(&self) -> PlaintextPipe<'_> {
        self.pipe.reopen();
        let hose = PlaintextPipe::new(self.pipe.client_end());
        let mut line = self.handoff.borrow_mut();
        line.disconnect = None;
        line.advance_client(Stage::Open);
        hose
    }

    /// Carries bytes both ways until there are no more. What is read and what is written are futures that live as long as the
    /// connection: neither of embedded-tls's may be dropped on its way.
    async fn transfer<S: Socket, C: TlsCipherSuite + 'static>(
        &self,
        wire: &RecordIo<S>,
        hose: &PlaintextPipe<'_>,
        tls: &mut TlsConnection<'_, &RecordIo<S>, C>,
    ) -> SessionEnd {
        let (reader, writer) = tls.split();
        let both = async {
            let (mut receiving, mut sending) = (pin!(copy_to_client(reader, hose)), pin!(copy_to_server(writer, hose)));
            poll_fn(|cx| {
                hose.want.set(Interest::NONE);
                if let Poll::Ready(Err(ended)) = receiving.as_mut().poll(cx) {
                    return Poll::Ready(ended);
                }
                if !hose.sent.get()
                    && let Poll::Ready(result) = sending.as_mut().poll(cx)
                {
                    if let Err(ended) = result {
                        return Poll::Ready(ended);
                    }
                    hose.sent.set(true);
                }
                if self.client_done(hose) { Poll::Ready(SessionEnd::ClientDone) } else { Poll::Pending }
            })
            .await
        };
        let given_up =
            |cx: &mut Context<'_>| self.has_left_stage(cx, |stage| matches!(stage, Stage::Open | Stage::Released));
        let beside = |cx: &mut Context<'_>| if self.client_done(hose) { Poll::Ready(()) } else { hose.poll(cx) };
        match drive(wire, pin!(both), given_up, beside).await {
            DriveResult::Done(ended) => ended,
            DriveResult::Broken => SessionEnd::Broken(TlsDisconnect::Truncated),
            DriveResult::Stopped => SessionEnd::Cancelled,
        }
    }

    /// After the server's end: what came is read first, and only then is it told how it ended.
    async fn deliver_rest(&self, hose: PlaintextPipe<'_>, ended: SessionEnd) {
        let broken = match ended {
            SessionEnd::CloseNotify => None,
            SessionEnd::Broken(broken) => Some(broken),
            SessionEnd::ClientDone | SessionEnd::Cancelled => return,
        };
        let mut end = hose.end.into_inner();
        if broken.is_none() {
            end.0.close();
        }
        poll_fn(|cx| {
            if self.has_left_stage(cx, |stage| matches!(stage, Stage::Open)) {
                return Poll::Ready(());
            }
            // Nobody hears what the client still says.
            let mut more = true;
            while matches!(end.0.try_read_with(|bytes| (bytes.len(), ())), Ok(TryIo::Done(()))) {}
            if matches!(end.0.try_read_with(|_| (0, ())), Ok(TryIo::Eof)) {
                more = false;
            }
            let all = end.0.send_capacity();
            if broken.is_some() && end.0.send_free() == all {
                self.handoff.borrow_mut().disconnect = broken;
                return Poll::Ready(());
            }
            let want = Interest { read: more, writable_bytes: if broken.is_some() { all } else { 0 }, flushed: false };
            match end.0.poll_wait(cx, want) {
                Poll::Ready(Err(_)) => Poll::Ready(()),
                Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
            }
        })
        .await;
        // Its end is dropped here, and breaks the connection.
    }

    /// Whether the client has left the stage that this is about; wakes this task when it goes on.
    fn has_left_stage(&self, cx: &Context<'_>, here: impl FnOnce(&Stage<E>) -> bool) -> bool {
        let mut line = self.handoff.borrow_mut();
        line.register_runner(cx);
        !here(&line.stage)
    }

    /// Whether the client has said all, and is gone.
    fn client_done(&self, hose: &PlaintextPipe<'_>) -> bool {
        hose.sent.get() && matches!(self.handoff.borrow().stage, Stage::Released)
    }

    /// What comes of a future, unless the client gives up before.
    async fn unless_cancelled<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if self.has_left_stage(cx, |stage| matches!(stage, Stage::Connecting)) {
                return Poll::Ready(None);
            }
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }
}

/// How a handshake ended.
enum Handshake<E> {
    Done,
    Failed(TlsConnectError<E>),
    /// The client did not wait for it.
    Cancelled,
}

/// What a task that is dropped leaves behind.
struct StopGuard<'a, E, const N: usize>(&'a TlsConnector<E, N>);

impl<E, const N: usize> Drop for StopGuard<'_, E, N> {
    fn drop(&mut self) {
        let mut line = self.0.handoff.borrow_mut();
        match line.stage {
            Stage::Connecting => line.advance_client(Stage::Failed(TlsConnectError::Stopped)),
            Stage::Released => line.stage = Stage::Idle,
            _ => {}
        }
    }
}

/// What an error of a handshake means.
fn connect_error<E>(error: TlsError, refused: Option<VerificationError>) -> TlsConnectError<E> {
    match (refused, error) {
        (Some(VerificationError::Chain(sent)), _) => TlsConnectError::ChainTooLong(sent),
        (Some(VerificationError::Certificate(error)), _) => TlsConnectError::Certificate(error),
        (Some(VerificationError::Signature(error)), _) => TlsConnectError::Signature(error),
        (None, TlsError::HandshakeAborted(_, alert)) => TlsConnectError::Alert(alert),
        (None, TlsError::Io(ErrorKind::InvalidData)) => TlsConnectError::Tls(TlsError::InvalidRecord),
        (None, TlsError::IoError | TlsError::Io(_)) => TlsConnectError::Disconnected,
        (None, error) => TlsConnectError::Tls(error),
    }
}
