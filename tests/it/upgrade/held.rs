//! A request whose body goes on for as long as the test wants.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{Speak, connect};

const BODY: [&str; 2] = ["secret=half", "+and+half"];

/// A request in flight.
pub(super) struct Held {
    rest: oneshot::Sender<()>,
    answer: JoinHandle<u16>,
}

impl Held {
    /// Sends its head and half of its body.
    pub(super) async fn begin(
        address: SocketAddr,
        tls: Arc<ClientConfig>,
        protocol: Speak,
    ) -> Self {
        let host = "eu.onetimesecret.com";
        let stream = connect(address, tls, host).await.expect("a connection");
        let (stream, (rest, told)) = (TokioIo::new(stream), oneshot::channel());
        let (half, sent) = oneshot::channel();
        let body = Halves {
            told,
            half: Some(half),
            whole: false,
        };
        let request = Request::post(format!("https://{host}:{}/api/v1/share", address.port()))
            .header("host", format!("{host}:{}", address.port()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .expect("a request");
        let answer = match protocol {
            Speak::Http1 => {
                let mut request = request;
                *request.uri_mut() = "/api/v1/share".parse().expect("a target");
                let (mut sender, connection) = http1::handshake(stream).await.expect("HTTP/1.1");
                tokio::spawn(connection);
                tokio::spawn(async move { status(sender.send_request(request).await) })
            }
            Speak::Http2 => {
                let mut request = request;
                request.headers_mut().remove("host");
                let executor = TokioExecutor::new();
                let (mut sender, connection) =
                    http2::handshake(executor, stream).await.expect("HTTP/2");
                tokio::spawn(connection);
                tokio::spawn(async move { status(sender.send_request(request).await) })
            }
        };
        sent.await.expect("half of it is sent");
        Self { rest, answer }
    }

    /// Sends the rest; the answer's status.
    pub(super) async fn finish(self) -> u16 {
        assert!(!self.answer.is_finished(), "it is answered early");
        self.rest.send(()).expect("the request is alive");
        self.answer.await.expect("a task")
    }
}

fn status<T>(answer: hyper::Result<http::Response<T>>) -> u16 {
    answer.expect("an answer").status().as_u16()
}

struct Halves {
    told: oneshot::Receiver<()>,
    half: Option<oneshot::Sender<()>>,
    whole: bool,
}

impl Body for Halves {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let [first, rest] = BODY.map(|half| Frame::data(Bytes::from_static(half.as_bytes())));
        if let Some(half) = self.half.take() {
            let _ = half.send(());
            return Poll::Ready(Some(Ok(first)));
        }
        if self.whole {
            return Poll::Ready(None);
        }
        let _ = ready!(Pin::new(&mut self.told).poll(context));
        self.whole = true;
        Poll::Ready(Some(Ok(rest)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(BODY.concat().len() as u64)
    }
}
