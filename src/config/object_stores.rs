//! `[[origin]]` of kind `s3` and `azure`: buckets, and what shows their servers who we are.

use std::path::PathBuf;

use super::document::{Section, Value};
use super::edge::existing_file;
use super::finding::{Finding, chain};
use super::origins::Deadlines;
use super::secret_source::{MAX_SECRET_BYTES, line, named_secret, secret, secret_section};
use crate::origin::{
    AccessKey, Addressing, AzureCredentials, AzureLocation, HttpConfig, KeyPrefix, Kind,
    LocationRejection, ObjectStoreConfig, S3Credentials, S3Location, StoreService, UpstreamUrl,
    UpstreamUrlRejection, WebIdentity, WorkloadIdentity,
};
use crate::secret::Secret;

/// What is said of credentials for S3.
pub(super) const S3_CREDENTIALS_KEYS: &[&str] =
    &["env", "file", "profile", "role", "token_file", "session", "sts"];

/// What is said of credentials for Azure.
pub(super) const AZURE_CREDENTIALS_KEYS: &[&str] =
    &["env", "file", "sas", "client_id", "tenant_id", "token_file", "authority"];

/// How credentials for S3 are written, for help texts.
const S3_FORM: &str = "write { env = \"AWS\" } for AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
                       { file = \"keys/s3.ini\" } for a file as ~/.aws/credentials is, or \
                       { role = \"arn:…\", token_file = \"…\" }";

/// How credentials for Azure are written, for help texts.
const AZURE_FORM: &str = "write { file = \"keys/azure.key\" } or { env = \"NAME\" } for the \
                          account's key, { sas = { file = \"…\" } } for a shared access \
                          signature, or { client_id = \"…\", tenant_id = \"…\", token_file = \"…\" }";

pub(super) fn s3(section: Section<'_>, deadlines: Deadlines) -> Option<Kind> {
    let text = |key| section.value(key).map(|it| it.text());
    let bucket_value = section.required("bucket", "an s3 origin has a bucket: bucket = \"media\"");
    let bucket = bucket_value.and_then(|it| it.text());
    let region = text("region").unwrap_or(Some("us-east-1"));
    let ways = [("path", Addressing::Path), ("virtual-host", Addressing::VirtualHost)];
    let addressing = match section.value("addressing") {
        Some(value) => value.one_of(&ways).map(Some),
        None => Some(None),
    };
    let endpoint = text("endpoint").map_or(Some(None), |it| it.map(Some));
    let prefix = prefix(section);
    let ca = section.value("ca").map_or(Some(None), |it| existing_file(it).map(Some));
    let credentials = section.required("credentials", S3_FORM).and_then(s3_credentials);
    let location = match S3Location::new(bucket?, region?, endpoint?, addressing?) {
        Ok(location) => location,
        Err(rejection) => return refused(section, rejection),
    };
    let prefix = prefix?;
    let url = located(section, location.url(&prefix))?;
    let service = StoreService::S3(location, credentials?);
    Some(store(url, ca?, prefix, service, deadlines))
}

pub(super) fn azure(section: Section<'_>, deadlines: Deadlines) -> Option<Kind> {
    let account = section.required("account", "an azure origin has an account: account = \"acme\"");
    let help = "an azure origin has a container: container = \"media\"";
    let container = section.required("container", help);
    let endpoint = section.value("endpoint").map_or(Some(None), |it| it.text().map(Some));
    let prefix = prefix(section);
    let ca = section.value("ca").map_or(Some(None), |it| existing_file(it).map(Some));
    let credentials = section.required("credentials", AZURE_FORM).and_then(azure_credentials);
    let (account, container) = (account?.text()?, container?.text()?);
    let location = match AzureLocation::new(account, container, endpoint?) {
        Ok(location) => location,
        Err(rejection) => return refused(section, rejection),
    };
    let prefix = prefix?;
    let url = located(section, location.url(&prefix))?;
    let service = StoreService::Azure(location, credentials?);
    Some(store(url, ca?, prefix, service, deadlines))
}

fn store(
    url: UpstreamUrl,
    ca: Option<PathBuf>,
    prefix: KeyPrefix,
    service: StoreService,
    deadlines: Deadlines,
) -> Kind {
    let server = deadlines.over(HttpConfig { ca, ..HttpConfig::new(url) });
    Kind::ObjectStore(Box::new(ObjectStoreConfig { server, prefix, service }))
}

fn prefix(section: Section<'_>) -> Option<KeyPrefix> {
    let Some(value) = section.value("prefix") else { return Some(KeyPrefix::default()) };
    match value.text()?.parse() {
        Ok(prefix) => Some(prefix),
        Err(rejection) => value.refuse(
            Finding::error("`prefix` cannot stand before keys")
                .label(chain(&rejection))
                .help("for example \"films/\""),
        ),
    }
}

/// A rejection, at the value that it is about.
fn refused<T>(section: Section<'_>, rejection: LocationRejection) -> Option<T> {
    let key = match rejection {
        LocationRejection::Account => "account",
        LocationRejection::Bucket => "bucket",
        LocationRejection::Container => "container",
        LocationRejection::Endpoint(_) => "endpoint",
        LocationRejection::HostIsAddress => "addressing",
        LocationRejection::Region => "region",
    };
    let finding = Finding::error(format!("`{key}` does not say where the bucket is"));
    let finding = finding.label(rejection.to_string());
    let finding = match rejection {
        LocationRejection::Endpoint(_) => {
            finding.help("for example \"https://s3.example.com\" or \"http://10.0.0.7:9000\"")
        }
        LocationRejection::HostIsAddress => finding.help("write addressing = \"path\""),
        LocationRejection::Account
        | LocationRejection::Bucket
        | LocationRejection::Container
        | LocationRejection::Region => finding,
    };
    let Some(value) = section.value(key) else {
        section.report(finding);
        return None;
    };
    if rejection == LocationRejection::Endpoint(UpstreamUrlRejection::Credentials) {
        value.document.file.hide(value.span());
    }
    value.refuse(finding)
}

fn located(
    section: Section<'_>,
    url: Result<UpstreamUrl, LocationRejection>,
) -> Option<UpstreamUrl> {
    url.map_or_else(|rejection| refused(section, rejection), Some)
}

fn s3_credentials(value: Value<'_>) -> Option<S3Credentials> {
    let name = "credentials";
    let section = secret_section(value, name, S3_CREDENTIALS_KEYS)?;
    let ways = ["env", "file", "role"].map(|key| section.value(key));
    let (belongs, credentials): (&[&'static str], _) = match ways {
        [Some(env), None, None] => (&["env"], from_environment(env)),
        [None, Some(file), None] => (&["file", "profile"], from_profile(file, section)),
        [None, None, Some(role)] => {
            (&["role", "token_file", "session", "sts"], web_identity(role, section))
        }
        [None, None, None] => {
            section.report(Finding::absent("these credentials name nothing").help(S3_FORM));
            return None;
        }
        [_, _, _] => {
            section.report(
                Finding::error("`env`, `file` and `role` exclude each other").help(S3_FORM),
            );
            return None;
        }
    };
    only(section, S3_CREDENTIALS_KEYS, belongs);
    credentials
}

/// The variables that Amazon's own tools read, or others of the same endings.
fn from_environment(value: Value<'_>) -> Option<S3Credentials> {
    let prefix = value.text()?;
    let variable = |ending: &str| {
        let name = format!("{prefix}_{ending}");
        value.document.reading.surroundings.variable(&name).filter(|content| !content.is_empty())
    };
    if let Some(id) = variable("ACCESS_KEY_ID") {
        let Some(secret) = variable("SECRET_ACCESS_KEY") else {
            return value.refuse(Finding::error(format!(
                "{prefix}_ACCESS_KEY_ID is set, and {prefix}_SECRET_ACCESS_KEY is not"
            )));
        };
        let session_token = variable("SESSION_TOKEN").map(Secret::new);
        let id = id.into();
        return Some(S3Credentials::Keys(AccessKey {
            id,
            secret: Secret::new(secret),
            session_token,
        }));
    }
    let (Some(token_file), Some(role)) =
        (variable("WEB_IDENTITY_TOKEN_FILE"), variable("ROLE_ARN"))
    else {
        return value.refuse(
            Finding::error("the environment holds no credentials")
                .label(format!(
                    "neither {prefix}_ACCESS_KEY_ID nor {prefix}_WEB_IDENTITY_TOKEN_FILE and \
                     {prefix}_ROLE_ARN are set"
                ))
                .help("set them for the process that serves"),
        );
    };
    let session = variable("ROLE_SESSION_NAME").map_or("countersign".into(), Into::into);
    let (role, token_file) = (role.into(), token_file.into());
    Some(S3Credentials::WebIdentity(WebIdentity { role, token_file, session, sts: None }))
}

/// A file as `~/.aws/credentials` is.
fn from_profile(file: Value<'_>, section: Section<'_>) -> Option<S3Credentials> {
    let profile = section.value("profile").map_or(Some("default"), |it| it.text())?;
    let path = file.path()?;
    let content = match file.document.reading.read(&path, MAX_SECRET_BYTES) {
        Ok(content) => Secret::new(content),
        Err(reason) => {
            return file.refuse(
                Finding::error(format!("cannot read {}", path.display())).label(chain(&reason)),
            );
        }
    };
    // Its text is never shown.
    let Ok(text) = str::from_utf8(content.expose()) else {
        return file.refuse(Finding::error(format!("{} is no text", path.display())));
    };
    let (mut id, mut secret, mut session_token) = (None, None, None);
    let (mut inside, mut seen) = (false, false);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = name.trim() == profile;
            seen |= inside;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| inside) {
            let value = value.trim();
            match key.trim() {
                "aws_access_key_id" => id = Some(value.into()),
                "aws_secret_access_key" => secret = Some(Secret::new(value.to_owned())),
                "aws_session_token" => session_token = Some(Secret::new(value.to_owned())),
                _ => {}
            }
        }
    }
    match (id, secret) {
        (Some(id), Some(secret)) => {
            Some(S3Credentials::Keys(AccessKey { id, secret, session_token }))
        }
        (None, _) | (_, None) if seen => file.refuse(
            Finding::error(format!("[{profile}] in {} is incomplete", path.display()))
                .help("it says aws_access_key_id = … and aws_secret_access_key = …"),
        ),
        (None, _) | (_, None) => file.refuse(
            Finding::error(format!("{} has no [{profile}]", path.display()))
                .help("a section of this name holds aws_access_key_id and aws_secret_access_key"),
        ),
    }
}

fn web_identity(role: Value<'_>, section: Section<'_>) -> Option<S3Credentials> {
    let help = "the file with the token that is given for keys: token_file = \"/var/run/…/token\"";
    let token_file = section.required("token_file", help).and_then(existing_file);
    let session = section.value("session").map_or(Some("countersign"), |it| it.text());
    let sts = section.value("sts").map_or(Some(None), |it| web_address(it).map(Some));
    Some(S3Credentials::WebIdentity(WebIdentity {
        role: role.text()?.into(),
        token_file: token_file?,
        session: session?.into(),
        sts: sts?,
    }))
}

fn azure_credentials(value: Value<'_>) -> Option<AzureCredentials> {
    let name = "the account's key";
    let section = secret_section(value, name, AZURE_CREDENTIALS_KEYS)?;
    let key = section.has("env") || section.has("file");
    let (belongs, credentials): (&[&'static str], _) =
        match (key, section.value("sas"), section.value("client_id")) {
            (true, None, None) => (&["env", "file"], account_key(section)),
            (false, Some(sas), None) => (&["sas"], signature(sas)),
            (false, None, Some(client)) => (
                &["client_id", "tenant_id", "token_file", "authority"],
                workload_identity(client, section),
            ),
            (false, None, None) => {
                section.report(Finding::absent("these credentials name nothing").help(AZURE_FORM));
                return None;
            }
            (_, _, _) => {
                section.report(
                    Finding::error("a key, `sas` and `client_id` exclude each other")
                        .help(AZURE_FORM),
                );
                return None;
            }
        };
    only(section, AZURE_CREDENTIALS_KEYS, belongs);
    credentials
}

fn account_key(section: Section<'_>) -> Option<AzureCredentials> {
    let name = "the account's key";
    let named = named_secret(section, name)?;
    let key = one_line(&named.content)?;
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if !key.expose().bytes().all(is_base64) {
        return named.named_by.refuse(Finding::error(format!("{name} is not in base64")));
    }
    Some(AzureCredentials::Key(key))
}

fn signature(value: Value<'_>) -> Option<AzureCredentials> {
    let name = "the shared access signature";
    let named = secret(value, name)?;
    let text = one_line(&named.content).filter(|text| text.expose().contains("sig="));
    let Some(text) = text else {
        return named.named_by.refuse(
            Finding::error(format!("{name} is none"))
                .help("it is the query of a URL: sv=…&sp=rl&sig=…"),
        );
    };
    Some(AzureCredentials::Signature(text))
}

fn workload_identity(client: Value<'_>, section: Section<'_>) -> Option<AzureCredentials> {
    let tenant = section.required("tenant_id", "whose the application is: tenant_id = \"…\"");
    let help = "the file with the token that is given for others: token_file = \"/var/run/…\"";
    let token_file = section.required("token_file", help).and_then(existing_file);
    let authority = section.value("authority").map_or(Some(None), |it| web_address(it).map(Some));
    Some(AzureCredentials::WorkloadIdentity(WorkloadIdentity {
        client_id: client.text()?.into(),
        tenant_id: tenant?.text()?.into(),
        token_file: token_file?,
        authority: authority?,
    }))
}

/// Who is asked for keys.
fn web_address(value: Value<'_>) -> Option<Box<str>> {
    let text = value.text()?;
    match text.parse::<UpstreamUrl>() {
        Ok(_) => Some(text.into()),
        Err(rejection) => {
            if rejection == UpstreamUrlRejection::Credentials {
                value.document.file.hide(value.span());
            }
            value.refuse(
                Finding::error(format!("`{}` is no base URL", value.key))
                    .label(rejection.to_string()),
            )
        }
    }
}

/// Text without the line break at its end; none where it is no text.
fn one_line(content: &Secret<Vec<u8>>) -> Option<Secret<String>> {
    let text = str::from_utf8(line(content).expose()).ok()?.to_owned();
    Some(Secret::new(text))
}

/// Refuses the keys that belong to another way.
fn only(section: Section<'_>, keys: &[&'static str], belongs: &[&'static str]) {
    for value in
        keys.iter().filter(|key| !belongs.contains(key)).filter_map(|key| section.value(key))
    {
        value.report(Finding::error(format!(
            "`{}` has no meaning beside `{}`",
            value.key,
            belongs.first().copied().unwrap_or_default()
        )));
    }
}
