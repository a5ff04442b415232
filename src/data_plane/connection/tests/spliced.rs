//! Bodies that pass by hyper in parts of a file, and what happens should hyper touch them.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::data_plane::admission::Admission;
use crate::data_plane::connection::{Answer, Door, Pieces, TurnedAway};
use crate::data_plane::connection_metrics::{ConnectionMetrics, Timeout};
use crate::data_plane::tarpit::Tarpit;
use crate::data_plane::{ConnectionFacts, DrainTrigger, Limits, RequestBody, Settings, drain};
use crate::network::NetworkSet;
use crate::splice::{COPIED_END, FilePart, Load, Outlet, Stream};

const LENGTH: u64 = 3 * 1024 * 1024 + 17;

/// Answers every request with its file, all but the end in parts.
struct Files {
    file: Arc<File>,
    settings: Arc<Settings>,
}

struct InParts {
    file: Arc<File>,
    outlet: Outlet,
    at: u64,
}

impl Pieces for InParts {
    fn keep_pieces_within(self: Pin<&mut Self>, _: usize) {}
}

impl Answer for Files {
    type Body = InParts;

    async fn answer(
        &self,
        _: Request<RequestBody>,
        connection: &Arc<ConnectionFacts>,
    ) -> Response<InParts> {
        let outlet = connection.outlet.clone().unwrap();
        Response::new(InParts { file: Arc::clone(&self.file), outlet, at: 0 })
    }

    fn turn_away(&self, reason: TurnedAway, _: &ConnectionFacts) -> Response<InParts> {
        panic!("nobody is turned away here: {reason:?}")
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings)
    }
}

impl Body for InParts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.outlet.poll_drained(cx));
        let left = LENGTH - self.at;
        let bytes = match left {
            0 => return Poll::Ready(None),
            1..=COPIED_END => {
                let mut end = vec![0; usize::try_from(left).unwrap()];
                self.file.read_exact_at(&mut end, self.at).unwrap();
                end.into()
            }
            left => {
                let file = Arc::new(self.file.try_clone().unwrap().into());
                let part = FilePart::new(file, self.at, left - COPIED_END);
                self.outlet.hand_over(Load::File(part)).unwrap()
            }
        };
        self.at += bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(LENGTH - self.at)
    }
}

/// Makes hyper put everything into one buffer, pieces too.
struct Copying(Stream);

impl AsyncWrite for Copying {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl AsyncRead for Copying {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

struct Served {
    content: Vec<u8>,
    file: Arc<File>,
    door: Arc<Door<Files>>,
    client: TcpStream,
    serving: JoinHandle<()>,
    _drain: DrainTrigger,
}

/// A connection to an edge that serves a file of `LENGTH` bytes over this stream.
async fn serve<S>(limits: Limits, over: impl FnOnce(Stream) -> S) -> Served
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let content: Vec<u8> = (0..LENGTH).map(|at| u8::try_from(at % 251).unwrap() + 1).collect();
    let file = Arc::new(tempfile::tempfile().unwrap());
    file.write_all_at(&content, 0).unwrap();
    let settings = Arc::new(Settings { limits, ..Settings::default() });
    let address = "192.0.2.80:80".parse().unwrap();
    let (drain, signal) = drain();
    let door = Arc::new(Door {
        answer: Arc::new(Files { file: Arc::clone(&file), settings }),
        address,
        tls: None,
        proxies: NetworkSet::default(),
        tarpit: Arc::new(Tarpit::new()),
        metrics: Arc::new(ConnectionMetrics::new([address].into_iter())),
        drain: signal,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, from) = listener.accept().await.unwrap();
    let stream = Stream::new(stream);
    let outlet = stream.outlet();
    let stream = over(stream);
    let admitted = Arc::new(Admission::new()).admit(None).unwrap();
    let inside = Arc::clone(&door);
    let serving = tokio::spawn(async move {
        inside.serve(stream, Some(outlet), from.ip(), admitted).await;
    });
    Served { content, file, door, client, serving, _drain: drain }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

async fn read_head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn parts_arrive_byte_for_byte_one_answer_after_the_other() {
    let mut served = serve(Limits::default(), |it| it).await;
    let Served { content, client, .. } = &mut served;
    client.write_all(&GET.repeat(3)).await.unwrap();
    for number in 0..3 {
        let head = read_head(client).await;
        assert!(head.contains(&format!("content-length: {LENGTH}\r\n")), "{head}");
        let mut body = vec![0; content.len()];
        client.read_exact(&mut body).await.unwrap();
        assert!(body == *content, "{number}");
    }
}

/// The invariant that everything here leans on: a copied piece ends the connection, and the answer
/// is never whole.
#[tokio::test]
async fn a_piece_that_is_copied_cuts_the_answer_off() {
    let mut served = serve(Limits::default(), Copying).await;
    let client = &mut served.client;
    client.write_all(GET).await.unwrap();
    let mut answer = Vec::new();
    // Closed or reset, and at once.
    let read = tokio::time::timeout(Duration::from_secs(5), client.read_to_end(&mut answer));
    let _ = read.await.expect("the connection ends");
    assert!((answer.len() as u64) < LENGTH, "{} bytes", answer.len());
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_while_a_part_is_unsent() {
    let limits = Limits { write_timeout: Duration::from_millis(300), ..Limits::default() };
    let mut served = serve(limits, |it| it).await;
    // More than the sockets of both ends hold.
    served.client.write_all(&GET.repeat(8)).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), served.serving).await;
    ended.expect("the connection ends").unwrap();
    assert_eq!(served.door.metrics.timeouts(Timeout::Write).get(), 1);
}

/// The client gets what there was and no end, the body is dropped, and the outlet knows why.
#[tokio::test]
async fn a_file_that_is_shortened_while_it_is_sent_breaks_the_connection_off() {
    let mut served = serve(Limits::default(), |it| it).await;
    let handed_out = Arc::strong_count(&served.file);
    // More than the sockets of both ends hold, so that there is a rest to be sent.
    served.client.write_all(&GET.repeat(8)).await.unwrap();
    let mut answer = vec![0; 64 * 1024];
    served.client.read_exact(&mut answer).await.unwrap();
    served.file.set_len(LENGTH / 2).unwrap();
    let read =
        tokio::time::timeout(Duration::from_secs(20), served.client.read_to_end(&mut answer));
    // Closed or reset.
    let _ = read.await.expect("the connection ends");
    assert!((answer.len() as u64) < 8 * LENGTH, "{} bytes", answer.len());
    served.serving.await.unwrap();
    assert_eq!(Arc::strong_count(&served.file), handed_out);
}
