//! EdgeAuth against two implementations that are not ours: the tokens of
//! `tests/vectors/edge_auth.json`, and as many again that the libraries make while the test runs.
//! Their tokens verify here, no changed one does, and ours equal theirs byte for byte.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use countersign::clock::UnixSeconds;
use countersign::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, MacAlgorithm, SharedKey};
use countersign::network::ClientIp;
use countersign::secret::Secret;
use countersign::target::{PathToken, RequestTarget};
use countersign::token::edge_auth::{
    EdgeAuth, EscapeDialect, QueryRule, SignRejection, SignRequest, SignScope, UrlForm, sign,
    verify,
};
use countersign::token::{
    Candidates, Carrier, CarrierRules, MacBudget, Subject, TokenCandidate, TokenRejection,
};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// What a signer was told; `tests/vectors/README.md` describes each.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Options {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acls: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field_delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acl_delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    escape_early: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    signers: Vec<Signer>,
    options: Options,
    token: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    format: u32,
    vectors: Vec<Vector>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Signer {
    Node,
    Python,
}

impl Signer {
    fn dialect(self) -> EscapeDialect {
        match self {
            Self::Node => EscapeDialect::Node,
            Self::Python => EscapeDialect::Python,
        }
    }

    /// The tokens of the library itself, run now.
    fn tokens(self, cases: &[Options]) -> Vec<String> {
        let (program, script) = match self {
            Self::Node => ("COUNTERSIGN_TEST_NODE", "tests/signers/sign.cjs"),
            Self::Python => ("COUNTERSIGN_TEST_PYTHON", "tests/signers/sign.py"),
        };
        // The Node driver needs this one too, and says so less clearly.
        required("COUNTERSIGN_TEST_NODE_MODULES");
        let mut running = Command::new(required(program))
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        running.stdin.take().unwrap().write_all(&serde_json::to_vec(cases).unwrap()).unwrap();
        let output = running.wait_with_output().unwrap();
        assert!(output.status.success(), "{script} failed: {}", output.status);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{script} refused a case: {error}"))
    }
}

fn required(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run the tests by `tests/run`"))
}

impl Options {
    fn expiry(&self) -> UnixSeconds {
        let end = self.end.or_else(|| Some(self.start? + self.window?));
        UnixSeconds::new(end.unwrap())
    }

    fn client(&self) -> ClientIp {
        ClientIp::new(self.ip.as_deref().unwrap_or("198.51.100.7").parse().unwrap())
    }

    fn token_name(&self) -> &str {
        self.token_name.as_deref().unwrap_or("__token__")
    }

    fn patterns(&self) -> Vec<&str> {
        let one = self.acl.iter().map(String::as_str);
        one.chain(self.acls.iter().flatten().map(String::as_str)).collect()
    }

    /// A site whose settings are the signer's.
    fn rules(&self) -> EdgeAuth {
        let key = SharedKey::from_hex(
            KeyId::new("it"),
            &self.key,
            KeyPurpose::Vendor,
            KeyWindow::default(),
        );
        let algorithm = self.algorithm.as_deref().unwrap_or("sha256");
        EdgeAuth {
            algorithm: *MacAlgorithm::ALL.iter().find(|it| it.wire_name() == algorithm).unwrap(),
            salt: self.salt.as_ref().map(|salt| Secret::new(salt.clone().into_bytes())),
            query: QueryRule::Signed,
            url_form: if self.signs_decoded_text() { UrlForm::Decoded } else { UrlForm::Raw },
            field_delimiter: self.field_delimiter.as_deref().unwrap_or("~").into(),
            acl_delimiter: self.acl_delimiter.as_deref().unwrap_or("!").into(),
            ..EdgeAuth::with_keys(Keyring::new(vec![key.unwrap()]))
        }
    }

    /// A URL that no client can send as it is was signed before it was encoded.
    fn signs_decoded_text(&self) -> bool {
        self.url
            .as_deref()
            .is_some_and(|url| RequestTarget::parse(url, PathToken::Absent, usize::MAX).is_err())
    }

    /// The request that the token is for.
    fn target(&self) -> String {
        /// What is not printable ASCII is encoded anyway.
        const UNSENDABLE: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'"');
        match &self.url {
            Some(url) if self.signs_decoded_text() => {
                utf8_percent_encode(url, UNSENDABLE).to_string()
            }
            Some(url) => url.clone(),
            None => self.patterns()[0].replace('*', "/x").replace('?', "y").replace("//", "/"),
        }
    }

    fn request<'r>(&'r self, patterns: &'r [&'r str], signer: Signer) -> SignRequest<'r> {
        SignRequest {
            scope: match &self.url {
                Some(url) => SignScope::Url(url),
                None => SignScope::Acl(patterns),
            },
            start: self.start.map(UnixSeconds::new),
            expiry: self.expiry(),
            ip: self.ip.as_ref().map(|ip| ip.parse::<IpAddr>().unwrap().into()),
            id: self.id.as_deref(),
            payload: self.data.as_deref(),
            escape: self.escape_early.unwrap_or_default().then(|| signer.dialect()),
        }
    }

    fn our_token(&self, signer: Signer) -> Result<String, SignRejection> {
        let rules = self.rules();
        let key = rules.keyring.signer(self.expiry()).unwrap();
        sign(&rules, key, &self.request(&self.patterns(), signer))
    }
}

/// Everything that an attempt can change.
struct Attempt<'a> {
    options: Options,
    token: &'a str,
    target: String,
    client: ClientIp,
    now: UnixSeconds,
    carrier: Carrier,
}

impl<'a> Attempt<'a> {
    /// As the signer meant it, in its last second.
    fn new(options: &Options, token: &'a str) -> Self {
        Self {
            options: options.clone(),
            token,
            target: options.target(),
            client: options.client(),
            now: options.expiry(),
            carrier: Carrier::Header,
        }
    }

    fn verdict(&self) -> Result<(), TokenRejection> {
        let rules = self.options.rules();
        let name = self.options.token_name();
        let carriers = CarrierRules::new(name, &[self.carrier]);
        let mut target = self.target.clone();
        if self.carrier == Carrier::Query {
            let separator = if target.contains('?') { '&' } else { '?' };
            let encoded = utf8_percent_encode(self.token, NON_ALPHANUMERIC);
            target = format!("{target}{separator}{name}={encoded}");
        }
        let target = RequestTarget::parse(&target, PathToken::Absent, usize::MAX).unwrap();
        let header = std::iter::once(self.token.as_bytes());
        let candidates = Candidates::collect(&carriers, &target, header, std::iter::empty());
        let candidate: &TokenCandidate = &candidates.to_try().unwrap()[0];
        let subject = Subject::as_asked(&target, 1);
        let mut budget = MacBudget::new();
        verify(&rules, name, candidate, subject, self.client, self.now, &mut budget).map(|_| ())
    }
}

/// The token opens what it is for, from a header and, encoded by whoever sent it, from a query.
fn assert_verifies(name: &str, options: &Options, token: &str) {
    for carrier in [Carrier::Header, Carrier::Query] {
        let attempt = Attempt { carrier, ..Attempt::new(options, token) };
        assert_eq!(attempt.verdict(), Ok(()), "{name} from the {carrier}");
    }
}

/// And nothing else, nor anything when a bit of it or of what it was made with is changed.
fn assert_bound(name: &str, options: &Options, token: &str) {
    let refused = |what: &str, attempt: Attempt<'_>| {
        assert!(attempt.verdict().is_err(), "{name}: verifies with {what}");
    };
    let good = || Attempt::new(options, token);
    if !options.patterns().contains(&"/*") {
        refused("another path", Attempt { target: "/another/path".to_owned(), ..good() });
    }
    if options.url.is_some() {
        let target = options.target();
        refused("a longer URL", Attempt { target: format!("{target}x"), ..good() });
        let query = if target.contains('?') { "&" } else { "?" };
        refused("a longer query", Attempt { target: format!("{target}{query}x=1"), ..good() });
    }
    refused("an expired token", Attempt { now: options.expiry().plus(1), ..good() });
    if let Some(start) = options.start {
        refused("a token too early", Attempt { now: UnixSeconds::new(start - 1), ..good() });
    }
    if options.ip.is_some() {
        let client = ClientIp::new("198.51.100.7".parse().unwrap());
        refused("another address", Attempt { client, ..good() });
    }
    let with = |change: &dyn Fn(&mut Options)| {
        let mut attempt = good();
        change(&mut attempt.options);
        attempt
    };
    refused("another key", with(&|it| it.key = flipped_key(&it.key)));
    refused("another salt", with(&|it| it.salt.get_or_insert_default().push('x')));
    if options.salt.is_some() {
        refused("no salt", with(&|it| it.salt = None));
    }
    let algorithm = options.algorithm.as_deref().unwrap_or("sha256");
    for other in MacAlgorithm::ALL.iter().map(|it| it.wire_name()).filter(|it| *it != algorithm) {
        refused("another algorithm", with(&|it| it.algorithm = Some(other.to_owned())));
    }
    for index in 0..token.len() {
        // The lowest bit: of a hexadecimal digit of either case it makes another digit or none.
        let mut bytes = token.as_bytes().to_vec();
        bytes[index] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        refused(&format!("byte {index} changed"), Attempt { token: &changed, ..good() });
    }
}

fn flipped_key(hex: &str) -> String {
    let last = if hex.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", hex.get(..hex.len() - 1).unwrap())
}

/// In these the signer left a delimiter in a field: what follows is a field that nobody meant.
fn holds_a_raw_delimiter(vector: &Vector) -> bool {
    ["disputed/tilde/id/python", "disputed/tilde/data/python"].contains(&vector.name.as_str())
}

fn vectors() -> Vec<Vector> {
    let text = std::fs::read_to_string("tests/vectors/edge_auth.json").unwrap();
    let file: Vectors = serde_json::from_str(&text).unwrap();
    assert_eq!(file.format, 1);
    assert!(file.vectors.len() > 250, "only {} vectors", file.vectors.len());
    file.vectors
}

#[test]
fn every_vector_verifies_and_is_bound() {
    let mut refused = 0;
    for vector in vectors() {
        if holds_a_raw_delimiter(&vector) {
            let verdict = Attempt::new(&vector.options, &vector.token).verdict();
            assert!(matches!(verdict, Err(TokenRejection::Malformed(_))), "{verdict:?}");
            refused += 1;
            continue;
        }
        assert_verifies(&vector.name, &vector.options, &vector.token);
        assert_bound(&vector.name, &vector.options, &vector.token);
    }
    assert_eq!(refused, 2);
}

#[test]
fn every_vector_is_what_we_sign() {
    for vector in vectors() {
        for &signer in &vector.signers {
            let ours = vector.options.our_token(signer);
            if holds_a_raw_delimiter(&vector) {
                assert!(matches!(ours, Err(SignRejection::Delimiter(_))), "{}", vector.name);
            } else {
                assert_eq!(ours.as_deref(), Ok(&*vector.token), "{} as {signer:?}", vector.name);
            }
        }
    }
}

/// Cases that nobody chose, signed by the libraries while we wait.
#[test]
fn fresh_tokens_of_both_libraries_both_ways() {
    const CASES: usize = 400;
    let mut random = Random(0x0000_C0DE_2026_1121);
    let cases: Vec<Options> = (0..CASES).map(|_| random.options()).collect();
    let mut tally = BTreeMap::from([("the same", 0_usize), ("refused to sign", 0)]);
    for signer in [Signer::Python, Signer::Node] {
        let theirs = signer.tokens(&cases);
        assert_eq!(theirs.len(), cases.len());
        for (index, (options, theirs)) in cases.iter().zip(&theirs).enumerate() {
            let name = format!("{signer:?} case {index} {options:?}");
            match options.our_token(signer) {
                Ok(ours) => {
                    assert_eq!(&ours, theirs, "{name}");
                    assert_verifies(&name, options, theirs);
                    if index % 8 == 0 {
                        assert_bound(&name, options, theirs);
                    }
                    *tally.entry("the same").or_default() += 1;
                }
                // A delimiter in a field: they sign it, we do not.
                Err(SignRejection::Delimiter(_)) => {
                    *tally.entry("refused to sign").or_default() += 1;
                }
                Err(other) => panic!("{name}: {other}"),
            }
        }
    }
    println!("{tally:?}");
    assert!(tally["the same"] >= 600 && tally["refused to sign"] > 0, "{tally:?}");
}

/// xorshift64*: the same cases on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).unwrap() % bound
    }

    fn one_of<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        choices[self.below(choices.len())]
    }

    fn sometimes<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 0).then(|| make(self))
    }

    fn text(&mut self, pieces: &[&str], longest: usize) -> String {
        (0..=self.below(longest)).map(|_| self.one_of(pieces)).collect()
    }

    fn options(&mut self) -> Options {
        const TEXT: &[&str] = &[
            "a", "Z", "7", " ", "!", "(", ")", "*", "'", "+", "%", "%2f", "=", "&", ";", ",", ":",
            "/", "?", "#", "@", "-", "_", ".", "é", "안", "\"", "<", "{", "$", "~",
        ];
        const NAME: &[&str] =
            &["a", "b", "Z", "0", "-", "_", ".x", "%20", "%EC%95%88", "(", ")", "+", "@", "=", "$"];
        let path = |it: &mut Self| -> String {
            let segments: Vec<_> = (0..=it.below(3)).map(|_| it.text(NAME, 6)).collect();
            format!("/s{}", segments.join("/s"))
        };
        let pattern = |it: &mut Self| {
            let tail = it.one_of(&["", "*", "/*", "/?", "/??-?/*.ts", "*/x?"]);
            format!("{}{tail}", path(it))
        };
        let mut options = Options {
            key: (0..=self.below(40)).map(|_| self.one_of(&["0a", "F3", "5c", "91"])).collect(),
            algorithm: self.sometimes(|it| it.one_of(&["sha256", "sha1", "md5"]).to_owned()),
            start: self.sometimes(|it| 1_800_000_000 + it.next() % 1_000),
            ip: self.sometimes(|it| {
                it.one_of(&["192.0.2.200", "10.1.2.3", "2001:db8::17", "fe80::1:2"]).to_owned()
            }),
            id: self.sometimes(|it| it.text(TEXT, 12)),
            data: self.sometimes(|it| it.text(TEXT, 20)),
            salt: self.sometimes(|it| it.text(TEXT, 9)),
            field_delimiter: self.sometimes(|it| it.one_of(&["~", "^", "|", "||"]).to_owned()),
            acl_delimiter: self.sometimes(|it| it.one_of(&["!", "`", "!!"]).to_owned()),
            escape_early: self.sometimes(|it| it.below(3) != 0),
            token_name: self.sometimes(|it| it.one_of(&["hdnts", "hdnea", "t"]).to_owned()),
            ..Options::default()
        };
        match (options.start, self.below(2)) {
            (Some(_), 0) => options.window = Some(1 + self.next() % 100_000),
            _ => options.end = Some(1_900_000_000 + self.next() % 1_000),
        }
        match self.below(4) {
            0 => options.acl = Some(pattern(self)),
            1 => options.acls = Some((0..=self.below(4)).map(|_| pattern(self)).collect()),
            2 => options.url = Some(path(self)),
            _ => {
                let query = self.one_of(&["quality=720p", "a=1&b=%2f", "x", "a=&file-name=b%20c"]);
                options.url = Some(format!("{}?{query}", path(self)));
            }
        }
        options
    }
}
