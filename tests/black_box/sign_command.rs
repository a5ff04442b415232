//! `countersign sign`: equal to the reference, and its links open.

use std::path::Path;

use crate::support::command::countersign;
use crate::support::edge::{Edge, KEY_HEX, NOW, usual_config};
use crate::support::raw_client::get;
use crate::support::signing::token;

/// The vectors of the requirements, part F: made with the reference implementation.
#[test]
fn sign_equals_the_reference_byte_for_byte() {
    let by_key = |arguments: &[&str]| {
        let usual = [
            "sign",
            "--key-hex",
            KEY_HEX,
            "--exp",
            "1893456000",
            "--token-only",
            "--now",
            "1893448800",
        ];
        let said = countersign(Path::new("."), usual.iter().chain(arguments));
        assert_eq!((said.status, &*said.err), (0, ""), "{arguments:?}");
        said.out
    };
    let thumbnail = "/private/videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912";
    assert_eq!(
        by_key(&["--url", thumbnail, "--acl", &format!("{thumbnail}*")]),
        "exp=1893456000~acl=/private/videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912*~hmac=63b80557002ed3a097ada81e5e683fd0e793de0d2dbee7a185712c604cdc04cf\n"
    );
    assert_eq!(
        by_key(&["--url", "/a", "--acl", "/private/videos/a/*", "--acl", "/private/channels/7/*"]),
        "exp=1893456000~acl=/private/videos/a/*!/private/channels/7/*~hmac=5a63d81ccf2ed5c7dd26853cd8b99981b3ce0354ae7adc5f24aaf126a531fdd4\n"
    );
    assert_eq!(
        by_key(&[
            "--url",
            "/a",
            "--acl",
            "/private/*",
            "--ip",
            "192.168.2.1",
            "--start",
            "1893448800",
            "--id",
            "s1",
            "--data",
            "t=ag_01",
        ]),
        "ip=192.168.2.1~st=1893448800~exp=1893456000~acl=/private/*~id=s1~data=t=ag_01~hmac=1bf03c7c5e703dd27de7e3acd844db5210b20245babe354d999fcb8192c37665\n"
    );
    assert_eq!(
        by_key(&["--url", thumbnail, "--url-token"]),
        "exp=1893456000~hmac=6a6303d2b0f4ebcbd78688fb19d0f1ef97ed58bd34edb03a32134de15623fa3a\n"
    );
    // A salt is a site's: it needs a configuration.
    let config =
        usual_config("", "").replace("carriers =", "salt = { file = \"salt\" }\n  carriers =");
    let folder = Edge::builder(config).file("salt", "pepper").write();
    let said = countersign(
        folder.path(),
        [
            "sign",
            "--config",
            "countersign.toml",
            "--url",
            "/private/videos/a/source",
            "--acl",
            "/private/*",
            "--exp",
            "1893456000",
            "--token-only",
        ],
    );
    assert_eq!(
        (&*said.out, &*said.err),
        (
            "exp=1893456000~acl=/private/*~hmac=a129eaccfba2db87dbb3251b834ab4669f8fccc56e3c3a0f1953653033cee6c2\n",
            ""
        )
    );
}

#[test]
fn links_of_sign_open_over_the_socket() {
    let edge = Edge::builder(usual_config("", ""))
        .file("media/vod/a b.mp4", "a film")
        .file("media/videos/v/source", "a video")
        .start();
    let (config, now) = (edge.path("countersign.toml"), NOW.to_string());
    let sign = |url: &str, more: &[&str]| {
        let usual = ["sign", "--config", config.to_str().unwrap(), "--now", &now, "--url", url];
        let said = countersign(Path::new("."), usual.iter().chain(more));
        assert_eq!((said.status, &*said.err), (0, ""), "{url} {more:?}");
        said.out.trim_end().to_owned()
    };
    for (url, more) in [
        ("/vod/a%20b.mp4", vec![]),
        ("/vod/a%20b.mp4?x=1&y=%C3%A9", vec![]),
        ("/vod/a%20b.mp4", vec!["--acl", "/none/*", "--acl", "/vod/*"]),
        ("/vod/a%20b.mp4", vec!["--url-token", "--ttl", "7d"]),
        (
            "/vod/a%20b.mp4",
            vec!["--ip", "127.0.0.1", "--start", &now, "--id", "i 1", "--data", "a&b"],
        ),
        ("/vod/a%20b.mp4", vec!["--key", "k1", "--scheme", "edge-auth", "--exp", &now]),
        ("/private/videos/v/source", vec![]),
        ("/public/videos/v/source?file-name=x.mp4", vec![]),
    ] {
        let link = sign(url, &more);
        assert!(link.starts_with('/') && link.contains("__token__="), "{link}");
        let answer = get(edge.address(), &link);
        assert_eq!((answer.status, answer.code()), (200, None), "{link}");
    }
    let link = sign("https://any.example/vod/a%20b.mp4", &[]);
    let target = link.strip_prefix("https://any.example").unwrap();
    assert_eq!(get(edge.address(), target).body, b"a film");
    let alone = sign("/vod/a%20b.mp4", &["--token-only"]);
    assert_eq!(alone, token(KEY_HEX, "/vod/a%20b.mp4", NOW + 7200));

    let refused = |more: &[&str], status: i32, why: &str| {
        let usual = ["sign", "--config", config.to_str().unwrap(), "--now", &now];
        let said = countersign(Path::new("."), usual.iter().chain(more));
        assert_eq!((said.status, &*said.out), (status, ""), "{more:?}");
        assert!(said.err.contains(why), "{more:?}: {}", said.err);
        assert!(!said.err.contains(KEY_HEX));
    };
    refused(&["--url", "vod/a"], 2, "neither http(s)://host/path nor a path");
    refused(&["--url", "/vod/../a"], 2, "--url");
    refused(&["--url", "/vod/a", "--key", "k9"], 2, "the site has k1");
    refused(&["--url", "/vod/a", "--ttl", "soon"], 2, "--ttl soon");
    refused(&["--url", "/vod/a", "--ttl", "1h", "--exp", "1"], 2, "--exp");
    refused(&["--url", "/vod/a", "--acl", "/a", "--url-token"], 2, "--url-token");
    let said = countersign(Path::new("."), ["sign", "--key-hex", "xyz", "--url", "/a"]);
    assert_eq!(said.status, 2);
    assert!(said.err.contains("--key-hex"), "{}", said.err);
}
