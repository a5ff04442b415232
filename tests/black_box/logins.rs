//! Guessing passwords: slower and slower from one network, whichever control plane is asked and
//! whatever is restarted; and nothing to anybody elsewhere.

use std::net::SocketAddr;

use crate::support::control::{
    Answered, ApiClient, Records, application, folder, log_in_from, start,
};
use crate::support::output::keep_secret;

const PASSWORD: &str = "right horse battery";

const STRANGER: [u8; 4] = [127, 0, 0, 66];

const OWNER: [u8; 4] = [127, 0, 0, 7];

fn make_ann(control: SocketAddr, credentials: &(String, String)) {
    keep_secret(PASSWORD);
    let api = ApiClient::log_in(control, credentials);
    let person = serde_json::json!({
        "tenant": 1, "username": "ann", "role": "member", "scopes": [], "password": PASSWORD,
    });
    api.ok("POST", "/api/v1/people", &person.to_string());
}

fn try_it(source: [u8; 4], control: SocketAddr, password: &str) -> Answered {
    let answer = log_in_from(source, control, "ann", password);
    if let Some(token) = answer.body["accessToken"].as_str() {
        keep_secret(token);
        keep_secret(answer.body["refreshToken"].as_str().unwrap());
    }
    answer
}

/// Whoever guessed waits, also with the right password; whoever did not, does not.
fn only_the_stranger_waits(control: SocketAddr) {
    let refused = try_it(STRANGER, control, PASSWORD);
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(refused.body["code"], "throttled");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("ratelimit-policy"), Some("\"logins\";q=5;w=900"));
    assert_eq!(refused.header("ratelimit"), Some("\"logins\";r=0;t=1"));
    assert_eq!(try_it(OWNER, control, PASSWORD).status, 200);
}

#[test]
fn guesses_count_at_every_control_plane_of_one_database() {
    let records = Records::on_postgres("logins");
    let [one, other] = [(); 2].map(|()| folder(&records, &[]));
    let credentials = application(one.path(), "accounts.admin");
    let [one, other] = [one, other].map(start);
    make_ann(one.control(), &credentials);
    for number in 0..5 {
        let control = if number % 2 == 0 { &one } else { &other }.control();
        assert_eq!(try_it(STRANGER, control, "wrong").status, 401);
    }
    only_the_stranger_waits(one.control());
    only_the_stranger_waits(other.control());
}

#[test]
fn guesses_count_after_a_restart() {
    let folder = folder(&Records::Sqlite, &[]);
    let credentials = application(folder.path(), "accounts.admin");
    let process = start(folder);
    make_ann(process.control(), &credentials);
    for _ in 0..5 {
        assert_eq!(try_it(STRANGER, process.control(), "wrong").status, 401);
    }
    let process = start(process.kill());
    only_the_stranger_waits(process.control());
}
