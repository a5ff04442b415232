//! Secrets, which a configuration names and never holds: `{ file = "…" }` or `{ env = "…" }`.
//!
//! A configuration is copied into tickets, images and repositories; a secret in it goes along.

use super::document::{Section, Value};
use super::finding::{Finding, chain};
use crate::secret::Secret;

/// Bytes of a secret's file: eight thousand bytes of key in hexadecimal digits, and room.
pub(super) const MAX_SECRET_BYTES: u64 = 16 * 1024;

/// How a secret is written, for help texts.
const FORM: &str = "write { file = \"keys/name.hex\" } or { env = \"NAME\" }; a secret in the \
                    configuration itself would be copied wherever the configuration is";

/// The keys that name a secret.
pub(super) const SECRET_KEYS: &[&str] = &["file", "env"];

/// A secret's content, with the value that named it.
#[derive(Debug)]
pub(super) struct NamedSecret<'d> {
    pub(super) content: Secret<Vec<u8>>,
    pub(super) named_by: Value<'d>,
}

/// A value that must be `{ file = … }` or `{ env = … }`.
pub(super) fn secret<'d>(value: Value<'d>, name: &'static str) -> Option<NamedSecret<'d>> {
    let section = secret_section(value, name, SECRET_KEYS)?;
    named_secret(section, name)
}

/// A table that names a secret; text in its place is hidden from excerpts and refused, and so is
/// what stands under another key.
pub(super) fn secret_section<'d>(
    value: Value<'d>,
    name: &'static str,
    keys: &'static [&'static str],
) -> Option<Section<'d>> {
    if value.is_text() {
        value.document.file.hide(value.span());
        return value.refuse(
            Finding::error(format!("{name} must not be written into the configuration")).help(FORM),
        );
    }
    value.hide_other_than(keys);
    value.section(name, keys)
}

/// Reads what the keys `file` or `env` of a section name.
pub(super) fn named_secret<'d>(
    section: Section<'d>,
    name: &'static str,
) -> Option<NamedSecret<'d>> {
    let named_by = exactly_one(section, name)?;
    let content = if named_by.key == "file" { from_file(named_by)? } else { from_env(named_by)? };
    if content.expose().trim_ascii().is_empty() {
        return named_by.refuse(Finding::error(format!("{name} is empty")));
    }
    Some(NamedSecret { content, named_by })
}

fn exactly_one<'d>(section: Section<'d>, name: &'static str) -> Option<Value<'d>> {
    match (section.value("file"), section.value("env")) {
        (Some(one), None) | (None, Some(one)) => Some(one),
        (Some(_), Some(env)) => env.refuse(
            Finding::error(format!("{name} has both `file` and `env`"))
                .help("keep the one that is meant"),
        ),
        (None, None) => {
            let finding = Finding::absent(format!("{name} has neither `file` nor `env`"));
            section.report(finding.help(FORM));
            None
        }
    }
}

fn from_file(value: Value<'_>) -> Option<Secret<Vec<u8>>> {
    let path = value.path()?;
    match value.document.reading.read(&path, MAX_SECRET_BYTES) {
        Ok(content) => Some(Secret::new(content)),
        Err(reason) => value.refuse(
            Finding::error(format!("cannot read {}", path.display())).label(chain(&reason)),
        ),
    }
}

fn from_env(value: Value<'_>) -> Option<Secret<Vec<u8>>> {
    let name = value.text()?;
    match value.document.reading.surroundings.variable(name) {
        Some(content) => Some(Secret::new(content.into_bytes())),
        None => value.refuse(
            Finding::error("the environment variable is not set")
                .help("set it for the process that serves, or name a `file`"),
        ),
    }
}

/// The content as text without the line break at its end.
pub(super) fn line(secret: &Secret<Vec<u8>>) -> Secret<Vec<u8>> {
    let content = secret.expose();
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    Secret::new(content.strip_suffix(b"\r").unwrap_or(content).to_vec())
}
