//! Passwords of shares that are guessed: what that costs, and whom (promise 29).

use tokio::task::JoinSet;

use super::share_scene::*;
use super::share_visits::refusal;
use super::stage::{NOW, Stage, on_both_databases};
use crate::control_plane::record::{Share, ShareEventKind};
use crate::control_plane::service::{ServiceError, ShareOrder, ShareRefusal};

on_both_databases! {
    guesses_slow_down_one_network
    two_hundred_guesses_at_once_are_few
}

/// What is no password, and counts as a wrong one.
const NO_PASSWORD: &str = "no";

/// Security 29.
async fn guesses_slow_down_one_network(stage: Stage) {
    let contents = contents(&stage).await;
    let asked = || ShareOrder { password: Some(typed("1234")), ..order(&contents.all(), draft()) };
    let (share, other) = (shared(&stage, asked()).await, shared(&stage, asked()).await);
    let guess = async |share: &Share, from: &str, at: u64, password: &str| {
        let services = stage.services.clone().at(NOW.plus(at));
        let guessed = services.share_unlock(share.address.expose(), typed(password), client(from));
        guessed.await.map(drop)
    };
    // As patient as one may be: each guess when its wait is over.
    let mut at = 0;
    for failures in 0..10 {
        loop {
            match refusal(guess(&share, "192.0.2.1", at, NO_PASSWORD).await) {
                ShareRefusal::WrongPassword => break,
                ShareRefusal::Throttled { retry_after } => {
                    assert!(failures >= 5, "the first cost nothing");
                    at += retry_after;
                }
                other @ (ShareRefusal::Fixed
                | ShareRefusal::Forbidden { .. }
                | ShareRefusal::Gone
                | ShareRefusal::Locked
                | ShareRefusal::TooLarge { .. }
                | ShareRefusal::UsedUp
                | ShareRefusal::ViewOnly) => panic!("{other:?}"),
            }
        }
    }
    assert!(at < 60, "{at}");
    // The eleventh, and the right one, wait for what is left of a quarter of an hour.
    for password in ["guess", "1234"] {
        let ShareRefusal::Throttled { retry_after } =
            refusal(guess(&share, "192.0.2.1", at, password).await)
        else {
            panic!("it was looked at")
        };
        assert_eq!(retry_after, 900);
    }
    // Nobody elsewhere, and nothing else of theirs, is the slower for it.
    for elsewhere in ["192.0.2.2", "2001:db8::1"] {
        guess(&share, elsewhere, at, "1234").await.unwrap();
    }
    guess(&other, "192.0.2.1", at, "1234").await.unwrap();
    guess(&share, "192.0.2.1", at + 900, "1234").await.unwrap();
    let told = kinds(&stage, &share).await;
    let failed = told.iter().filter(|it| **it == ShareEventKind::PasswordFailed).count();
    let viewed = told.iter().filter(|it| **it == ShareEventKind::Viewed).count();
    assert_eq!((failed, viewed), (10, 3), "each that was looked at is told");
    // A network of IPv6 is one client, and one that guesses at many shares waits as well.
    let mut tried = 0;
    'shares: for _ in 0..9 {
        let share = shared(&stage, asked()).await;
        for host in 1..=5 {
            let from = format!("2001:db8:1::{host}");
            if refusal(guess(&share, &from, at, NO_PASSWORD).await) != ShareRefusal::WrongPassword {
                break 'shares;
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 20);
}

/// Security 29.
async fn two_hundred_guesses_at_once_are_few(stage: Stage) {
    let contents = contents(&stage).await;
    let asked = ShareOrder { password: Some(typed("1234")), ..order(&contents.all(), draft()) };
    let share = shared(&stage, asked).await;
    let mut guesses = JoinSet::new();
    for at in 0..200 {
        let services = stage.services.clone();
        let address = share.address.expose().to_owned();
        guesses.spawn(async move {
            let password = typed(&format!("guess {at}"));
            services.share_unlock(&address, password, client("192.0.2.1")).await.map(drop)
        });
    }
    let elsewhere = client("198.51.100.7");
    let right = stage.services.share_unlock(share.address.expose(), typed("1234"), elsewhere);
    right.await.unwrap();
    let looked_at = guesses
        .join_all()
        .await
        .into_iter()
        .filter(|guess| match guess {
            Err(ServiceError::Share(ShareRefusal::WrongPassword)) => true,
            Err(ServiceError::Share(ShareRefusal::Throttled { .. })) => false,
            other => panic!("{other:?}"),
        })
        .count();
    assert!((1..=20).contains(&looked_at), "{looked_at}");
}
