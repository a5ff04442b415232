//! Letters of a running program: a share is made, a mail server that others wrote takes a letter by
//! STARTTLS after a login, and the link in it opens the share (C9, C12).

use std::ffi::OsStr;

use serde_json::{Value, json};

use crate::support::control::{ApiClient, Records, application, folder_of, say_where_the_site_is};
use crate::support::edge::{NOW, usual_config};
use crate::support::mail::MailHouse;
use crate::support::output::keep_secret;
use crate::support::process::Process;
use crate::support::raw_client;

const PASSWORD: &str = "velvet underground";

#[test]
fn a_share_is_mailed_and_its_link_opens() {
    keep_secret(PASSWORD);
    keep_secret("stämp 1");
    let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
    let config = usual_config("", "").replacen(of_template, "assets = { catalog = true }", 1);
    let folder = folder_of(&config, &Records::Sqlite, &[("paper.pdf", "paper")]);
    let mut house = MailHouse::open(folder.path());
    let path = folder.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let settings = house.settings();
    std::fs::write(&path, text.replacen("[control]", &settings, 1)).unwrap();
    let scopes = "catalog.read,catalog.write,settings.admin,shares.write";
    let credentials = application(folder.path(), scopes);
    let roots = folder.path().join("mail.pem");
    let environment: [(&str, &OsStr); 1] = [("SSL_CERT_FILE", roots.as_os_str())];
    let process = Process::start_in(&environment, folder, &["--clock", &NOW.to_string()]);
    say_where_the_site_is(&process);
    let api = ApiClient::log_in(process.control(), &credentials);
    let tenant = "/api/v1/tenants/1";
    let post =
        |noun: &str, body: Value| api.ok("POST", &format!("{tenant}/{noun}"), &body.to_string());
    let pipeline = post("pipelines", json!({"name": "media", "origin": "media"}));
    let paper = json!({
        "kind": "OTHER", "publication": "published",
        "texts": [{"language": "en", "title": "Price list"}],
        "files": [{
            "kind": "source", "pipeline": pipeline["number"], "key": "paper.pdf",
            "name": "paper.pdf", "size": 5,
        }],
    });
    let content = post("contents", paper)["id"].clone();
    let server = json!({
        "host": "localhost", "port": house.port("starttls"), "security": "starttls",
        "username": "post", "password": "stämp 1", "from_address": "press@example.com",
    });
    api.ok("PUT", &format!("{tenant}/mail"), &server.to_string());
    let trial = post("mail/test", json!({"to": "ann@example.com"}));
    assert_eq!(trial["taken"], true, "{trial}");
    let share = json!({
        "title": "Price list", "contents": [content], "password": PASSWORD, "send_mail": true,
        "message": "As promised.", "language": "de",
        "recipients": [{"name": "Bob", "email": "bob@example.org"}],
    });
    let made = post("shares", share);
    let letter = house.letters(2).pop().unwrap();
    assert_eq!(letter["to"], json!(["bob@example.org"]));
    assert_eq!((&letter["secured"], &letter["login"]), (&json!(true), &json!("post")));
    let text = letter["text"].as_str().unwrap();
    assert!(text.contains("Guten Tag Bob,") && text.contains("> As promised."), "{text}");
    assert!(!letter.to_string().contains(PASSWORD), "{letter}");
    let recipients = format!("{tenant}/shares/{}/recipients", made["id"].as_str().unwrap());
    let url = api.ok("GET", &recipients, "")["items"][0]["url"].clone();
    let url = url.as_str().unwrap();
    keep_secret(url.rsplit('/').next().unwrap());
    assert!(text.contains(url) && letter["html"].as_str().unwrap().contains(url), "{text}");
    let target = url.strip_prefix(&format!("http://{}", process.address())).unwrap();
    let page = raw_client::get(process.address(), target);
    assert_eq!(page.status, 200, "{page:?}");
    let page = String::from_utf8_lossy(&page.body).into_owned();
    assert!(page.contains("Diese Freigabe") || page.contains("This share"), "{page}");
    let outbox = api.ok("GET", &format!("{tenant}/mail/outbox?state=sent"), "");
    assert_eq!(outbox["items"].as_array().unwrap().len(), 1, "{outbox}");
    let history = format!("{tenant}/shares/{}/history", made["id"].as_str().unwrap());
    let history = api.ok("GET", &history, "");
    assert_eq!(history["items"][0]["kind"], "mail_sent", "{history}");
    let (exit, lines) = process.stop();
    assert_eq!(exit, Some(0));
    for line in lines {
        let line = line.to_string();
        assert!(!line.contains("stämp") && !line.contains(PASSWORD), "{line}");
        assert!(!line.contains(url.rsplit('/').next().unwrap()), "{line}");
    }
}
