//! Who opens a share's page: what the edge that they came to saw of them, as it says it to the
//! control plane that answers.
//!
//! A control plane believes it of whoever has an edge's credential, and of nobody else. Within one
//! process nothing is written: the value goes along with the request.

use std::net::IpAddr;

use crate::asset::TenantId;
use crate::network::ClientIp;
use crate::policy::ClientScheme;
use crate::target::RequestHost;

/// Somebody who opens a share's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// Their address.
    pub client: ClientIp,
    /// What they spoke.
    pub scheme: ClientScheme,
    /// The host that they asked, lowercase, with its port where they named one.
    pub host: Box<str>,
    /// Whose site that is.
    pub tenant: TenantId,
}

impl Visitor {
    /// The header fields that say it, lowercase.
    pub const FIELDS: [&str; 4] = [
        "countersign-visitor-address",
        "countersign-visitor-scheme",
        "countersign-visitor-host",
        "countersign-visitor-tenant",
    ];

    /// The field that an answer of a share's page has, so that it is told from what else a control
    /// plane may say.
    pub const ANSWERED: &str = "countersign-share-page";

    /// What stands in each of [`Self::FIELDS`].
    pub fn written(&self) -> [String; 4] {
        let scheme = match self.scheme {
            ClientScheme::Http => "http",
            ClientScheme::Https => "https",
        };
        let Self { client, scheme: _, host, tenant } = self;
        [client.to_string(), scheme.to_owned(), host.to_string(), tenant.0.to_string()]
    }

    /// Reads it back; none where anything is missing, or not as it is written.
    pub fn read(fields: [&str; 4]) -> Option<Self> {
        let [address, scheme, host, tenant] = fields;
        let scheme = match scheme {
            "http" => ClientScheme::Http,
            "https" => ClientScheme::Https,
            _ => return None,
        };
        let client = ClientIp::new(address.parse::<IpAddr>().ok()?);
        RequestHost::parse(host.as_bytes())?;
        let tenant = TenantId(tenant.parse().ok()?);
        let read = Self { client, scheme, host: host.into(), tenant };
        // One text for each: whatever else reads as the same is not what an edge writes.
        (read.written() == fields).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(fields: &[String; 4]) -> Option<Visitor> {
        Visitor::read([&fields[0], &fields[1], &fields[2], &fields[3]])
    }

    proptest! {
        #[test]
        fn reading_what_was_written_gives_it_back(
            client in any::<IpAddr>(),
            over_tls in any::<bool>(),
            host in "[a-z]{1,9}(\\.[a-z0-9]{1,9}){0,2}(:[1-9][0-9]{0,3})?",
            tenant in any::<u64>(),
        ) {
            let visitor = Visitor {
                client: ClientIp::new(client),
                scheme: if over_tls { ClientScheme::Https } else { ClientScheme::Http },
                host: host.into(),
                tenant: TenantId(tenant),
            };
            prop_assert_eq!(read(&visitor.written()), Some(visitor));
        }

        #[test]
        fn any_text_is_read_in_one_way_or_refused(fields in any::<[String; 4]>()) {
            if let Some(visitor) = read(&fields) {
                prop_assert_eq!(visitor.written(), fields);
            }
        }
    }

    #[test]
    fn what_no_edge_writes_is_refused() {
        let good = ["192.0.2.1", "https", "a.example", "1"];
        assert!(Visitor::read(good).is_some());
        for (place, text) in [
            (0, ""),
            (0, "192.0.2.01"),
            (0, "::ffff:192.0.2.1"),
            (0, "192.0.2.1, 192.0.2.2"),
            (1, "HTTPS"),
            (1, "ftp"),
            (2, ""),
            (2, "a b"),
            (2, "a/b"),
            (3, "+1"),
            (3, "01"),
            (3, "-1"),
        ] {
            let mut fields = good;
            fields[place] = text;
            assert_eq!(Visitor::read(fields), None, "{fields:?}");
        }
    }
}
