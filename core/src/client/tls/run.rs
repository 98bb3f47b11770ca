//! The runner: opens sessions and copies their bytes.

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

/// The shortest record buffer: the first message of a handshake and its overhead.
const MIN_RECORD_BUFFER: usize = 512;
/// The longest written record: 2^14 bytes of content (RFC 8446 §5.1) and its overhead.
const MAX_WRITE_RECORD: usize = 16_384 + TLS_RECORD_OVERHEAD;

impl<E: fmt::Debug, const N: usize> TlsConnector<E, N> {
    /// Opens the requested connections, one after another, by `tcp`, to servers that pass `verification`, and copies
    /// their bytes. It is one task on the executor of the clients. Neither side waits for the other beyond `N` bytes.
    ///
    /// `read_record` holds a received record without its header: 16,640 bytes for any server, fewer if the server's
    /// records are smaller. `write_record` holds a sent record: 128 bytes more than the content, which is at most
    /// `N`. Neither may be shorter than 512 bytes. `write_record` has to hold the handshake's first message, about
    /// 200 bytes and the name.
    ///
    /// The handshake computes without yielding, so other tasks of the executor wait. Dropping the future breaks the
    /// open connection; it can be run again.
    pub async fn run<C, P>(
        &self,
        tcp: &C,
        verification: &mut ServerVerification<'_, P>,
        read_record: &mut [u8],
        write_record: &mut [u8],
    ) -> !
    where
        C: Connect<Error = E>,
        P: CryptoProvider,
        P::CipherSuite: 'static,
    {
        let limit = write_record.len().min(MAX_WRITE_RECORD);
        let write_record = write_record.get_mut(..limit).unwrap_or_default();
        let _running = StopGuard(self);
        loop {
            let target = self.next_target().await;
            let result = if read_record.len() < MIN_RECORD_BUFFER || write_record.len() < MIN_RECORD_BUFFER {
                Err(TlsConnectError::Buffers)
            } else if verification.lacks_verifier() {
                Err(TlsConnectError::NoVerifier)
            } else {
                self.connection(&target, tcp, verification, read_record, write_record).await
            };
            let mut handoff = self.handoff.borrow_mut();
            match (result, &handoff.stage) {
                (Err(error), Stage::Connecting) => handoff.advance_client(Stage::Failed(error)),
                (_, Stage::Released) => handoff.stage = Stage::Idle,
                _ => {}
            }
        }
    }

    /// Waits for a requested connection.
    async fn next_target(&self) -> Target {
        poll_fn(|cx| {
            let mut handoff = self.handoff.borrow_mut();
            match handoff.stage {
                Stage::Requested => {
                    handoff.stage = Stage::Connecting;
                    if let Some(target) = handoff.target.take() {
                        return Poll::Ready(target);
                    }
                }
                Stage::Released => handoff.stage = Stage::Idle,
                _ => {}
            }
            handoff.register_runner(cx);
            Poll::Pending
        })
        .await
    }

    /// One connection, from the request to its end. An error: the attempt failed.
    async fn connection<C, P>(
        &self,
        target: &Target,
        tcp: &C,
        verification: &mut ServerVerification<'_, P>,
        read_record: &mut [u8],
        write_record: &mut [u8],
    ) -> Result<(), TlsConnectError<E>>
    where
        C: Connect<Error = E>,
        P: CryptoProvider,
        P::CipherSuite: 'static,
    {
        let Some(socket) = self.unless_cancelled(tcp.connect(target.endpoint())).await else { return Ok(()) };
        let records = RecordIo::new(socket.map_err(TlsConnectError::Tcp)?);
        let mut tls = TlsConnection::new(&records, read_record, write_record);
        match self.handshake(target, &records, &mut tls, verification).await {
            Handshake::Done => records.handshake_done(),
            Handshake::Failed(error) => {
                records.close();
                return Err(error);
            }
            Handshake::Cancelled => {
                records.abort();
                return Ok(());
            }
        }
        let pipe = self.hand_over();
        let ended = self.transfer(&records, &pipe, &mut tls).await;
        match ended {
            SessionEnd::ClientDone => {
                // RFC 8446 §6.1: our close_notify follows the client's last bytes.
                let other = |cx: &mut Context<'_>| self.has_left_stage(cx, |stage| matches!(stage, Stage::Released));
                let notified = matches!(
                    drive(&records, pin!(tls.close()), other, |_| Poll::Pending).await,
                    DriveResult::Done(Ok(_))
                );
                if notified {
                    records.close();
                    let _ = drive(&records, pin!(records.flushed()), other, |_| Poll::Pending).await;
                }
            }
            // embedded-tls writes no alert after the server's close_notify.
            SessionEnd::CloseNotify => records.close(),
            SessionEnd::Cancelled | SessionEnd::Broken(_) => records.abort(),
        }
        drop(records);
        self.deliver_rest(pipe, ended).await;
        Ok(())
    }

    /// The TLS handshake with the server.
    async fn handshake<S, P>(
        &self,
        target: &Target,
        records: &RecordIo<S>,
        tls: &mut TlsConnection<'_, &RecordIo<S>, P::CipherSuite>,
        verification: &mut ServerVerification<'_, P>,
    ) -> Handshake<E>
    where
        S: Socket,
        P: CryptoProvider,
        P::CipherSuite: 'static,
    {
        let (config, mut verifier) = verification.for_server(target.name());
        if let Host::Ip(address) = target.endpoint().host {
            let mut text = String::<46>::new();
            if let Err(error) = write!(text, "{address}")
                .map_err(|_| TlsError::InternalError)
                .and_then(|()| verifier.expect_address(&text))
            {
                return Handshake::Failed(TlsConnectError::Tls(error));
            }
        }
        let cancelled = |cx: &mut Context<'_>| self.has_left_stage(cx, |stage| matches!(stage, Stage::Connecting));
        let context = TlsContext::new(&config, &mut verifier);
        let driven = drive(records, pin!(tls.open(context)), cancelled, |_| Poll::Pending).await;
        match driven {
            DriveResult::Stopped => Handshake::Cancelled,
            DriveResult::Broken => Handshake::Failed(TlsConnectError::Disconnected),
            DriveResult::Done(Err(error)) => Handshake::Failed(connect_error(error, verifier.error())),
            DriveResult::Done(Ok(())) if verifier.is_authenticated() => Handshake::Done,
            DriveResult::Done(Ok(())) => Handshake::Failed(TlsConnectError::Unauthenticated),
        }
    }

    /// Hands the connection over to the client.
    fn hand_over(&self) -> PlaintextPipe<'_> {
        self.pipe.reopen();
        let pipe = PlaintextPipe::new(self.pipe.client_end());
        let mut handoff = self.handoff.borrow_mut();
        handoff.disconnect = None;
        handoff.advance_client(Stage::Open);
        pipe
    }

    /// Copies bytes in both directions until the session ends. The reader's and the writer's futures live as long as
    /// the connection, since embedded-tls's futures are not cancel-safe.
    async fn transfer<S: Socket, C: TlsCipherSuite + 'static>(
        &self,
        records: &RecordIo<S>,
        pipe: &PlaintextPipe<'_>,
        tls: &mut TlsConnection<'_, &RecordIo<S>, C>,
    ) -> SessionEnd {
        let (reader, writer) = tls.split();
        let both = async {
            let (mut receiving, mut sending) = (pin!(copy_to_client(reader, pipe)), pin!(copy_to_server(writer, pipe)));
            poll_fn(|cx| {
                pipe.want.set(Interest::NONE);
                if let Poll::Ready(Err(ended)) = receiving.as_mut().poll(cx) {
                    return Poll::Ready(ended);
                }
                if !pipe.sent.get()
                    && let Poll::Ready(result) = sending.as_mut().poll(cx)
                {
                    if let Err(ended) = result {
                        return Poll::Ready(ended);
                    }
                    pipe.sent.set(true);
                }
                if self.client_done(pipe) { Poll::Ready(SessionEnd::ClientDone) } else { Poll::Pending }
            })
            .await
        };
        let cancelled =
            |cx: &mut Context<'_>| self.has_left_stage(cx, |stage| matches!(stage, Stage::Open | Stage::Released));
        let pipe_ready = |cx: &mut Context<'_>| if self.client_done(pipe) { Poll::Ready(()) } else { pipe.poll(cx) };
        match drive(records, pin!(both), cancelled, pipe_ready).await {
            DriveResult::Done(ended) => ended,
            DriveResult::Broken => SessionEnd::Broken(TlsDisconnect::Truncated),
            DriveResult::Stopped => SessionEnd::Cancelled,
        }
    }

    /// After the server's end: the client reads the remaining bytes first, then the reason.
    async fn deliver_rest(&self, pipe: PlaintextPipe<'_>, ended: SessionEnd) {
        let disconnect = match ended {
            SessionEnd::CloseNotify => None,
            SessionEnd::Broken(disconnect) => Some(disconnect),
            SessionEnd::ClientDone | SessionEnd::Cancelled => return,
        };
        let mut end = pipe.end.into_inner();
        if disconnect.is_none() {
            end.0.close();
        }
        poll_fn(|cx| {
            if self.has_left_stage(cx, |stage| matches!(stage, Stage::Open)) {
                return Poll::Ready(());
            }
            // Discard the client's bytes: the session is over.
            let mut more = true;
            while matches!(end.0.try_read_with(|bytes| (bytes.len(), ())), Ok(TryIo::Done(()))) {}
            if matches!(end.0.try_read_with(|_| (0, ())), Ok(TryIo::Eof)) {
                more = false;
            }
            let all = end.0.send_capacity();
            if disconnect.is_some() && end.0.send_free() == all {
                self.handoff.borrow_mut().disconnect = disconnect;
                return Poll::Ready(());
            }
            let want =
                Interest { read: more, writable_bytes: if disconnect.is_some() { all } else { 0 }, flushed: false };
            match end.0.poll_wait(cx, want) {
                Poll::Ready(Err(_)) => Poll::Ready(()),
                Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
            }
        })
        .await;
        // Dropping `end` here breaks the connection.
    }

    /// Whether the client has left this stage; registers the task to be woken.
    fn has_left_stage(&self, cx: &Context<'_>, here: impl FnOnce(&Stage<E>) -> bool) -> bool {
        let mut handoff = self.handoff.borrow_mut();
        handoff.register_runner(cx);
        !here(&handoff.stage)
    }

    /// Whether the client has dropped the connection and all its bytes were written.
    fn client_done(&self, pipe: &PlaintextPipe<'_>) -> bool {
        pipe.sent.get() && matches!(self.handoff.borrow().stage, Stage::Released)
    }

    /// The result of a future, or `None` if the client cancels.
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

/// The result of a handshake.
enum Handshake<E> {
    Done,
    Failed(TlsConnectError<E>),
    /// The client has cancelled it.
    Cancelled,
}

/// Reports the end of [`TlsConnector::run`] to a waiting client.
struct StopGuard<'a, E, const N: usize>(&'a TlsConnector<E, N>);

impl<E, const N: usize> Drop for StopGuard<'_, E, N> {
    fn drop(&mut self) {
        let mut handoff = self.0.handoff.borrow_mut();
        match handoff.stage {
            Stage::Connecting => handoff.advance_client(Stage::Failed(TlsConnectError::Stopped)),
            Stage::Released => handoff.stage = Stage::Idle,
            _ => {}
        }
    }
}

/// The connect error that an error of the handshake means.
fn connect_error<E>(error: TlsError, result: Option<VerificationError>) -> TlsConnectError<E> {
    match (result, error) {
        (Some(VerificationError::Chain(sent)), _) => TlsConnectError::ChainTooLong(sent),
        (Some(VerificationError::Certificate(error)), _) => TlsConnectError::Certificate(error),
        (Some(VerificationError::Signature(error)), _) => TlsConnectError::Signature(error),
        (None, TlsError::HandshakeAborted(_, alert)) => TlsConnectError::Alert(alert),
        (None, TlsError::Io(ErrorKind::InvalidData)) => TlsConnectError::Tls(TlsError::InvalidRecord),
        (None, TlsError::IoError | TlsError::Io(_)) => TlsConnectError::Disconnected,
        (None, error) => TlsConnectError::Tls(error),
    }
}
