//! The promise on forged tokens: of a million bad ones none opens anything, of a hundred thousand
//! good ones none is refused.
//!
//! An attempt is bad by the word of an oracle that knows what the key holder signed and meant: it
//! looks the text up and hashes nothing. The key holder here is careless and lets the delimiter
//! through in `id` and `data`, as the official libraries do unless told otherwise.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on says so"
)]

use std::collections::{BTreeMap, HashMap, HashSet};

use countersign::clock::UnixSeconds;
use countersign::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, MacAlgorithm, SharedKey};
use countersign::network::ClientIp;
use countersign::secret::Secret;
use countersign::target::{PathToken, RequestTarget};
use countersign::token::edge_auth::{EdgeAuth, EscapeDialect, QueryRule, UrlForm, verify};
use countersign::token::{Candidates, Carrier, CarrierRules, MacBudget, Subject, TokenRejection};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const BAD: u64 = 1_000_000;
const GOOD: u64 = 100_000;
const NOW: u64 = 1_893_448_800;
const KEY: &str = "aabbccddeeff00112233445566778899";
const OTHER_KEY: &str = "52a152a152a152a152a152a152a1";

/// Paths and queries that are asked for.
const TARGETS: &[&str] = &[
    "/vod/a/film.mp4",
    "/vod/a/film.mp4?quality=720p",
    "/vod/a/film.mp4?quality=720p&",
    "/vod/a/film.mp4?quality=source",
    "/vod/a/film.mp4?~url=/vod/b",
    "/vod/a/film.mp4%3Fquality=720p",
    "/vod/a/%66ilm.mp4",
    "/vod/A/film.mp4",
    "/vod/b/x",
    "/vod/b/x~acl=/*",
    "/vod/b/x~url=/vod/a/film.mp4",
    "/vod/b",
    "/vod/",
    "/private/videos/v/source",
    "/public/videos/v/source",
    "/secret",
];

/// One site: how it reads tokens, and what only its key holder knows.
struct Realm {
    rules: EdgeAuth,
    salt: Option<&'static str>,
    delimiter: &'static str,
}

fn realms() -> Vec<Realm> {
    let ring = |keys: &[&str]| {
        let key = |hex: &&str| {
            let window = KeyWindow::default();
            SharedKey::from_hex(KeyId::new(hex), hex, KeyPurpose::Vendor, window).unwrap()
        };
        Keyring::new(keys.iter().map(key).collect())
    };
    let base = || EdgeAuth::with_keys(ring(&[KEY]));
    // One key in nearly all of them: nothing but the settings keeps these apart. Whether the query
    // counts is in no signed text, so the second has a key of its own.
    [
        (base(), None, "~"),
        (
            EdgeAuth { query: QueryRule::Signed, ..EdgeAuth::with_keys(ring(&[OTHER_KEY])) },
            None,
            "~",
        ),
        (
            EdgeAuth { query: QueryRule::Signed, url_form: UrlForm::Decoded, ..base() },
            Some("pepper"),
            "~",
        ),
        (EdgeAuth { algorithm: MacAlgorithm::Sha1, ..base() }, None, "^"),
        (
            EdgeAuth { algorithm: MacAlgorithm::Md5, keyring: ring(&["00", KEY]), ..base() },
            None,
            "~",
        ),
    ]
    .into_iter()
    .map(|(rules, salt, delimiter)| Realm {
        rules: EdgeAuth {
            salt: salt.map(|salt| Secret::new(salt.as_bytes().to_vec())),
            field_delimiter: delimiter.into(),
            ..rules
        },
        salt,
        delimiter,
    })
    .collect()
}

/// What the key holder signed, and what it meant by it.
struct Signed {
    realm: usize,
    body: String,
    tag: String,
    meaning: Meaning,
    expiry: u64,
    client: Option<&'static str>,
}

#[derive(Clone)]
enum Meaning {
    Acl(Vec<String>),
    Url(&'static str),
}

impl Signed {
    fn token(&self, realms: &[Realm]) -> String {
        format!("{}{}hmac={}", self.body, realms[self.realm].delimiter, self.tag)
    }
}

/// Signs as the official libraries do, whatever the fields hold.
fn signed(realms: &[Realm], random: &mut Random) -> Signed {
    let index = random.below(realms.len());
    let realm = &realms[index];
    let delimiter = realm.delimiter;
    // A third has ended, so that a later end is worth forging.
    let expiry = if random.below(3) == 0 { NOW - 1 } else { NOW + random.next() % 5_000 };
    let client = (random.below(4) == 0).then_some("203.0.113.9");
    let mut fields = Vec::new();
    fields.extend(client.map(|ip| format!("ip={ip}")));
    if random.below(3) == 0 {
        fields.push(format!("st={}", NOW - random.next() % 5_000));
    }
    fields.push(format!("exp={expiry}"));
    let meaning = if random.below(2) == 0 {
        const PATTERNS: &[&str] =
            &["/vod/a/*", "/vod/a/film.mp4", "/vod/?/x", "/private/videos/v/*", "/vod/b"];
        let acl: Vec<String> =
            (0..=random.below(2)).map(|_| random.one_of(PATTERNS).to_owned()).collect();
        fields.push(format!("acl={}", acl.join("!")));
        Meaning::Acl(acl)
    } else {
        Meaning::Url(random.one_of(TARGETS))
    };
    let injected = |random: &mut Random| {
        let text = random.one_of(&[
            "s1",
            "x~acl=/*",
            "x~exp=9999999999",
            "x~url=/vod/b",
            "x~st=0",
            "x~foo=1",
            "x^acl=/*",
            "d~url=/vod/a/film.mp4?",
            "x~salt=guess",
            "t=ag_01",
            "x~hmac=00",
        ]);
        text.to_owned()
    };
    if random.below(3) == 0 {
        fields.push(format!("id={}", injected(random)));
    }
    if random.below(3) == 0 {
        fields.push(format!("data={}", injected(random)));
    }
    let body = fields.join(delimiter);
    let mut text = body.clone();
    if let Meaning::Url(url) = &meaning {
        let query_counts = realm.rules.query == QueryRule::Signed;
        let url = if query_counts { url } else { url.split('?').next().unwrap() };
        let decoded = percent_decode_str(url).decode_utf8().unwrap();
        let url = match realm.rules.url_form {
            UrlForm::Decoded => decoded.into_owned(),
            UrlForm::Raw => url.to_owned(),
        };
        let dialects = [None, Some(EscapeDialect::Python), Some(EscapeDialect::Node)];
        let dialect = dialects[random.below(3)];
        let url = dialect.map_or_else(|| url.clone(), |dialect| dialect.escape(&url));
        text = format!("{text}{delimiter}url={url}");
    }
    if let Some(salt) = realm.salt {
        text = format!("{text}{delimiter}salt={salt}");
    }
    let now = UnixSeconds::new(NOW);
    let last = realm.rules.keyring.verifiers(now).last().unwrap().id().as_str();
    let key = realm.rules.keyring.signer_named(last).unwrap();
    let tag = key.tag(realm.rules.algorithm, |input| input.write(text.as_bytes()));
    Signed { realm: index, body, tag: format!("{tag:x}"), meaning, expiry, client }
}

/// A text shown for a target, to one site.
struct Attempt {
    realm: usize,
    token: String,
    target: &'static str,
    client: &'static str,
}

/// Everything the key holder signed, by site and tag, and whether it meant an attempt.
struct Oracle<'s>(HashMap<(usize, &'s str), Vec<&'s Signed>>);

impl<'s> Oracle<'s> {
    fn new(signed: &'s [Signed]) -> Self {
        let mut by_tag: HashMap<_, Vec<_>> = HashMap::new();
        for it in signed {
            by_tag.entry((it.realm, &*it.tag)).or_default().push(it);
        }
        Self(by_tag)
    }

    fn means(&self, attempt: &Attempt, realms: &[Realm]) -> bool {
        let realm = &realms[attempt.realm];
        let decoded = percent_decode_str(&attempt.token).decode_utf8().ok();
        let texts = [Some(&*attempt.token), decoded.as_deref()];
        texts.into_iter().flatten().any(|text| self.means_text(text, attempt, realm))
    }

    fn means_text(&self, text: &str, attempt: &Attempt, realm: &Realm) -> bool {
        let marker = format!("{}hmac=", realm.delimiter);
        let Some((body, tag)) = text.rsplit_once(&marker) else { return false };
        let tag = tag.to_ascii_lowercase();
        self.0.get(&(attempt.realm, &*tag)).into_iter().flatten().any(|signed| {
            signed.body == body
                && signed.expiry >= NOW
                && signed.client.is_none_or(|client| client == attempt.client)
                && match &signed.meaning {
                    Meaning::Acl(patterns) => {
                        let path = attempt.target.split('?').next().unwrap();
                        patterns.iter().any(|it| covers(it.as_bytes(), path.as_bytes()))
                    }
                    Meaning::Url(url) => same_url(url, attempt.target, realm),
                }
        })
    }
}

/// The pattern grammar by its definition.
fn covers(pattern: &[u8], path: &[u8]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=path.len()).any(|eaten| covers(rest, &path[eaten..])),
        ([b'?', rest @ ..], [_, tail @ ..]) => covers(rest, tail),
        ([expected, rest @ ..], [byte, tail @ ..]) => expected == byte && covers(rest, tail),
        ([_, ..], []) | ([], [_, ..]) => false,
    }
}

/// Is the URL that was meant the one that is asked for, as this site reads URLs? Of a decoded path
/// beside a query only the text is signed: what cannot be told apart is taken for the query.
fn same_url(meant: &str, asked: &str, realm: &Realm) -> bool {
    let read = |url: &str| {
        let (path, query) = url.split_once('?').map_or((url, None), |(p, q)| (p, Some(q)));
        let path = match realm.rules.url_form {
            UrlForm::Decoded => percent_decode_str(path).decode_utf8().unwrap().into_owned(),
            UrlForm::Raw => path.to_owned(),
        };
        match (realm.rules.query, query) {
            (QueryRule::Ignored, _) | (QueryRule::Signed, None) => (path.clone(), path),
            (QueryRule::Signed, Some(query)) => (format!("{path}?{query}"), path),
        }
    };
    let ((meant, _), (asked, asked_path)) = (read(meant), read(asked));
    let query_counts = realm.rules.query == QueryRule::Signed;
    meant == asked && !(query_counts && asked_path.contains('?'))
}

fn verdict(
    attempt: &Attempt,
    carrier: Carrier,
    realms: &[Realm],
    targets: &HashMap<&str, RequestTarget>,
) -> Result<(), TokenRejection> {
    let carriers = CarrierRules::new("__token__", &[carrier]);
    let target = &targets[attempt.target];
    let cookie = format!("a=b; __token__={}", attempt.token);
    let (header, cookie) = (std::iter::once(attempt.token.as_bytes()), [cookie.as_bytes()]);
    let candidates = Candidates::collect(&carriers, target, header, cookie.into_iter());
    let subject = Subject::as_asked(target, 1);
    let client = ClientIp::new(attempt.client.parse().unwrap());
    let mut refused = TokenRejection::Missing;
    for candidate in candidates.to_try()? {
        let rules = &realms[attempt.realm].rules;
        let now = UnixSeconds::new(NOW);
        let mut budget = MacBudget::new();
        match verify(rules, "__token__", candidate, subject, client, now, &mut budget) {
            Ok(_) => return Ok(()),
            Err(rejection) => refused = rejection,
        }
    }
    Err(refused)
}

fn targets() -> HashMap<&'static str, RequestTarget> {
    let parse =
        |text: &'static str| (text, RequestTarget::parse(text, PathToken::Absent, 8_192).unwrap());
    TARGETS.iter().copied().map(parse).collect()
}

type Forge = fn(&str, &Signed, &Signed, &[Realm], &mut Random) -> String;

/// The ways to forge, each from one token or two.
const FORGERIES: &[(&str, Forge)] = &[
    ("a bit flipped", |token, _, _, _, random| {
        let mut bytes = token.as_bytes().to_vec();
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(7);
        String::from_utf8(bytes).unwrap()
    }),
    ("fields in another order", |token, _, _, realms, random| {
        in_fields(token, realms, random, |fields, random| {
            let (a, b) = (random.below(fields.len()), random.below(fields.len()));
            fields.swap(a, b);
        })
    }),
    ("a field twice", |token, _, _, realms, random| {
        in_fields(token, realms, random, |fields, random| {
            let twin = fields[random.below(fields.len())].clone();
            fields.insert(random.below(fields.len() + 1), twin);
        })
    }),
    ("a field more", |token, _, _, realms, random| {
        in_fields(token, realms, random, |fields, random| {
            let more = random.one_of(&[
                "acl=/*",
                "acl=*",
                "exp=9999999999",
                "st=0",
                "ip=203.0.113.10",
                "id=",
                "x=1",
                "",
                "hmac=",
                "url=/secret",
                "salt=",
                "data=d",
                "ACL=/*",
                " acl=/*",
            ]);
            fields.insert(random.below(fields.len() + 1), more.to_owned());
        })
    }),
    ("a field less", |token, _, _, realms, random| {
        in_fields(token, realms, random, |fields, random| {
            fields.remove(random.below(fields.len()));
        })
    }),
    ("cut off", |token, _, _, _, random| token[..random.below(token.len())].to_owned()),
    ("a shorter or longer tag", |_, signed, _, realms, random| {
        let length = 2 * random.below(36);
        let tag: String = signed.tag.chars().chain(std::iter::repeat('0')).take(length).collect();
        format!("{}{}hmac={tag}", signed.body, realms[signed.realm].delimiter)
    }),
    ("a drawn tag", |_, signed, _, realms, random| {
        let tag: String =
            signed.tag.chars().map(|_| random.one_of(&["0", "7", "a", "f"])).collect();
        format!("{}{}hmac={tag}", signed.body, realms[signed.realm].delimiter)
    }),
    ("the case of a letter", |token, _, _, _, random| {
        let at = random.below(token.len());
        let (head, tail) = token.split_at(at);
        let flipped = match tail.as_bytes()[0] {
            it if it.is_ascii_lowercase() => it.to_ascii_uppercase(),
            it => it.to_ascii_lowercase(),
        };
        format!("{head}{}{}", char::from(flipped), &tail[1..])
    }),
    ("a delimiter more", |token, _, _, _, random| {
        let mark =
            random.one_of(&["~", "^", "!", "=", "&", ";", ",", "%7e", "%00", "+", " ", "\""]);
        inserted(token, mark, random)
    }),
    ("a URL token shown as an ACL", |_, signed, _, realms, random| {
        let realm = &realms[signed.realm];
        let d = realm.delimiter;
        let url = match &signed.meaning {
            Meaning::Url(url) => (*url).to_owned(),
            Meaning::Acl(_) => "/vod/b/x~acl=/*".to_owned(),
        };
        let salt = if random.below(2) == 0 { "" } else { "~salt=pepper" };
        let more = random.one_of(&["", "~acl=/*"]);
        format!("{}{d}url={url}{more}{salt}{d}hmac={}", signed.body, signed.tag)
    }),
    ("a body cut where a field was injected", |_, signed, _, realms, random| {
        let marks = ["~url=", "~acl=", "~salt=", "~foo=", "~exp=", "~st="];
        let body = match signed.body.split_once(random.one_of(&marks)) {
            Some((head, _)) => head,
            None => &signed.body,
        };
        format!("{body}{}hmac={}", realms[signed.realm].delimiter, signed.tag)
    }),
    ("layers of encoding", |token, _, _, _, random| {
        let mut text = token.to_owned();
        for _ in 0..=random.below(3) {
            text = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
        }
        text
    }),
    ("one character encoded", |token, _, _, _, random| {
        let at = random.below(token.len());
        format!("{}%{:02x}{}", &token[..at], token.as_bytes()[at], &token[at + 1..])
    }),
    ("a wider ACL", |token, _, _, realms, random| {
        in_fields(token, realms, random, |fields, random| {
            let wider = random.one_of(&["/*", "*", "/vod/*", "/vod/b", "%2f*", "/vod/a/*!/*"]);
            let tail = random.one_of(&["", "!/*", "*", "?"]);
            for field in fields.iter_mut().filter(|field| field.starts_with("acl=")) {
                *field =
                    if tail.is_empty() { format!("acl={wider}") } else { format!("{field}{tail}") };
            }
        })
    }),
    ("a later end or an earlier start", |token, _, _, realms, random| {
        let seconds = random.next() % 100_000;
        in_fields(token, realms, random, |fields, _| {
            for field in fields.iter_mut() {
                if field.starts_with("exp=") {
                    *field = format!("exp={}", NOW + seconds);
                } else if field.starts_with("st=") {
                    *field = format!("st={}", NOW - seconds);
                }
            }
        })
    }),
    ("another alphabet", |token, _, _, _, random| {
        let mark =
            random.one_of(&["\u{ff5e}", "\u{200b}", "\u{301}", "\u{ff0a}", "\0", "\u{1f512}"]);
        inserted(token, mark, random)
    }),
    ("halves of two tokens", |_, signed, other, realms, random| {
        let d = realms[signed.realm].delimiter;
        match random.below(3) {
            0 => format!("{}{d}hmac={}", signed.body, other.tag),
            1 => format!("{}{d}hmac={}", other.body, signed.tag),
            _ => format!("{}{d}{}{d}hmac={}", signed.body, other.body, other.tag),
        }
    }),
    ("as it is, for whatever else", |token, _, _, _, _| token.to_owned()),
];

fn in_fields(
    token: &str,
    realms: &[Realm],
    random: &mut Random,
    change: impl FnOnce(&mut Vec<String>, &mut Random),
) -> String {
    let delimiter = if token.contains('^') { realms[3].delimiter } else { realms[0].delimiter };
    let mut fields: Vec<String> = token.split(delimiter).map(str::to_owned).collect();
    change(&mut fields, random);
    fields.join(delimiter)
}

fn inserted(token: &str, mark: &str, random: &mut Random) -> String {
    let at = random.below(token.len() + 1);
    format!("{}{mark}{}", &token[..at], &token[at..])
}

#[test]
fn of_a_million_forged_tokens_none_opens_anything() {
    const SEEDS: &[u64] = &[0x5EED_0001, 0x5EED_0002];
    let realms = realms();
    let tallies: Vec<BTreeMap<&str, u64>> = std::thread::scope(|scope| {
        let realms = &realms;
        let runs: Vec<_> =
            SEEDS.iter().map(|&seed| scope.spawn(move || forge(seed, realms))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let mut total = BTreeMap::new();
    for (name, count) in tallies.into_iter().flatten() {
        *total.entry(name).or_insert(0) += count;
    }
    println!("forged tokens, all refused: {}: {total:#?}", total.values().sum::<u64>());
    assert!(total.values().sum::<u64>() >= BAD);
    assert_eq!(total.len(), FORGERIES.len());
}

/// Half a million of them from one seed.
fn forge(seed: u64, realms: &[Realm]) -> BTreeMap<&'static str, u64> {
    let mut random = Random(seed);
    let targets = targets();
    let pool: Vec<Signed> = (0..3_000).map(|_| signed(realms, &mut random)).collect();
    let oracle = Oracle::new(&pool);
    let mut tally = BTreeMap::new();
    let mut bad = 0;
    while bad < BAD / 2 {
        let signed = &pool[random.below(pool.len())];
        let other = &pool[random.below(pool.len())];
        let (name, make) = FORGERIES[random.below(FORGERIES.len())];
        let token = make(&signed.token(realms), signed, other, realms, &mut random);
        // Mostly the site it was made for, sometimes its sisters with the same key.
        let realm = if random.below(4) == 0 { random.below(realms.len()) } else { signed.realm };
        let target = match &signed.meaning {
            Meaning::Url(url) if random.below(2) == 0 => url,
            Meaning::Url(_) | Meaning::Acl(_) => random.one_of(TARGETS),
        };
        let client = random.one_of(&["203.0.113.9", "203.0.113.10"]);
        let attempt = Attempt { realm, token, target, client };
        if oracle.means(&attempt, realms) {
            continue;
        }
        bad += 1;
        *tally.entry(name).or_insert(0) += 1;
        // A cookie ends at these, and would show the token without what was put in.
        let carrier = if random.below(2) == 0 || attempt.token.contains([';', '"', ' ']) {
            Carrier::Header
        } else {
            Carrier::Cookie
        };
        assert!(
            verdict(&attempt, carrier, realms, &targets).is_err(),
            "{name}, seed {seed:#x}, attempt {bad}: opened {} of realm {realm}",
            attempt.target
        );
    }
    tally
}

#[test]
fn of_a_hundred_thousand_good_tokens_none_is_refused() {
    let realms = realms();
    let mut random = Random(0x600D);
    let targets = targets();
    let mut opened = 0;
    let mut distinct = HashSet::new();
    let mut refused_fields = 0_u64;
    while opened < GOOD {
        let signed = signed(&realms, &mut random);
        if signed.expiry < NOW {
            continue;
        }
        // A field that reads as another one is refused on purpose, and signed by nobody sane.
        let realm = &realms[signed.realm];
        if signed.body.contains("x~") || signed.body.contains("x^") || signed.body.contains("d~") {
            refused_fields += 1;
            continue;
        }
        let target = match &signed.meaning {
            Meaning::Url(url) => url,
            Meaning::Acl(patterns) => TARGETS
                .iter()
                .find(|it| {
                    let path = it.split('?').next().unwrap();
                    patterns.iter().any(|pattern| covers(pattern.as_bytes(), path.as_bytes()))
                })
                .unwrap(),
        };
        if is_read_in_two_ways(target, &signed.meaning, realm) {
            continue;
        }
        let mut token = signed.token(&realms);
        let carrier = match random.below(4) {
            0 => Carrier::Cookie,
            1 => {
                token = utf8_percent_encode(&token, NON_ALPHANUMERIC).to_string();
                Carrier::Cookie
            }
            2 => {
                token = utf8_percent_encode(&token, NON_ALPHANUMERIC).to_string();
                Carrier::Header
            }
            _ => Carrier::Header,
        };
        distinct.insert(signed.tag.clone());
        let attempt = Attempt { realm: signed.realm, token, target, client: "203.0.113.9" };
        let verdict = verdict(&attempt, carrier, &realms, &targets);
        assert_eq!(verdict, Ok(()), "good token {opened} for {target}");
        opened += 1;
    }
    println!(
        "good tokens, all accepted: {opened}, {} distinct; {refused_fields} left out",
        distinct.len()
    );
    assert!(distinct.len() > 10_000);
}

/// URLs that `verify` refuses whoever signed them, because they are the text of another URL too.
fn is_read_in_two_ways(target: &str, meaning: &Meaning, realm: &Realm) -> bool {
    matches!(meaning, Meaning::Url(_))
        && (target.contains("~url=")
            || realm.rules.url_form == UrlForm::Decoded && target.contains("%3F"))
}

/// xorshift64*: the same attempts on every machine.
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
}
