//! Originals over sockets: by curl as a browser asks for them, in parts, and gone on with after the
//! control plane was killed.

use std::process::Command;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::command::said;
use crate::support::control::{
    ApiClient, Records, application, exchange, folder, thron_session, with_master_key,
};
use crate::support::process::Process;
use crate::support::tools::tool;

const SOURCE: &str = "/api/xadmin/resources/content/downloadSource";

fn film() -> Vec<u8> {
    let numbers = 0..2_500_000_u32;
    numbers.flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// A content whose original is that film.
fn content(api: &ApiClient, size: usize) -> String {
    let body = json!({"name": "media", "origin": "media"}).to_string();
    let pipeline = api.ok("POST", "/api/v1/tenants/1/pipelines", &body)["number"].clone();
    let file = json!({"kind": "source", "pipeline": pipeline, "key": "film.mp4", "size": size});
    let body = json!({"kind": "VIDEO", "files": [file]}).to_string();
    let made = api.ok("POST", "/api/v1/tenants/1/contents", &body);
    made["id"].as_str().unwrap().to_owned()
}

fn goes_on(records: &Records) {
    let folder = with_master_key(folder(records, &[]));
    let film = film();
    std::fs::create_dir_all(folder.path().join("media")).unwrap();
    std::fs::write(folder.path().join("media/film.mp4"), &film).unwrap();
    let credentials = application(folder.path(), "catalog.read,catalog.write,shares.write");
    let process = Process::start(folder, &[]);
    let api = ApiClient::log_in(process.control(), &credentials);
    let content = content(&api, film.len());
    let token = thron_session(process.control(), &credentials);
    let got = process.path("got.mp4");
    let curl = |address: std::net::SocketAddr, arguments: &[&str]| {
        let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
        curl.args(["-sS", "--max-time", "60", "-w", "%{http_code}", "-o"]).arg(&got);
        let url = format!("http://{address}{SOURCE}?clientId=1&xcontentId={content}");
        let (last, others) = arguments.split_last().unwrap();
        said(curl.args(others).arg(format!("{url}{last}")), b"")
    };
    let whole = || hex::encode(Sha256::digest(std::fs::read(&got).unwrap()));
    let expected = hex::encode(Sha256::digest(&film));

    // A pasted address, and the POST.
    let answer = curl(process.control(), &["-L", &format!("&tokenId={token}")]);
    assert_eq!((answer.status, &*answer.out), (0, "200"), "{}", answer.err);
    assert_eq!(whole(), expected);
    let form = format!("tokenId={token}");
    let answer = curl(process.control(), &["-d", &form, ""]);
    assert_eq!((answer.status, &*answer.out), (0, "200"), "{}", answer.err);
    assert_eq!(whole(), expected);

    // One that broke off is gone on with, at another process.
    let process = Process::start(process.kill(), &[]);
    for kept in [0, 1, 65_535, 4_999_999, film.len() - 1] {
        std::fs::write(&got, &film[..kept]).unwrap();
        let header = format!("X-TOKENID: {token}");
        let answer = curl(process.control(), &["-C", "-", "-H", &header, ""]);
        let status = if kept == 0 { "200" } else { "206" };
        assert_eq!((answer.status, &*answer.out), (0, status), "{kept}: {}", answer.err);
        assert_eq!(whole(), expected, "from {kept}");
    }
    let (exit, _) = process.stop();
    assert_eq!(exit, Some(0));
}

#[test]
fn an_original_is_gone_on_with_on_sqlite() {
    goes_on(&Records::Sqlite);
}

#[test]
fn an_original_is_gone_on_with_on_postgresql() {
    goes_on(&Records::on_postgres("sources"));
}

/// An operator who takes no tokens in addresses, and names the header of their CDN.
#[test]
fn tokens_in_addresses_and_cdns_are_refused_where_the_operator_says_so() {
    let folder = with_master_key(folder(&Records::Sqlite, &[("film.mp4", "film")]));
    let path = folder.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text
        .replacen("[control]", "[control]\ncompat = { query_token = false }", 1)
        .replacen("[edge]", "[edge]\ncdn_headers = [\"x-edge-hop\"]", 1);
    std::fs::write(path, text).unwrap();
    let credentials = application(folder.path(), "catalog.read,catalog.write,shares.write");
    let process = Process::start(folder, &[]);
    let api = ApiClient::log_in(process.control(), &credentials);
    let content = content(&api, 4);
    let token = thron_session(process.control(), &credentials);
    let asked = format!("{SOURCE}?clientId=1&xcontentId={content}");
    let get = |query: &str, lines: &str| {
        exchange(process.control(), "GET", &format!("{asked}{query}"), lines, "")
    };
    let shown = format!("X-TOKENID: {token}\r\n");
    assert_eq!(get("", &shown).status, 200);
    assert_eq!(get(&format!("&tokenId={token}"), "").status, 403);
    let through = get("", &format!("{shown}X-Edge-Hop: 1\r\n"));
    assert_eq!((through.status, &through.body["code"]), (403, &json!("cdn_refused")));
}
