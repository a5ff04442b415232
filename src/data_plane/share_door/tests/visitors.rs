//! What reaches the desk, and what comes back.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::scenery::{ADDRESS, CLIENT, House, PROXY, posted};
use crate::asset::TenantId;
use crate::data_plane::Protocol;
use crate::visitor::Visitor;

#[tokio::test(start_paused = true)]
async fn a_visitor_has_the_desks_answer_and_the_desk_knows_the_visitor() {
    let house = House::new();
    let fields = "Cookie: a=1\r\nRange: bytes=0-1\r\nIf-None-Match: \"x\"\r\n\
                  Countersign-Visitor-Address: 192.0.2.99\r\nAuthorization: Bearer x\r\n\
                  X-Forwarded-For: 192.0.2.77\r\nX-Request-Id: theirs\r\n";
    let told = house.ask(&format!("GET /s/{ADDRESS}/x?b=%2f&c"), fields, "").await;
    assert_eq!((told.status, &*told.body), (200, "hello"));
    for (name, value) in [
        ("etag", "\"5\""),
        ("content-length", "5"),
        ("content-type", "text/html"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("connection", "close"),
    ] {
        assert_eq!(told.field(name), Some(value), "{told:?}");
    }
    assert_eq!(told.fields["set-cookie"], ["a=1", "b=2"]);
    assert_eq!(told.field("x-hop"), None);
    let request = house.last();
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.uri().to_string(), format!("/s/{ADDRESS}/x?b=%2f&c"));
    let id = told.field("x-request-id").unwrap();
    let expected = [
        ("cookie", "a=1"),
        ("range", "bytes=0-1"),
        ("if-none-match", "\"x\""),
        ("host", "a.example"),
        ("x-request-id", id),
    ];
    let expected: HeaderMap = expected
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .into_iter()
        .collect();
    assert_eq!(*request.headers(), expected);
    let visitor = Visitor {
        client: "192.0.2.1".parse::<std::net::IpAddr>().unwrap().into(),
        scheme: crate::policy::ClientScheme::Http,
        host: "a.example".into(),
        tenant: TenantId(7),
    };
    assert_eq!(request.extensions().get(), Some(&visitor));
    // A proxy that is trusted speaks for the client.
    let through = format!(
        "GET /s/{ADDRESS} HTTP/1.1\r\nHost: A.example:8443\r\nConnection: close\r\n\
         X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-Proto: https\r\n\r\n"
    );
    assert_eq!(house.say_from(PROXY, through.as_bytes()).await.status, 200);
    let seen = Visitor {
        client: "192.0.2.66".parse::<std::net::IpAddr>().unwrap().into(),
        scheme: crate::policy::ClientScheme::Https,
        host: "a.example:8443".into(),
        ..visitor
    };
    assert_eq!(house.last().extensions().get(), Some(&seen));
    let lines = house.told();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        assert_eq!((&line["path"], &line["code"]), (&"/s/…".into(), &"ok".into()), "{line}");
        assert_eq!((&line["site"], &line["bytes"]), (&"a.example".into(), &5.into()), "{line}");
        assert_eq!((&line["complete"], &line["status"]), (&"complete".into(), &200.into()));
        assert_eq!(line["parameters"], serde_json::json!([]));
    }
    assert_eq!(lines[0]["client"], "192.0.2.1");
    assert_eq!(lines[1]["client"], "192.0.2.66");
}

#[tokio::test(start_paused = true)]
async fn head_and_unchanged_have_the_head_alone() {
    let house = House::new();
    let told = house.ask(&format!("HEAD /s/{ADDRESS}"), "", "").await;
    assert_eq!((told.status, &*told.body, told.field("content-length")), (200, "", Some("5")));
    assert_eq!(house.last().method(), Method::HEAD);
    let told = house.ask(&format!("GET /s/{ADDRESS}/same"), "", "").await;
    assert_eq!((told.status, &*told.body, told.field("etag")), (304, "", Some("\"5\"")));
    for line in house.told() {
        assert_eq!(line["complete"], "complete", "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_reaches_the_desk_and_another_request_may_follow() {
    let house = House::new();
    let mut client = house.connect(CLIENT, Protocol::Http1);
    let form = "password=a%20b";
    let post = format!(
        "POST /s/{ADDRESS}/password HTTP/1.1\r\nHost: a.example\r\n{}\r\n{form}",
        posted(form.len())
    );
    let get = "GET /s/next HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    client.write_all(format!("{post}{post}{get}").as_bytes()).await.unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    let asked = std::mem::take(&mut *house.desk.0.asked.lock().unwrap());
    let bodies: Vec<_> = asked.iter().map(|it| (it.method().as_str(), &**it.body())).collect();
    let form = form.as_bytes();
    assert_eq!(bodies, [("POST", form), ("POST", form), ("GET", b"".as_slice())]);
    // The longest there may be.
    let longest = "x".repeat(64 * 1024);
    let told = house.ask(&format!("POST /s/{ADDRESS}"), &posted(longest.len()), &longest).await;
    assert_eq!(told.status, 200);
    assert_eq!(house.last().body().len(), 64 * 1024);
    let told = house.ask(&format!("POST /s/{ADDRESS}"), "Content-Length: 0\r\n", "").await;
    assert_eq!(told.status, 200);
}

/// Wherever the desk is, and whatever its own markers are.
#[tokio::test(start_paused = true)]
async fn the_desk_knows_of_a_cdn_on_the_way() {
    let house = House::new();
    for (lines, expected) in
        [("", None), ("Via: 1.1 a-proxy\r\n", None), ("CDN-Loop: a-cdn; b=c\r\n", Some("edge"))]
    {
        let told = house.ask(&format!("GET /s/{ADDRESS}"), lines, "").await;
        assert_eq!(told.status, 200);
        let asked = house.last();
        let marker = asked.headers().get("cdn-loop").map(|value| value.to_str().unwrap());
        assert_eq!(marker, expected, "{lines}");
    }
}

#[tokio::test(start_paused = true)]
async fn over_http2_it_is_the_same() {
    let house = House::new();
    let io = TokioIo::new(house.connect(CLIENT, Protocol::Http2));
    let (mut requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let mut ask = async |method: Method, target: &str, kind: Option<&str>, body: &'static str| {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://a.example{target}"))
            .header(COOKIE, "a=1")
            .header(COOKIE, "b=2");
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        let request = request.body(Full::<Bytes>::from(body)).unwrap();
        let (head, body) = requests.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status.as_u16(), body)
    };
    let (share, form) = (format!("/s/{ADDRESS}"), Some("application/x-www-form-urlencoded"));
    assert_eq!(ask(Method::GET, &share, None, "").await, (200, "hello".into()));
    assert_eq!(house.last().headers()[COOKIE], "a=1; b=2");
    assert_eq!(ask(Method::HEAD, &share, None, "").await, (200, "".into()));
    assert_eq!(ask(Method::POST, &share, form, "a=b").await, (200, "hello".into()));
    let posted = house.last();
    assert_eq!((posted.method(), &**posted.body()), (&Method::POST, b"a=b".as_slice()));
    let visitor: &Visitor = posted.extensions().get().unwrap();
    assert_eq!(visitor.scheme, crate::policy::ClientScheme::Https);
    let asked = house.asked();
    assert_eq!(ask(Method::POST, &share, Some("text/plain"), "a=b").await.0, 413);
    assert_eq!(ask(Method::POST, "/private/videos/a/source", form, "a=b").await.0, 413);
    assert_eq!(ask(Method::PUT, &share, form, "a=b").await.0, 413);
    assert_eq!(house.asked(), asked);
    drop(requests);
    house.told();
}
