//! Whose copy is this? From the vendor's order of a link with a tag, over the edge that makes the copy,
//! to one command that says whose it is (requirements E8, K.6).

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::command::{Said, countersign};
use crate::support::control::{ApiClient, Records};
use crate::support::planes::{ControlPlane, start_edge, until_ready, wait_until};
use crate::support::process::Process;
use crate::support::raw_client::{get, request};

/// A control plane that has one picture whose copies carry tags, and one whose do not.
struct Vendor {
    control: ControlPlane,
    api: ApiClient,
    tagged: u64,
    untagged: u64,
}

fn picture() -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images");
    fs::read(Path::new(folder).join("grey.jpg")).unwrap()
}

impl Vendor {
    fn start(records: &Records) -> Self {
        let control = ControlPlane::that_signs(records);
        let api = control.admin();
        let draft = json!({"name": "pictures", "origin": "media"}).to_string();
        let pipeline = api.ok("POST", "/api/v1/tenants/1/pipelines", &draft)["number"].clone();
        for (id, autograph) in [("tagged", true), ("untagged", false)] {
            let file = json!({
                "kind": "source", "pipeline": pipeline, "key": id, "size": picture().len(),
                "mime": "image/jpeg", "name": "picture.jpg", "autograph": autograph,
            });
            let draft = json!({
                "id": id, "kind": "IMAGE", "publication": "published", "files": [file],
            });
            api.ok("POST", "/api/v1/tenants/1/contents", &draft.to_string());
        }
        let files = api.ok("GET", "/v1/files/", "");
        let number = |key: &str| {
            let files = files["files"].as_array().unwrap();
            let file = files.iter().find(|file| file["object_key"] == key).unwrap();
            file["id"].as_str().unwrap().parse().unwrap()
        };
        let (tagged, untagged) = (number("tagged"), number("untagged"));
        Self { control, api, tagged, untagged }
    }

    fn edge(&self) -> Process {
        let urls = [self.control.url()];
        let folder = self.control.edge_folder(&urls, &self.control.enrol("north"), &[]);
        for name in ["tagged", "untagged"] {
            fs::write(folder.path().join("media").join(name), picture()).unwrap();
        }
        let path = folder.path().join("countersign.toml");
        let text = fs::read_to_string(&path).unwrap();
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        assert!(text.contains(of_template), "{text}");
        fs::write(path, text.replacen(of_template, "assets = { catalog = true }", 1)).unwrap();
        let edge = start_edge(folder);
        until_ready(&edge);
        edge
    }

    /// The id and the target of a link, as the vendor's clients ask for one.
    fn order(&self, file: u64, terms: &str) -> (String, String) {
        let order = format!("/v1/files/downloads/?file_id={file}{terms}");
        let link = self.api.ok("GET", &order, "")["download"].clone();
        let target = link["url"].as_str().unwrap();
        let target = target.strip_prefix("https://files.example.com").unwrap();
        (link["link_id"].as_str().unwrap().to_owned(), target.to_owned())
    }

    /// What one command says of files that somebody has.
    fn trace(&self, files: &[(&str, &[u8])]) -> (Said, Vec<Value>) {
        let folder = self.control.process().path("");
        let mut arguments = vec!["trace", "--config", "countersign.toml", "--json"];
        for (name, bytes) in files {
            fs::write(folder.join(name), bytes).unwrap();
            arguments.push(name);
        }
        let said = countersign(&folder, arguments);
        let lines = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (said, lines)
    }
}

fn whose_copy_it_is(records: &Records) {
    let vendor = Vendor::start(records);
    let edge = vendor.edge();
    let had = |target: &str| {
        wait_until("the link opens", || {
            let head = format!("HEAD {target} HTTP/1.1\r\nHost: test\r\n\r\n");
            request(edge.address(), &head).status == 200
        });
        get(edge.address(), target).body
    };
    let (link, target) = vendor.order(vendor.tagged, "&autograph_tag=user%2042");
    let anns = had(&target);
    let (other, target) = vendor.order(vendor.tagged, "&autograph_tag=user%2043");
    let bobs = had(&target);
    let (_, target) = vendor.order(vendor.untagged, "");
    let nobodys = had(&target);
    assert!(nobodys == picture() && anns != bobs && anns.len() == bobs.len());

    let (said, told) = vendor.trace(&[("holiday.dat", &anns)]);
    assert_eq!(said.status, 0, "{said:?}");
    // In both places that a picture has for it.
    let [tag, again] = &**told[0]["tags"].as_array().unwrap() else { panic!("{told:?}") };
    assert_eq!((&tag["verdict"], &tag["carrier"]), (&json!("issued"), &json!("xmp")));
    assert_eq!((&again["issued"], &again["carrier"]), (&tag["issued"], &json!("jpeg_comment")));
    let issued = &tag["issued"];
    assert_eq!(issued["autograph_tag"], "user 42");
    assert_eq!(issued["link"], link);
    assert_eq!((&issued["tenant"], &issued["file"]), (&json!(1), &json!(vendor.tagged)));
    assert_eq!(issued["content"], "tagged");

    // Both in one file: somebody put them one after the other.
    let (said, told) = vendor.trace(&[("both", &[&*anns, &*bobs].concat())]);
    assert_eq!(said.status, 0, "{said:?}");
    let tags = told[0]["tags"].as_array().unwrap();
    let links: Vec<&Value> = tags.iter().map(|tag| &tag["issued"]["link"]).collect();
    let [link, other] = [link, other].map(Value::from);
    assert_eq!(links, [&link, &link, &other, &other]);

    let (said, told) = vendor.trace(&[("nobodys", &nobodys)]);
    assert_eq!((said.status, &told[0]["tags"]), (1, &json!([])), "{said:?}");
    let mark = b"countersign-tag:";
    let mut forged = anns.clone();
    for at in 0..anns.len() - mark.len() {
        if anns[at..].starts_with(mark) {
            let last = at + mark.len() + 31;
            forged[last] = if anns[last] == b'0' { b'1' } else { b'0' };
        }
    }
    let (said, told) = vendor.trace(&[("forged", &forged)]);
    assert_eq!((said.status, &told[0]["tags"][0]["verdict"]), (3, &json!("forged")), "{said:?}");
    let folder = vendor.control.process().path("");
    let missing = countersign(&folder, ["trace", "--config", "countersign.toml", "none-such"]);
    assert_eq!(missing.status, 2, "{missing:?}");
    let words = countersign(&folder, ["trace", "--config", "countersign.toml", "holiday.dat"]);
    assert!(words.out.contains("autograph_tag  user 42"), "{words:?}");

    // Who asked, and what came of it, is known.
    let log = countersign(&folder, ["audit", "export", "--config", "countersign.toml"]);
    let events = log.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let traces = events.filter(|event| event["action"] == "copy.trace").count();
    assert_eq!(traces, 5, "{log:?}");
}

#[test]
fn one_command_says_whose_copy_a_file_is() {
    whose_copy_it_is(&Records::Sqlite);
}

#[test]
fn one_command_says_whose_copy_a_file_is_on_postgresql() {
    whose_copy_it_is(&Records::on_postgres("traces"));
}
