//! The way to a mail server: its name is looked up once a letter, and the connection goes to what was
//! found and looked at. A server is named by a tenant, and the control plane stands where its operator's
//! own machines are: of the way there a tenant learns how far it went, and no more.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::conversation::{Conversation, MailFault, MailStep, Manners};
use super::message::Sealed;
use super::trials::{Trial, Trials};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::MailSecurity;
use crate::network::{NetworkSet, is_public};
use crate::secret::Secret;

/// How long looking up a name, and connecting to an address, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Addresses of a server that are tried.
const TRIED: usize = 3;

/// Ports that mail servers have (RFC 5321, RFC 6409, RFC 8314), and the one that many offer beside.
const PORTS: [u16; 4] = [25, 465, 587, 2525];

/// What is said of names that lead nowhere, or where nobody is asked.
const NOWHERE: &str = "the name leads to no address at which a mail server is asked from here ([control] mail_networks)";

/// What is said where nothing listens, whatever it is that does not.
const SILENT: &str = "no connection to the server comes about";

const FAR: &str = "without TLS a mail server is asked within [control] mail_networks only";

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
    networks: NetworkSet,
    tls: Option<TlsConnector>,
    trials: Arc<Trials>,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ports, networks, tls: _, trials: _ } = self;
        let mut shown = f.debug_struct("Post");
        shown.field("ports", ports).field("networks", networks).finish_non_exhaustive()
    }
}

impl Default for Post {
    /// One that knows no certificate, and of networks and ports what every one does.
    fn default() -> Self {
        let (networks, trials) = (NetworkSet::default(), Arc::default());
        Self { ports: PORTS.into(), networks, tls: None, trials }
    }
}

impl Post {
    /// One that verifies certificates against the system's roots, and goes to these ports beside those
    /// that mail servers have, and to these networks beside the public internet.
    pub fn new(ports: &[u16], networks: NetworkSet) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        // A root that does not parse is passed over: system stores hold odd ones.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self::trusting(roots, ports, networks)
    }

    /// The same, against these roots.
    pub(in crate::control_plane) fn trusting(
        roots: RootCertStore,
        ports: &[u16],
        networks: NetworkSet,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = Some(TlsConnector::from(Arc::new(config)));
        let ports = PORTS.iter().chain(ports).copied().collect();
        Ok(Self { ports, networks, tls, trials: Arc::default() })
    }

    /// May servers be at that port?
    pub(in crate::control_plane) fn goes_to(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }

    /// Brings a letter to a server, within that time. Gives what that answered when it took it.
    pub(in crate::control_plane) async fn bring(
        &self,
        relay: &Relay,
        letter: &Sealed,
        within: Duration,
    ) -> Result<String, MailFault> {
        let until = Instant::now() + within;
        let Relay { host, port, security, login } = relay;
        if !self.goes_to(*port) {
            let other = format!("no mail server is asked at port {port} from here");
            return Err(MailFault::at(MailStep::Name, other));
        }
        let name = ServerName::try_from(host.to_string())
            .map_err(|_| MailFault::at(MailStep::Name, "it is neither a name nor an address"))?;
        let addresses = self.addresses(host, *port, *security).await?;
        let stream = connected(&addresses).await?;
        let login = login.as_ref().map(|(username, password)| (&**username, password));
        let manners = Manners { security: *security, name, tls: self.tls.as_ref(), login, until };
        let own = stream.local_addr().map_err(|_| MailFault::at(MailStep::Connection, SILENT))?;
        Conversation::begin(stream, own, manners).await?.hand_over(letter).await
    }

    /// Begins to try a tenant's server; or says in how many seconds that may be.
    pub(in crate::control_plane) fn trial(
        &self,
        tenant: TenantId,
        now: UnixSeconds,
    ) -> Result<Trial, u64> {
        self.trials.begin(tenant, now)
    }

    /// May a server have that address? One's own networks are not every tenant's: the configuration
    /// names those in which servers are, and in the clear nothing goes further.
    pub(in crate::control_plane) fn asks(&self, address: IpAddr, security: MailSecurity) -> bool {
        let is_listed = self.networks.contains(address);
        match security {
            MailSecurity::None => is_listed,
            MailSecurity::StartTls | MailSecurity::Tls => is_listed || is_public(address),
        }
    }

    /// The addresses of a server. Whether a name is there and which networks know it is told nobody:
    /// one that leads nowhere is as one that leads inside.
    async fn addresses(
        &self,
        host: &str,
        port: u16,
        security: MailSecurity,
    ) -> Result<Vec<SocketAddr>, MailFault> {
        let found = timeout(PATIENCE, lookup_host((host, port))).await;
        let found = found.into_iter().flatten().flatten();
        let (may, not): (Vec<SocketAddr>, Vec<SocketAddr>) =
            found.partition(|it| self.asks(it.ip(), security));
        if !may.is_empty() {
            return Ok(may.into_iter().take(TRIED).collect());
        }
        Err(match security {
            MailSecurity::None if not.iter().any(|it| is_public(it.ip())) => {
                MailFault::at(MailStep::Tls, FAR)
            }
            MailSecurity::None | MailSecurity::StartTls | MailSecurity::Tls => {
                MailFault::at(MailStep::Name, NOWHERE)
            }
        })
    }
}

async fn connected(addresses: &[SocketAddr]) -> Result<TcpStream, MailFault> {
    for address in addresses {
        if let Ok(Ok(stream)) = timeout(PATIENCE, TcpStream::connect(address)).await {
            return Ok(stream);
        }
    }
    Err(MailFault::at(MailStep::Connection, SILENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::parse_network;

    fn within(networks: &[&str]) -> Post {
        let networks = networks.iter().map(|text| parse_network(text).unwrap()).collect();
        Post { networks: NetworkSet::new(networks), ..Post::default() }
    }

    #[test]
    fn servers_are_on_the_public_internet_or_in_networks_that_are_named() {
        let (nowhere, inside) = (within(&[]), within(&["10.1.0.0/16", "fd00:1::/32"]));
        for (address, of_nowhere, of_inside, in_the_clear) in [
            ("1.1.1.1", true, true, false),
            ("2606:4700::1111", true, true, false),
            ("10.1.2.3", false, true, true),
            ("::ffff:10.1.2.3", false, true, true),
            ("fd00:1::1", false, true, true),
            ("10.2.2.3", false, false, false),
            ("127.0.0.1", false, false, false),
            ("::1", false, false, false),
            ("169.254.169.254", false, false, false),
            ("::ffff:169.254.169.254", false, false, false),
            ("fe80::1", false, false, false),
            ("0.0.0.0", false, false, false),
            ("::", false, false, false),
            ("64:ff9b::7f00:1", false, false, false),
        ] {
            let address: IpAddr = address.parse().unwrap();
            for secured in [MailSecurity::StartTls, MailSecurity::Tls] {
                assert_eq!(nowhere.asks(address, secured), of_nowhere, "{address}");
                assert_eq!(inside.asks(address, secured), of_inside, "{address}");
            }
            assert!(!nowhere.asks(address, MailSecurity::None), "{address}");
            assert_eq!(inside.asks(address, MailSecurity::None), in_the_clear, "{address}");
        }
    }

    /// Whoever may name a server learns of no name and no address inside.
    #[tokio::test]
    async fn a_name_that_leads_inside_is_as_one_that_leads_nowhere() {
        let fault = async |post: &Post, host: &str, security| {
            post.addresses(host, 25, security).await.unwrap_err()
        };
        let post = within(&[]);
        let none = fault(&post, "nowhere.invalid", MailSecurity::Tls).await;
        assert_eq!((none.step, &*none.said), (MailStep::Name, NOWHERE));
        for host in ["localhost", "127.0.0.1", "127.1", "0x7f000001", "::1", "169.254.169.254"] {
            for security in [MailSecurity::Tls, MailSecurity::StartTls, MailSecurity::None] {
                assert_eq!(fault(&post, host, security).await, none, "{host}");
            }
        }
        let listed = within(&["127.0.0.0/8"]);
        let found = listed.addresses("localhost", 25, MailSecurity::None).await.unwrap();
        assert!(!found.is_empty() && found.iter().all(SocketAddr::is_ipv4), "{found:?}");
        let far = fault(&listed, "1.1.1.1", MailSecurity::None).await;
        assert_eq!((far.step, &*far.said), (MailStep::Tls, FAR));
        assert!(listed.addresses("1.1.1.1", 25, MailSecurity::StartTls).await.is_ok());
    }
}
