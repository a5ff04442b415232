//! Edges claim uses of links, and say how they ended.

use serde_json::{Value, json};

use super::stage::{NOW, Stage, on_both_databases};

on_both_databases! {
    an_edge_claims_and_tells_the_end
    what_is_no_claim_is_refused
}

const CLAIM: &str = "POST /api/v1/edge/claims";

async fn edge(stage: &Stage) -> String {
    let admin = stage.admin().await;
    let body = json!({"edge_name": "north"});
    let made = stage.send("POST /api/v1/enrolment-codes", &admin, &body).await.expect(201).json();
    let edge = stage.enrol(made["code"].as_str().unwrap()).await.expect(201).json();
    edge["token"].as_str().unwrap().to_owned()
}

fn digits(number: u8) -> String {
    format!("{number:032x}")
}

fn claim(number: u8, client: &str, first: u64, last: u64) -> Value {
    json!({
        "id": digits(number), "tenant": 1, "link": "lnk_a", "expires_at": NOW.get() + 60,
        "client": client, "agent": digits(1), "file": digits(2), "size": 100,
        "positions": [{"first": first, "last": last}],
    })
}

fn end(sent: u64, outcome: &str) -> Value {
    json!({
        "tenant": 1, "link": "lnk_a", "expires_at": NOW.get() + 60, "sent": sent,
        "outcome": outcome,
    })
}

async fn an_edge_claims_and_tells_the_end(stage: Stage) {
    let edge = edge(&stage).await;
    let say = async |body: Value, expected: &str| {
        let said = stage.send(CLAIM, &edge, &body).await.expect(200).json();
        assert_eq!(said["verdict"], expected, "{body}");
        let holder = said["holder"].as_str().map(str::len);
        assert_eq!(holder, (body["link"] == "lnk_a").then_some(32), "{said}");
    };
    let tell = async |number: u8, body: Value| {
        let line = format!("PUT /api/v1/edge/claims/{}", digits(number));
        stage.send(&line, &edge, &body).await.expect(204);
    };
    say(claim(1, "192.0.2.1", 0, 99), "granted").await;
    say(claim(1, "192.0.2.1", 0, 99), "granted").await;
    say(claim(2, "192.0.2.2", 0, 99), "used").await;
    say(claim(3, "192.0.2.1", 50, 99), "busy").await;
    for _ in 0..2 {
        tell(1, end(60, "aborted")).await;
    }
    say(claim(4, "192.0.2.1", 60, 99), "resumed").await;
    tell(4, end(40, "complete")).await;
    say(claim(5, "192.0.2.1", 99, 99), "used").await;
    // What ended so long ago that its uses may be forgotten.
    let mut late = claim(6, "192.0.2.1", 0, 99);
    late["link"] = "lnk_late".into();
    late["expires_at"] = (NOW.get() - 2 * 24 * 3600).into();
    say(late, "used").await;
}

async fn what_is_no_claim_is_refused(stage: Stage) {
    let edge = edge(&stage).await;
    let with = |field: &str, value: Value| {
        let mut body = claim(1, "192.0.2.1", 0, 99);
        body[field] = value;
        body
    };
    for body in [
        json!({}),
        with("id", "x".into()),
        with("agent", "".into()),
        with("client", "nobody".into()),
        with("link", "".into()),
        with("tenant", u64::MAX.into()),
        with("expires_at", u64::MAX.into()),
        with("size", u64::MAX.into()),
        with("size", 99.into()),
        with("positions", json!([])),
        with("positions", json!([{"first": 5, "last": 4}])),
        with("positions", json!([{"first": 5, "last": 6}, {"first": 6, "last": 7}])),
        with("positions", Value::from(vec![json!({"first": 0, "last": 0}); 9])),
        with("more", 1.into()),
    ] {
        stage.send(CLAIM, &edge, &body).await.expect(400);
    }
    let line = format!("PUT /api/v1/edge/claims/{}", digits(1));
    for body in [json!({}), end(u64::MAX, "aborted"), end(1, "perhaps")] {
        stage.send(&line, &edge, &body).await.expect(400);
    }
    stage.send("PUT /api/v1/edge/claims/x", &edge, &end(1, "aborted")).await.expect(404);
    let admin = stage.admin().await;
    stage.send(CLAIM, &admin, &claim(1, "192.0.2.1", 0, 99)).await.expect(404);
    stage.send(&line, &admin, &end(1, "aborted")).await.expect(404);
}
