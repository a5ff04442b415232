//! Messages on their way: to a receiver that answers well or badly, by one control plane or two.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus::Registry;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::stage::{NOW, Stage, master_key, on_both_databases};
use crate::asset::TenantId;
use crate::clock::{Clock, UnixSeconds};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    AttemptFault, DeliveryState, WebhookEvent, WebhookId, WebhookMessageId, WebhookState,
};
use crate::control_plane::service::{Page, Services};
use crate::control_plane::webhooks::{Reach, Sender, WebhookMetrics, deliver};
use crate::network::{NetworkSet, parse_network};

on_both_databases! {
    a_message_arrives_signed_and_is_not_sent_again
    bad_answers_are_tried_again_and_redirections_are_not_followed
    two_control_planes_deliver_each_message_once
    a_receiver_that_is_gone_is_left_alone
    another_master_key_signs_nothing
}

/// What a receiver says.
#[derive(Clone, Copy, Debug)]
enum Says {
    /// Nothing: it closes the connection.
    Close,
    /// A body without an end.
    Endless,
    /// That there is something elsewhere, which is itself.
    Redirect,
    /// That status, and perhaps when to come back.
    Status(u16, Option<u64>),
}

/// A request as it came.
#[derive(Clone, Debug)]
struct Got {
    head: String,
    body: String,
}

impl Got {
    fn field(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| {
            line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name))
        });
        line.unwrap_or_else(|| panic!("no {name}: {self:?}")).1
    }
}

/// A receiver on a port of its own, which says what it is told to: the last of it for ever.
struct Receiver {
    address: SocketAddr,
    got: UnboundedReceiver<Got>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    async fn saying(says: &[Says]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, got) = unbounded_channel();
        let says = Arc::new(Mutex::new(says.to_vec()));
        let task = tokio::spawn(async move {
            let mut all = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tell, says) = (tell.clone(), Arc::clone(&says));
                all.spawn(async move {
                    let (mut stream, request) = read(stream).await;
                    let next = {
                        let mut says = says.lock().unwrap();
                        if says.len() > 1 { says.remove(0) } else { says[0] }
                    };
                    let _ = tell.send(request);
                    answer(&mut stream, next, address).await;
                });
            }
        });
        Self { address, got, task }
    }

    async fn next(&mut self) -> Got {
        timeout(Duration::from_mins(1), self.got.recv()).await.unwrap().unwrap()
    }
}

async fn read(mut stream: TcpStream) -> (TcpStream, Got) {
    let mut bytes = Vec::new();
    loop {
        let mut some = [0; 4_096];
        let read = stream.read(&mut some).await.unwrap();
        bytes.extend_from_slice(&some[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let got = Got { head: head.to_owned(), body: body.to_owned() };
            if got.field("content-length").parse::<usize>().unwrap() == body.len() {
                return (stream, got);
            }
        }
        assert_ne!(read, 0, "{text}");
    }
}

async fn answer(stream: &mut TcpStream, says: Says, own: SocketAddr) {
    let head = match says {
        Says::Close => return,
        Says::Endless => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
        Says::Redirect => {
            format!(
                "HTTP/1.1 307 T\r\nLocation: http://{own}/elsewhere\r\nContent-Length: 0\r\n\r\n"
            )
        }
        Says::Status(status, retry_after) => {
            let retry = retry_after.map(|it| format!("Retry-After: {it}\r\n")).unwrap_or_default();
            format!("HTTP/1.1 {status} S\r\n{retry}Content-Length: 2\r\n\r\nok")
        }
    };
    let _ = stream.write_all(head.as_bytes()).await;
    if let Says::Endless = says {
        // Until nobody reads it any more.
        while stream.write_all(b"400\r\n").await.is_ok()
            && stream.write_all(&[b'a'; 0x400]).await.is_ok()
            && stream.write_all(b"\r\n").await.is_ok()
        {}
    }
}

/// The loopback interface, in the clear.
fn reach() -> Reach {
    let networks = NetworkSet::new(vec![parse_network("127.0.0.0/8").unwrap()]);
    Reach { allow_http: true, networks }
}

/// A control plane that delivers what is due at that time.
struct Plane(JoinHandle<()>);

impl Drop for Plane {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn metrics() -> WebhookMetrics {
    WebhookMetrics::register(&Registry::new()).unwrap()
}

fn plane(stage: &Stage, at: UnixSeconds) -> Plane {
    let (store, sender) = (stage.store.clone(), Sender::new(reach(), None).unwrap());
    Plane(tokio::spawn(async move {
        match deliver(store, Clock::Fixed(at), Some(master_key()), sender, metrics()).await {}
    }))
}

async fn webhook(stage: &Stage, url: &str) -> WebhookId {
    let services = stage.services.clone().with_webhook_reach(reach());
    let draft = crate::control_plane::record::WebhookDraft {
        url: url.into(),
        events: None,
        description: "".into(),
        state: WebhookState::Enabled,
    };
    let made = services.webhook_create(&Caller::system("test"), TenantId(1), draft).await.unwrap();
    made.webhook.id
}

async fn told(stage: &Stage, count: usize) {
    let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    for number in 0..count {
        let data = Map::from_iter([("number".to_owned(), json!(number))]);
        change.webhook_tell(TenantId(1), WebhookEvent::ShareViewed, &data).await.unwrap();
    }
    change.commit().await.unwrap();
}

async fn states(services: &Services, id: &WebhookId) -> Vec<(WebhookMessageId, DeliveryState)> {
    let (caller, page) = (Caller::system("test"), Page::first(1_000));
    let listed = services.webhook_delivery_list(&caller, TenantId(1), id, None, &page).await;
    listed.unwrap().items.into_iter().map(|it| (it.message, it.state)).collect()
}

/// Waits until so many messages are of that state.
async fn until(stage: &Stage, id: &WebhookId, state: DeliveryState, count: usize) {
    let reached = async {
        loop {
            let states = states(&stage.services, id).await;
            if states.iter().filter(|(_, of)| *of == state).count() == count {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_mins(1), reached).await.unwrap();
}

async fn a_message_arrives_signed_and_is_not_sent_again(stage: Stage) {
    let mut receiver = Receiver::saying(&[Says::Endless]).await;
    let id = webhook(&stage, &format!("http://{}/hooks?a=b", receiver.address)).await;
    told(&stage, 1).await;
    let first = plane(&stage, NOW);
    let got = receiver.next().await;
    assert!(got.head.starts_with("POST /hooks?a=b HTTP/1.1\r\n"), "{got:?}");
    assert_eq!(got.field("host"), receiver.address.to_string());
    assert_eq!(got.field("content-type"), "application/json");
    assert!(got.field("webhook-id").starts_with("msg_"));
    assert_eq!(got.field("webhook-timestamp"), NOW.to_string());
    assert!(got.field("webhook-signature").starts_with("v1,"));
    let body: Value = serde_json::from_str(&got.body).unwrap();
    assert_eq!(body["data"]["number"], 0);
    until(&stage, &id, DeliveryState::Delivered, 1).await;
    drop(first);
    let _later = plane(&stage, NOW.plus(86_400));
    told(&stage, 1).await;
    let next = receiver.next().await;
    assert_ne!(next.field("webhook-id"), got.field("webhook-id"));
    until(&stage, &id, DeliveryState::Delivered, 2).await;
    assert!(receiver.got.try_recv().is_err());
}

async fn bad_answers_are_tried_again_and_redirections_are_not_followed(stage: Stage) {
    let says = [
        Says::Status(500, None),
        Says::Close,
        Says::Redirect,
        Says::Status(503, Some(3_000)),
        Says::Status(204, None),
    ];
    let mut receiver = Receiver::saying(&says).await;
    let id = webhook(&stage, &format!("http://{}/", receiver.address)).await;
    told(&stage, 1).await;
    let (caller, tenant) = (Caller::system("test"), TenantId(1));
    let message = states(&stage.services, &id).await[0].0.clone();
    let mut at = NOW;
    let mut ids = Vec::new();
    for attempt in 1_usize.. {
        let running = plane(&stage, at);
        let got = receiver.next().await;
        assert_eq!(got.field("webhook-timestamp"), at.to_string());
        assert!(got.head.starts_with("POST / "), "{got:?}");
        ids.push(got.field("webhook-id").to_owned());
        let ended = async {
            loop {
                let services = &stage.services;
                let now = services.webhook_message(&caller, tenant, &id, &message).await.unwrap();
                if now.attempts.len() == attempt {
                    return now;
                }
                tokio::task::yield_now().await;
            }
        };
        let now = timeout(Duration::from_mins(1), ended).await.unwrap();
        drop(running);
        let Some(due) = now.delivery.due_at else { break };
        assert!(due > at, "{now:?}");
        at = due;
    }
    ids.dedup();
    assert_eq!(ids, [message.to_string()], "a repetition is known by its id");
    let now = stage.services.webhook_message(&caller, tenant, &id, &message).await.unwrap();
    assert_eq!(now.delivery.state, DeliveryState::Delivered);
    let log: Vec<_> = now.attempts.iter().rev().map(|it| (it.status, it.fault)).collect();
    let expected = [
        (Some(500), None),
        (None, Some(AttemptFault::AnswerInvalid)),
        (Some(307), None),
        (Some(503), None),
        (Some(204), None),
    ];
    assert_eq!(log, expected);
    let waits = now.attempts.windows(2).map(|two| two[0].at.since(two[1].at)).collect::<Vec<_>>();
    // Two hours are longer than the receiver asked for.
    for (wait, usual) in waits.iter().rev().zip([5, 300, 1_800, 7_200]) {
        assert!((usual * 9 / 10..=usual * 11 / 10).contains(wait), "{waits:?}");
    }
    assert!(receiver.got.try_recv().is_err(), "a redirection was followed");
}

async fn two_control_planes_deliver_each_message_once(stage: Stage) {
    let mut receiver = Receiver::saying(&[Says::Status(200, None)]).await;
    let id = webhook(&stage, &format!("http://{}/", receiver.address)).await;
    told(&stage, 60).await;
    let _planes = [plane(&stage, NOW), plane(&stage, NOW), plane(&stage, NOW)];
    let mut counts: HashMap<String, usize> = HashMap::new();
    for _ in 0..60 {
        *counts.entry(receiver.next().await.field("webhook-id").to_owned()).or_default() += 1;
    }
    assert_eq!(counts.len(), 60, "one came twice");
    until(&stage, &id, DeliveryState::Delivered, 60).await;
    assert!(receiver.got.try_recv().is_err());
}

async fn a_receiver_that_is_gone_is_left_alone(stage: Stage) {
    let mut receiver = Receiver::saying(&[Says::Status(410, None)]).await;
    let id = webhook(&stage, &format!("http://{}/", receiver.address)).await;
    told(&stage, 1).await;
    let _plane = plane(&stage, NOW);
    receiver.next().await;
    until(&stage, &id, DeliveryState::Dead, 1).await;
    let admin = stage.admin().await;
    let path = format!("/api/v1/tenants/1/webhooks/{id}");
    let shown = stage.ask(&format!("GET {path}"), &admin).await.expect(200).json();
    assert_eq!((&shown["enabled"], &shown["stopped"]), (&json!(false), &json!("gone")));
    // Somebody else is told, and nothing more of it comes here.
    let mut other = Receiver::saying(&[Says::Status(200, None)]).await;
    webhook(&stage, &format!("http://{}/", other.address)).await;
    told(&stage, 1).await;
    other.next().await;
    assert!(receiver.got.try_recv().is_err());
}

async fn another_master_key_signs_nothing(stage: Stage) {
    let mut receiver = Receiver::saying(&[Says::Status(200, None)]).await;
    let id = webhook(&stage, &format!("http://{}/", receiver.address)).await;
    told(&stage, 1).await;
    let (store, sender) = (stage.store.clone(), Sender::new(reach(), None).unwrap());
    let _plane = Plane(tokio::spawn(async move {
        match deliver(store, Clock::Fixed(NOW), None, sender, metrics()).await {}
    }));
    let message = states(&stage.services, &id).await[0].0.clone();
    let caller = Caller::system("test");
    let ended = async {
        loop {
            let services = &stage.services;
            let now = services.webhook_message(&caller, TenantId(1), &id, &message).await.unwrap();
            if let Some(attempt) = now.attempts.first() {
                return attempt.fault;
            }
            tokio::task::yield_now().await;
        }
    };
    let fault = timeout(Duration::from_mins(1), ended).await.unwrap();
    assert_eq!(fault, Some(AttemptFault::SecretClosed));
    assert!(receiver.got.try_recv().is_err());
}
