//! The way to a mail server: its name is looked up once a letter, and the connection goes to what was
//! found and looked at.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::conversation::{Conversation, MailFault, MailStep, Manners};
use super::message::Sealed;
use crate::control_plane::record::MailSecurity;
use crate::secret::Secret;

/// How long looking up a name, and connecting to an address, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Addresses of a server that are tried.
const TRIED: usize = 3;

/// Ports that mail servers have (RFC 5321, RFC 6409, RFC 8314), and the one that many offer beside.
const PORTS: [u16; 4] = [25, 465, 587, 2525];

/// A server, and how it is talked to.
#[derive(Debug)]
pub(in crate::control_plane) struct Relay {
    /// Its name or address.
    pub(in crate::control_plane) host: Box<str>,
    /// Its port.
    pub(in crate::control_plane) port: u16,
    /// How the way is secured.
    pub(in crate::control_plane) security: MailSecurity,
    /// Who logs in.
    pub(in crate::control_plane) login: Option<(Box<str>, Secret<String>)>,
}

/// What brings letters to servers. Clones are the same one.
#[derive(Clone)]
pub struct Post {
    ports: Arc<[u16]>,
    tls: Option<TlsConnector>,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("ports", &self.ports).finish_non_exhaustive()
    }
}

impl Default for Post {
    /// One that knows no certificate, and the ports that mail servers have.
    fn default() -> Self {
        Self { ports: PORTS.into(), tls: None }
    }
}

impl Post {
    /// One that verifies certificates against the system's roots, and goes to these ports beside those
    /// that mail servers have.
    pub fn new(ports: &[u16]) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        // A root that does not parse is passed over: system stores hold odd ones.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self::trusting(roots, ports)
    }

    /// The same, against these roots.
    pub(in crate::control_plane) fn trusting(
        roots: RootCertStore,
        ports: &[u16],
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = Some(TlsConnector::from(Arc::new(config)));
        Ok(Self { ports: PORTS.iter().chain(ports).copied().collect(), tls })
    }

    /// May servers be at that port?
    pub(in crate::control_plane) fn goes_to(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }

    /// Brings a letter to a server. Gives what that answered when it took it.
    pub(in crate::control_plane) async fn bring(
        &self,
        relay: &Relay,
        letter: &Sealed,
    ) -> Result<String, MailFault> {
        let Relay { host, port, security, login } = relay;
        if !self.goes_to(*port) {
            let other = format!("no mail server is asked at port {port} from here");
            return Err(MailFault::at(MailStep::Name, other));
        }
        let name = ServerName::try_from(host.to_string())
            .map_err(|_| MailFault::at(MailStep::Name, "it is neither a name nor an address"))?;
        let addresses = addresses(host, *port, *security).await?;
        let stream = connected(&addresses).await?;
        let login = login.as_ref().map(|(username, password)| (&**username, password));
        let manners = Manners { security: *security, name, tls: self.tls.as_ref(), login };
        Conversation::begin(stream, manners).await?.hand_over(letter).await
    }
}

async fn addresses(
    host: &str,
    port: u16,
    security: MailSecurity,
) -> Result<Vec<SocketAddr>, MailFault> {
    let fault = |said: String| MailFault::at(MailStep::Name, said);
    let found = match timeout(PATIENCE, lookup_host((host, port))).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(fault(error.to_string())),
        Err(_) => return Err(fault("no name server answers".to_owned())),
    };
    let found: Vec<SocketAddr> = found.filter(|it| may_be_asked(it.ip())).take(TRIED).collect();
    if found.is_empty() {
        return Err(fault("it has no address that may be asked".to_owned()));
    }
    if security == MailSecurity::None && !found.iter().all(|it| is_near(it.ip())) {
        let far = "without TLS a mail server is asked within one's own network only";
        return Err(MailFault::at(MailStep::Tls, far));
    }
    Ok(found)
}

async fn connected(addresses: &[SocketAddr]) -> Result<TcpStream, MailFault> {
    let mut last = MailFault::at(MailStep::Connection, "nobody answers");
    for address in addresses {
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = MailFault::at(MailStep::Connection, error),
            Err(_) => last = MailFault::at(MailStep::Connection, "nobody answers"),
        }
    }
    Err(last)
}

/// Can a mail server have that address? Those of one's own network can: many relays are there.
fn may_be_asked(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(it) => {
            !(it.is_unspecified() || it.is_multicast() || it.is_broadcast() || it.is_link_local())
        }
        IpAddr::V6(it) => !(it.is_unspecified() || it.is_multicast() || it.is_unicast_link_local()),
    }
}

/// Is it of this machine, or of one's own network (RFC 1918, RFC 4193)?
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(it) => it.is_loopback() || it.is_private(),
        IpAddr::V6(it) => it.is_loopback() || it.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_asked_and_what_is_near() {
        for (address, may, near) in [
            ("127.0.0.1", true, true),
            ("::1", true, true),
            ("::ffff:10.1.2.3", true, true),
            ("192.168.0.1", true, true),
            ("fd00::1", true, true),
            ("192.0.2.1", true, false),
            ("2001:db8::1", true, false),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("fe80::1", false, false),
            ("0.0.0.0", false, false),
            ("::", false, false),
            ("224.0.0.1", false, false),
            ("255.255.255.255", false, false),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!((may_be_asked(address), is_near(address)), (may, near), "{address}");
        }
    }

    #[tokio::test]
    async fn a_server_elsewhere_is_not_asked_in_the_clear() {
        let refused = addresses("192.0.2.1", 25, MailSecurity::None).await.unwrap_err();
        assert_eq!(refused.step, MailStep::Tls);
        assert!(addresses("192.0.2.1", 25, MailSecurity::StartTls).await.is_ok());
        let refused = addresses("169.254.169.254", 25, MailSecurity::Tls).await.unwrap_err();
        assert_eq!(refused.step, MailStep::Name);
    }
}
