//! `[[origin]]` of kind `s3` and `azure`.

use super::super::{ConfigErrors, Loaded, Surroundings, load};
use super::world::{SMALLEST, world};
use crate::origin::{
    AccessKey, AzureCredentials, Kind, ObjectStoreConfig, S3Credentials, StoreService, WebIdentity,
};
use crate::secret::Secret;

const PROFILES: &[u8] = b"[default]\naws_access_key_id = ID\naws_secret_access_key=pepper\n\n\
    # another\n[edge]\naws_access_key_id=EDGE\naws_secret_access_key = horse\n\
    aws_session_token = lent\n[half]\naws_access_key_id = HALF\n";

fn read(origin: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let config = format!("[[origin]]\nname = \"bucket\"\n{origin}\n{SMALLEST}");
    let beside: [(&str, &[u8]); 3] =
        [("keys/s3.ini", PROFILES), ("keys/azure.key", b"a2V5\n"), ("token", b"t")];
    let mut world = world(&config, &beside);
    let Surroundings::Fixed { variables: known, .. } = &mut world else { panic!() };
    for (name, value) in variables {
        known.insert((*name).to_owned(), (*value).to_owned());
    }
    load(std::path::Path::new("/etc/c/countersign.toml"), &world)
}

fn store(origin: &str, variables: &[(&str, &str)]) -> ObjectStoreConfig {
    let loaded = read(origin, variables).unwrap_or_else(|errors| panic!("{errors}"));
    match &loaded.origins[0].kind {
        Kind::ObjectStore(store) => (**store).clone(),
        kind @ (Kind::Disk(_) | Kind::Http(_)) => panic!("{kind:?}"),
    }
}

fn refused(origin: &str) -> String {
    let errors = read(origin, &[]).unwrap_err().to_string();
    for secret in ["pepper", "horse", "lent", "a2V5"] {
        assert!(!errors.contains(secret), "{errors}");
    }
    errors
}

fn key(id: &str, secret: &str, session_token: Option<&str>) -> S3Credentials {
    let session_token = session_token.map(|token| Secret::new(token.to_owned()));
    S3Credentials::Keys(AccessKey {
        id: id.into(),
        secret: Secret::new(secret.to_owned()),
        session_token,
    })
}

const S3: &str = "kind = \"s3\"\nbucket = \"media\"\nendpoint = \"http://10.0.0.7:9000\"\n";

#[test]
fn credentials_for_s3_come_from_a_file_the_environment_or_a_token() {
    let role = "arn:aws:iam::1:role/edge";
    let by_token = |session: &str, sts: Option<&str>, token_file: &str| {
        S3Credentials::WebIdentity(WebIdentity {
            role: role.into(),
            token_file: token_file.into(),
            session: session.into(),
            sts: sts.map(Into::into),
        })
    };
    let given = format!("{{ role = \"{role}\", token_file = \"token\", sts = \"http://sts\" }}");
    let keys = [("AWS_ACCESS_KEY_ID", "ID"), ("AWS_SECRET_ACCESS_KEY", "pepper")];
    let token = [("EKS_WEB_IDENTITY_TOKEN_FILE", "/var/token"), ("EKS_ROLE_ARN", role)];
    for (written, variables, expected) in [
        ("{ file = \"keys/s3.ini\" }", &[][..], key("ID", "pepper", None)),
        ("{ file = \"keys/s3.ini\", profile = \"edge\" }", &[], key("EDGE", "horse", Some("lent"))),
        ("{ env = \"AWS\" }", &keys, key("ID", "pepper", None)),
        ("{ env = \"EKS\" }", &token, by_token("countersign", None, "/var/token")),
        (&given, &[], by_token("countersign", Some("http://sts"), "/etc/c/token")),
    ] {
        let origin =
            format!("{S3}prefix = \"films\"\ncredentials = {written}\nidle_timeout = \"5s\"");
        let store = store(&origin, variables);
        assert_eq!(store.prefix.as_str(), "films/");
        assert_eq!(store.server.idle_timeout.as_secs(), 5);
        match store.service {
            StoreService::S3(_, credentials) => assert_eq!(credentials, expected, "{written}"),
            StoreService::Azure(..) => panic!("{written}"),
        }
    }
    // A file that is replaced is read again.
    let loaded = read(&format!("{S3}credentials = {{ file = \"keys/s3.ini\" }}"), &[]).unwrap();
    assert!(loaded.watched.files.iter().any(|file| file.ends_with("keys/s3.ini")));
}

#[test]
fn credentials_for_azure_are_a_key_or_a_signature() {
    let azure = "kind = \"azure\"\naccount = \"acme\"\ncontainer = \"media\"\n";
    let store = store(&format!("{azure}credentials = {{ file = \"keys/azure.key\" }}"), &[]);
    let StoreService::Azure(_, credentials) = store.service else { panic!() };
    assert_eq!(credentials, AzureCredentials::Key(Secret::new("a2V5".to_owned())));
    let sas = format!("{azure}credentials = {{ sas = {{ env = \"SAS\" }} }}");
    let store = self::store(&sas, &[("SAS", "sv=1&sig=x")]);
    let StoreService::Azure(_, credentials) = store.service else { panic!() };
    assert_eq!(credentials, AzureCredentials::Signature(Secret::new("sv=1&sig=x".to_owned())));
    for (credentials, expected) in [
        ("{ file = \"keys/s3.ini\" }", "is not in base64"),
        ("{ sas = { file = \"keys/azure.key\" } }", "the shared access signature is none"),
        ("{ client_id = \"x\" }", "has no `tenant_id`"),
        ("{ file = \"keys/azure.key\", client_id = \"x\" }", "exclude each other"),
        ("{ file = \"keys/azure.key\", authority = \"http://x\" }", "no meaning beside"),
        ("{}", "these credentials name nothing"),
        ("\"a2V5\"", "must not be written into the configuration"),
    ] {
        let errors = refused(&format!("{azure}credentials = {credentials}"));
        assert!(errors.contains(expected), "{credentials}: {errors}");
    }
}

#[test]
fn what_says_nothing_of_a_bucket_is_refused_at_its_place() {
    let with = |credentials: &str| format!("{S3}credentials = {credentials}");
    let good = "credentials = { file = \"keys/s3.ini\" }";
    for (origin, expected) in [
        (with("{ file = \"keys/s3.ini\", profile = \"none\" }"), "has no [none]"),
        (with("{ file = \"keys/s3.ini\", profile = \"half\" }"), "[half] in /etc/c/keys/s3.ini is"),
        (with("{ file = \"none\" }"), "cannot read /etc/c/none"),
        (with("{ env = \"AWS\" }"), "the environment holds no credentials"),
        (with("{ env = \"AWS\", file = \"keys/s3.ini\" }"), "exclude each other"),
        (with("{ env = \"AWS\", sts = \"http://x\" }"), "`sts` has no meaning beside `env`"),
        (with("{ role = \"x\" }"), "has no `token_file`"),
        (with("{ secret = \"pepper\" }"), "unknown key `secret`"),
        (with("\"pepper\""), "must not be written into the configuration"),
        ("kind = \"s3\"\nbucket = \"media\"".to_owned(), "has no `credentials`"),
        (format!("kind = \"s3\"\n{good}"), "has no `bucket`"),
        (format!("{S3}{good}\nregion = \"EU West\""), "a region's name is"),
        (format!("{S3}{good}\nprefix = \"a//b\""), "`prefix` cannot stand before keys"),
        (format!("{S3}{good}\nroot = \"media\""), "`root` has no meaning for an origin of kind"),
        (format!("{S3}{good}\naddressing = \"virtual-host\""), "write addressing = \"path\""),
        (format!("{S3}{good}\naddressing = \"host\""), "this version knows \"path\""),
        (
            format!("kind = \"s3\"\nbucket = \"media\"\nendpoint = \"s3.example\"\n{good}"),
            "for example \"https://s3.example.com\"",
        ),
        (
            format!("kind = \"s3\"\nbucket = \"media\"\nendpoint = \"http://u:pepper@x\"\n{good}"),
            "the endpoint is a user name or password in the URL",
        ),
    ] {
        let errors = refused(&origin);
        assert!(errors.contains(expected), "{origin}\n{errors}");
    }
}
