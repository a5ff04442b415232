//! An HTTP origin that keeps every head it was sent, byte for byte.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Serves one object under every path, whole or in the one range asked for, until the process
/// ends.
#[derive(Debug)]
pub(crate) struct RecordingOrigin {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl RecordingOrigin {
    pub(crate) fn serving(object: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let object: Arc<[u8]> = object.into();
        let kept = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, object) = (Arc::clone(&kept), Arc::clone(&object));
                // A client that goes away ends the thread, as it should.
                std::thread::spawn(move || serve(&stream.unwrap(), &object, &kept));
            }
        });
        Self { address, heads }
    }

    /// `[[origin]]` and a route `/up/` to it, to be added to the usual configuration.
    pub(crate) fn config(&self, access: &str) -> String {
        format!(
            "\n  [[site.route]]\n  prefix = \"/up/\"\n  access = \"{access}\"\n  origin = \"up\"\n\
             \n[[origin]]\nname = \"up\"\nkind = \"http\"\nurl = \"http://{}/base\"\n",
            self.address
        )
    }

    /// What it was asked so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, object: &[u8], heads: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        heads.lock().unwrap().push(head.clone());
        let mut writer = stream;
        writer.write_all(&answer(&head, object)).ok()?;
    }
}

fn answer(head: &str, object: &[u8]) -> Vec<u8> {
    let range = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned))
        .and_then(|range| resolve(&range, object.len()));
    let mut answer = String::new();
    let part = range.map_or(object, |(first, last)| &object[first..=last]);
    answer.push_str(match range {
        Some(_) => "HTTP/1.1 206 Partial Content\r\n",
        None => "HTTP/1.1 200 OK\r\n",
    });
    if let Some((first, last)) = range {
        let _ = write!(answer, "Content-Range: bytes {first}-{last}/{}\r\n", object.len());
    }
    let _ = write!(
        answer,
        "ETag: \"v1\"\r\nServer: secretive/1.0\r\nSet-Cookie: a=b\r\nX-Accel-Redirect: /x\r\n\
         Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        part.len()
    );
    let mut bytes = answer.into_bytes();
    if !head.starts_with("HEAD") {
        bytes.extend_from_slice(part);
    }
    bytes
}

fn resolve(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.split_once('-').unwrap();
    let (first, last) = match (first.parse::<usize>().ok(), last.parse::<usize>().ok()) {
        (Some(first), last) => (first, last.unwrap_or(usize::MAX).min(length - 1)),
        (None, Some(count)) => (length.saturating_sub(count), length - 1),
        (None, None) => return None,
    };
    (first <= last).then_some((first, last))
}
