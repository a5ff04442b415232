//! A container of Azure's that is read with tokens which Entra ID gives for a token from a file: Azurite
//! over TLS, which takes tokens and nothing else from us, and a service of tokens of the test's own.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::clock::Clock;
use serde_json::json;

use crate::support::edge::{Edge, KEY_HEX, NOW, usual_config};
use crate::support::files::replace;
use crate::support::object_stores::ObjectStore;
use crate::support::output::keep_secret;
use crate::support::planes::wait_until;
use crate::support::raw_client::{Answer, request};
use crate::support::signing::token;
use crate::support::tls::Authority;

const FEDERATED: &str = "federated-token-of-a-pod";
const TENANT: &str = "0b1c2d3e-0000-4000-8000-0123456789ab";

/// What was asked of a service of tokens: each body, as it was sent.
struct Tokens {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Tokens {
    /// Gives tokens for [`FEDERATED`], and refuses everybody else.
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        std::thread::spawn({
            let asked = Arc::clone(&asked);
            move || {
                for stream in listener.incoming() {
                    let (head, body) = read(&mut stream.as_ref().unwrap());
                    let right = head.starts_with(&format!("POST /{TENANT}/oauth2/v2.0/token "))
                        && body.contains(&format!("client_assertion={FEDERATED}&"))
                        && body.contains("client_id=an-application");
                    asked.lock().unwrap().push(body);
                    let (status, said) = if right {
                        (200, json!({"access_token": given(), "expires_in": 3600}))
                    } else {
                        (401, json!({"error": "invalid_client"}))
                    };
                    let said = said.to_string();
                    let answer = format!(
                        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n\
                         Connection: close\r\nContent-Length: {}\r\n\r\n{said}",
                        said.len()
                    );
                    let _ = stream.unwrap().write_all(answer.as_bytes());
                }
            }
        });
        Self { address, asked }
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// A request's head and its body.
fn read(stream: &mut &TcpStream) -> (String, String) {
    let (mut said, mut piece) = (String::new(), [0; 4096]);
    loop {
        let length = |head: &str| {
            let head = head.to_ascii_lowercase();
            let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            line.map_or(0, |length| length.parse().unwrap())
        };
        if let Some((head, body)) = said.split_once("\r\n\r\n")
            && body.len() >= length(head)
        {
            return (head.to_owned(), body.to_owned());
        }
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "half a request: {said}");
        said.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
}

/// As Entra ID makes them for storage, for an hour.
fn given() -> String {
    let now = Clock::System.now().get();
    let claims = json!({
        "aud": "https://storage.azure.com", "iss": format!("https://sts.windows.net/{TENANT}/"),
        "iat": now - 60, "nbf": now - 60, "exp": now + 3600, "appid": "an-application",
    });
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let head = part(json!({"alg": "RS256", "typ": "JWT"}).to_string());
    let token = format!("{head}.{}.{}", part(claims.to_string()), part("signed".to_owned()));
    keep_secret(&token);
    token
}

fn get(edge: &Edge, path: &str) -> Answer {
    let token = token(KEY_HEX, "/*", NOW + 60);
    request(
        edge.address(),
        &format!("GET {path}?__token__={token} HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\n\r\n"),
    )
}

fn start(store: &ObjectStore, authority: &Authority, tokens: &Tokens) -> Edge {
    let key = "credentials = { file = \"unused\" }";
    let identity = format!(
        "ca = \"azure.pem\"\ncredentials = {{ client_id = \"an-application\", \
         tenant_id = \"{TENANT}\", token_file = \"pod.token\", authority = \"http://{}\" }}",
        tokens.address
    );
    let origin = store.origin("container", "unused");
    assert!(origin.contains(key), "{origin}");
    let origin = origin.replace(key, &identity) + "[[site]]";
    let config = usual_config("", "").replacen("[[site]]", &origin, 1)
        + "\n[[site.route]]\nprefix = \"/films/\"\naccess = \"token\"\norigin = \"container\"\n";
    Edge::builder(config).file("azure.pem", authority.pem()).file("pod.token", FEDERATED).start()
}

#[test]
fn a_container_is_read_with_tokens_that_were_given_for_a_token() {
    let (authority, tokens) = (Authority::new(), Tokens::start());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = authority.sign(&["127.0.0.1"]);
    let chain = format!("{}{}", certificate.pem, authority.pem());
    let (pem, key) = (file("azure.pem", &chain), file("azure.key", &certificate.key));
    let mut store = ObjectStore::azure_of_tokens(Path::new(&pem), &key);
    store.put("films/a.txt", b"film");
    let edge = start(&store, &authority, &tokens);
    for _ in 0..10 {
        let answer = get(&edge, "/films/a.txt");
        assert_eq!((answer.status, &*answer.body), (206, &b"il"[..]), "{answer:?}");
    }
    assert_eq!(get(&edge, "/films/none").code(), Some("not_found"));
    // One token is good for an hour.
    assert_eq!(tokens.count(), 1, "{:?}", tokens.asked.lock().unwrap());
    drop(edge);

    // Whose token is worth nothing is given none, and reads nothing.
    let edge = start(&store, &authority, &tokens);
    replace(&edge.path("pod.token"), "somebody else's");
    let refused = get(&edge, "/films/a.txt");
    assert_eq!((refused.status, refused.code()), (502, Some("origin_unreachable")));
    // The file is read each time.
    replace(&edge.path("pod.token"), FEDERATED);
    wait_until("it is read again", || get(&edge, "/films/a.txt").status == 206);
}
