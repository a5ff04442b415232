//! `[control]`: where the control plane listens, and what it keeps its records in.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use super::document::{Section, Value};
use super::edge::{CERTIFICATE_KEYS, LISTENER_KEYS, MAX_LISTENERS};
use super::finding::Finding;
use crate::control_plane::{Config, StoreAddress};
use crate::network::NetworkSet;

pub(super) const CONTROL_KEYS: &[&str] =
    &["listen", "public_url", "store", "trusted_proxies", "compat", "listener"];

pub(super) const COMPAT_KEYS: &[&str] = &["query_token"];

/// Where the APIs are, where nothing else is said.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

const STORE: &str = "sqlite:countersign.db";

/// None where it cannot be started as written.
pub(super) fn control(section: Section<'_>) -> Option<Config> {
    let listen = section.value("listen").map_or(Some(LISTEN), |it| it.socket_address());
    if let (Some(listen), Some(value)) = (listen, section.value("listen"))
        && !listen.ip().is_loopback()
    {
        value.report(Finding::warning(
            "passwords and tokens travel in the clear: let a proxy that speaks TLS stand before it",
        ));
    }
    let public_url = section.value("public_url").map(public_url);
    let store = store(section);
    let trusted_proxies = section.value("trusted_proxies").map(|it| it.networks());
    without_effect(section);
    Some(Config {
        listen: listen?,
        public_url: public_url.map_or(Some(None), |url| url.map(Some))?,
        store: store?,
        trusted_proxies: trusted_proxies.map_or(Some(NetworkSet::default()), |it| it)?,
    })
}

fn public_url(value: Value<'_>) -> Option<Box<str>> {
    let text = value.text()?;
    let sound = text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some()
            && uri.query().is_none()
    });
    if !sound {
        return value.refuse(Finding::error(
            "how clients reach the APIs: public_url = \"https://files.example.com\"",
        ));
    }
    Some(text.trim_end_matches('/').into())
}

fn store(section: Section<'_>) -> Option<StoreAddress> {
    let value = section.value("store");
    let text = value.map_or(Some(STORE), |it| it.text())?;
    match StoreAddress::parse(text) {
        Ok(address) => {
            let file = section.document.file.path();
            Some(address.beneath(file.parent().unwrap_or(Path::new(""))))
        }
        Err(error) => {
            value?.report(Finding::error(error.to_string()));
            None
        }
    }
}

/// What is read and not acted on: strictly, and pointed out.
fn without_effect(section: Section<'_>) {
    let warn = |value: Value<'_>, name: &str| {
        value.report(Finding::warning(format!("{name} has no effect in this version")));
    };
    if let Some(value) = section.value("compat") {
        warn(value, "[control.compat]");
        let compat = value.section("compat", COMPAT_KEYS);
        if let Some(value) = compat.and_then(|it| it.value("query_token")) {
            value.flag((), ());
        }
    }
    let Some(listeners) = section.value("listener") else { return };
    warn(listeners, "[[control.listener]]");
    for listener in listeners.items(MAX_LISTENERS).into_iter().flatten() {
        let Some(listener) = listener.section("[[control.listener]]", LISTENER_KEYS) else {
            continue;
        };
        listener.required("address", "an IP address and a port").map(|it| it.socket_address());
        listener.value("proxy_protocol_from").map(|it| it.networks());
        let certificates = listener.value("certificates").and_then(|it| it.items(MAX_LISTENERS));
        for pair in certificates.into_iter().flatten() {
            if let Some(pair) = pair.section("a certificate", CERTIFICATE_KEYS) {
                pair.required("cert", "a PEM file").map(|it| it.path());
                pair.required("key", "a PEM file").map(|it| it.path());
            }
        }
    }
}
