//! The courier among control planes that answer, refuse, and hang up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::ShareCourier;
use crate::asset::TenantId;
use crate::data_plane::{ControlUrl, ShareDesk, SyncConfig};
use crate::policy::ClientScheme;
use crate::secret::Secret;
use crate::visitor::Visitor;

/// What a control plane does with one request.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// Answers with this, and waits for another on the same connection.
    Answers(&'static str),
    /// Reads it and hangs up.
    HangsUp,
    /// Sends this and hangs up.
    Breaks(&'static str),
    /// Sends this, and hangs up when nobody listens any more.
    Begins(&'static str),
}

const PAGE: &str =
    "HTTP/1.1 200 OK\r\ncountersign-share-page: 1\r\nx-a: b\r\ncontent-length: 4\r\n\r\npage";
const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";
const FAILED: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";

/// A control plane by a script.
struct Plane {
    url: String,
    /// The requests, as they came.
    heard: Arc<Mutex<Vec<String>>>,
    /// A permit for each connection that ended.
    ended: Arc<Semaphore>,
    connections: Arc<Mutex<usize>>,
}

impl Plane {
    async fn of(script: &[Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let plane = Self {
            url,
            heard: Arc::default(),
            ended: Arc::new(Semaphore::new(0)),
            connections: Arc::default(),
        };
        let script = Arc::new(Mutex::new(script.iter().copied().collect::<VecDeque<_>>()));
        let (heard, ended) = (Arc::clone(&plane.heard), Arc::clone(&plane.ended));
        let connections = Arc::clone(&plane.connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                let (script, heard, ended) =
                    (Arc::clone(&script), Arc::clone(&heard), Arc::clone(&ended));
                tokio::spawn(async move {
                    converse(stream, &script, &heard).await;
                    ended.add_permits(1);
                });
            }
        });
        plane
    }

    fn heard(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

/// Reads requests and does what the script says, until either side hangs up.
async fn converse(
    mut stream: TcpStream,
    script: &Mutex<VecDeque<Does>>,
    heard: &Mutex<Vec<String>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        heard.lock().unwrap().push(request);
        let does = script.lock().unwrap().pop_front().unwrap();
        match does {
            Does::Answers(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Does::HangsUp => return,
            Does::Breaks(text) => return stream.write_all(text.as_bytes()).await.unwrap(),
            Does::Begins(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                let _ = stream.read(&mut [0]).await;
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn courier(urls: &[&str]) -> ShareCourier {
    let config = SyncConfig {
        urls: urls.iter().map(|url| ControlUrl::parse(url).unwrap()).collect(),
        token: Arc::new(Secret::new("csn_edge".to_owned())),
        ca: None,
        state: "state".into(),
        max_age: Duration::from_mins(1),
    };
    ShareCourier::new(&config).unwrap()
}

fn request(method: Method, body: &'static str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = "/s/abc?x=1".parse().unwrap();
    let fields = [("host", "a.example"), ("cookie", "a=1"), ("range", "bytes=0-1")];
    let headers: HeaderMap = fields
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .into_iter()
        .collect();
    *request.headers_mut() = headers;
    request.extensions_mut().insert(Visitor {
        client: "2001:db8::1".parse::<std::net::IpAddr>().unwrap().into(),
        scheme: ClientScheme::Https,
        host: "a.example".into(),
        tenant: TenantId(7),
    });
    request
}

/// The answer's body, or the error in words.
async fn ask(courier: &ShareCourier, method: Method, body: &'static str) -> Result<String, String> {
    let answer = courier.answer(request(method, body)).await;
    let answer = answer.map_err(|away| away.0.to_string())?;
    assert!(answer.headers().get(Visitor::ANSWERED).is_none());
    let body = answer.into_body().collect().await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn a_visitor_is_brought_with_the_edges_token_and_one_connection_is_enough() {
    let plane = Plane::of(&[Does::Answers(PAGE); 3]).await;
    let courier = courier(&[&plane.url]);
    for (method, body) in [(Method::GET, ""), (Method::POST, "a=b"), (Method::GET, "")] {
        assert_eq!(ask(&courier, method, body).await.as_deref(), Ok("page"));
    }
    assert_eq!(*plane.connections.lock().unwrap(), 1);
    let heard = plane.heard.lock().unwrap().clone();
    assert!(heard[0].starts_with("GET /api/v1/edge/shares/s/abc?x=1 HTTP/1.1\r\n"), "{heard:?}");
    let host = plane.url.strip_prefix("http://").unwrap();
    for line in [
        "authorization: Bearer csn_edge",
        "cookie: a=1",
        "range: bytes=0-1",
        "countersign-visitor-address: 2001:db8::1",
        "countersign-visitor-scheme: https",
        "countersign-visitor-host: a.example",
        "countersign-visitor-tenant: 7",
        &format!("host: {host}"),
    ] {
        assert!(heard[0].contains(&format!("\r\n{line}\r\n")), "{line} in {heard:?}");
    }
    assert_eq!(heard[0].matches("host: ").count(), 2, "{heard:?}");
    assert!(heard[1].starts_with("POST /api") && heard[1].ends_with("\r\n\r\na=b"), "{heard:?}");
    assert!(heard[1].contains("\r\ncontent-length: 3\r\n"), "{heard:?}");
}

#[tokio::test]
async fn the_next_is_asked_where_the_first_did_nothing() {
    let answers = || Plane::of(&[Does::Answers(PAGE)]);
    // Nobody is there: port 1 of this machine has no listener.
    for (method, body) in [(Method::GET, ""), (Method::POST, "a=b")] {
        let second = answers().await;
        let courier = courier(&["http://127.0.0.1:1", &second.url]);
        assert_eq!(ask(&courier, method, body).await.as_deref(), Ok("page"));
    }
    // It does not know the edge, or the route.
    for (method, body) in [(Method::GET, ""), (Method::POST, "a=b")] {
        let (first, second) = (Plane::of(&[Does::Answers(REFUSED)]).await, answers().await);
        let courier = courier(&[&first.url, &second.url]);
        assert_eq!(ask(&courier, method, body).await.as_deref(), Ok("page"));
        assert_eq!((first.heard(), second.heard()), (1, 1));
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_twice() {
    for first in [Does::HangsUp, Does::Answers(FAILED)] {
        for (method, body, heard_by_second) in
            [(Method::GET, "", 1), (Method::HEAD, "", 1), (Method::POST, "a=b", 0)]
        {
            let first = Plane::of(&[first]).await;
            let head = "HTTP/1.1 200 OK\r\ncountersign-share-page: 1\r\ncontent-length: 4\r\n\r\n";
            let page = if method == Method::HEAD { head } else { PAGE };
            let second = Plane::of(&[Does::Answers(page)]).await;
            let courier = courier(&[&first.url, &second.url]);
            let told = ask(&courier, method.clone(), body).await;
            assert_eq!(told.is_ok(), heard_by_second == 1, "{method} {told:?}");
            assert_eq!((first.heard(), second.heard()), (1, heard_by_second), "{method}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_no_failure() {
    let script = [Does::Answers(PAGE), Does::HangsUp, Does::Answers(PAGE)];
    let plane = Plane::of(&script).await;
    let courier = courier(&[&plane.url]);
    assert_eq!(ask(&courier, Method::GET, "").await.as_deref(), Ok("page"));
    // It is hung up on when the second comes, which asks again.
    assert_eq!(ask(&courier, Method::GET, "").await.as_deref(), Ok("page"));
    assert_eq!((plane.heard(), *plane.connections.lock().unwrap()), (3, 2));
}

#[tokio::test]
async fn who_listens_no_longer_hangs_up() {
    let begins = "HTTP/1.1 200 OK\r\ncountersign-share-page: 1\r\ncontent-length: 40\r\n\r\nbegin";
    let plane = Plane::of(&[Does::Begins(begins)]).await;
    let courier = courier(&[&plane.url]);
    let answer = courier.answer(request(Method::GET, "")).await.unwrap();
    let mut body = answer.into_body();
    let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(piece, "begin");
    assert_eq!(plane.ended.available_permits(), 0);
    drop(body);
    plane.ended.acquire().await.unwrap().forget();
}

#[tokio::test]
async fn a_page_that_breaks_off_has_no_end() {
    let begins = "HTTP/1.1 200 OK\r\ncountersign-share-page: 1\r\ncontent-length: 9\r\n\r\nx";
    let plane = Plane::of(&[Does::Breaks(begins)]).await;
    let courier = courier(&[&plane.url]);
    assert!(ask(&courier, Method::GET, "").await.is_err());
}
