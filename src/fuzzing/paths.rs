//! Targets of `target` and `asset`: what was asked for, and what it means.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Component, Path};

use super::input::Input;
use super::path_reading::PathReading;
use crate::asset::{
    AssetParameters, AssetPath, AssetRejection, AssetTypeSet, TenantId, Visibility,
};
use crate::policy::{OverrideTable, TenantOverrides};
use crate::target::{PathPattern, PathToken, RequestTarget, TargetRejection, parameters};

/// The limit of the default configuration.
pub(super) const MAX_TARGET_BYTES: usize = 8 * 1024;

/// The path token's name; the corpus knows it.
const TOKEN_NAME: &str = "hdntl";

/// The whole input is a request target, with and without path tokens.
pub fn request_target(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    for name in [None, Some(TOKEN_NAME)] {
        let path_token = name.map_or(PathToken::Absent, PathToken::Named);
        let parsed = RequestTarget::parse(text, path_token, MAX_TARGET_BYTES);
        if bytes.len() > MAX_TARGET_BYTES {
            assert_eq!(parsed, Err(TargetRejection::TooLong));
            continue;
        }
        match (parsed, PathReading::of(bytes, name)) {
            (Ok(target), Some(reading)) => agrees(&target, &reading),
            (Err(_), None) => {}
            (Ok(target), None) => panic!("accepted, against the contract: {target:?}"),
            (Err(why), Some(reading)) => panic!("refused as {why:?}, should be {reading:?}"),
        }
    }
}

fn agrees(target: &RequestTarget, reading: &PathReading) {
    assert_eq!(target.wire().as_bytes(), reading.wire);
    assert_eq!(target.decoded().as_bytes(), reading.decoded());
    assert_eq!(target.query().map(str::as_bytes), reading.query.as_deref());
    assert_eq!(target.path_token().map(str::as_bytes), reading.token.as_deref());
    walks_where_it_says(target.decoded(), reading);
    let text = match target.query() {
        Some(query) => format!("{}?{query}", target.wire()),
        None => target.wire().to_owned(),
    };
    let again = RequestTarget::parse(&text, PathToken::Absent, MAX_TARGET_BYTES);
    let Ok(again) = again else { panic!("what was read does not read again: {text}") };
    assert_eq!(
        (again.wire(), again.decoded(), again.query(), again.path_token()),
        (target.wire(), target.decoded(), target.query(), None)
    );
    let query = target.query().unwrap_or_default();
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    let spelled = target.parameters().zip(pieces).all(|((name, value), piece)| {
        piece == name && value.is_empty() || piece == format!("{name}={value}")
    });
    assert!(spelled, "parameters of another query than {query}");
    assert_eq!(target.parameters().count(), parameters(query).count());
}

/// A file system goes where the segments say, one step a segment, and never up.
fn walks_where_it_says(decoded: &str, reading: &PathReading) {
    let mut steps = Path::new(decoded).components();
    assert_eq!(steps.next(), Some(Component::RootDir));
    let named = reading.segments.iter().filter(|segment| !segment.is_empty());
    for segment in named {
        let name = steps.next().map(Component::as_os_str);
        assert_eq!(name.map(OsStr::as_encoded_bytes), Some(segment.as_slice()));
    }
    assert_eq!(steps.next(), None);
}

/// The whole input is a request target; what it means as an asset prints and parses back.
pub fn asset_path(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(target) = RequestTarget::parse(text, PathToken::Absent, MAX_TARGET_BYTES) else {
        return;
    };
    let first = target.decoded().split('/').nth(1);
    assert_eq!(AssetPath::claims(&target), matches!(first, Some("public" | "private")));
    let asset = match AssetPath::parse(&target) {
        Ok(asset) => asset,
        Err(why) => {
            let claimed = AssetPath::claims(&target);
            assert!(claimed || why == AssetRejection::UnknownForm, "{why:?} without a claim");
            return;
        }
    };
    assert_eq!(Some(asset.asked.wire_name()), first);
    assert_eq!(asset.video().is_some(), asset.channel().is_none());

    let printed = asset.to_string();
    let again = read_asset(&printed);
    assert_eq!(again.to_string(), read_asset(&again.to_string()).to_string());
    if asset.parameters == AssetParameters::QualityUnknown {
        // It has no canonical text: no file has that quality.
        assert_eq!(again.resource, asset.resource);
    } else {
        assert_eq!(again, asset);
        assert_eq!(again.to_string(), printed);
    }

    let separator = if target.query().is_some() { '&' } else { '?' };
    let busted = format!("{text}{separator}cache-buster=1");
    assert_eq!(read_asset(&busted), asset, "a parameter that selects nothing changed the asset");

    let tenant = TenantId(1);
    let table = |asset_types| {
        let overrides = TenantOverrides { asset_types, ..TenantOverrides::default() };
        OverrideTable::new(HashMap::from([(tenant, overrides)]))
    };
    let closed = table(AssetTypeSet::EMPTY).effective(tenant, &asset);
    assert_eq!(closed, Visibility::Private, "public without an override");
    let opened = table(AssetTypeSet::EMPTY.with(asset.asset_type())).effective(tenant, &asset);
    assert_eq!(opened, Visibility::Public);
    let foreign = table(AssetTypeSet::EVERY).effective(TenantId(2), &asset);
    assert_eq!(foreign, Visibility::Private, "another tenant's override counts");
}

fn read_asset(text: &str) -> AssetPath {
    // Escaping may lengthen the text past the limit of the one that came over the wire.
    let target = RequestTarget::parse(text, PathToken::Absent, usize::MAX);
    match target.map(|target| AssetPath::parse(&target)) {
        Ok(Ok(asset)) => asset,
        Ok(Err(why)) => panic!("{text} is no asset: {why:?}"),
        Err(why) => panic!("{text} is no target: {why:?}"),
    }
}

/// A pattern, and from the second line on what it is matched with.
pub fn path_pattern(bytes: &[u8]) {
    // Bounded, as the definition fills a table of one cell a pair of positions.
    const MOST: usize = 512;
    let mut input = Input::new(bytes);
    let pattern = input.line();
    let subject = input.rest();
    let pattern = pattern.get(..MOST).unwrap_or(pattern);
    let subject = subject.get(..MOST).unwrap_or(subject);
    let matches = PathPattern::from_bytes(pattern).matches_bytes(subject);
    assert_eq!(matches, covers(pattern, subject));
    if !pattern.iter().any(|byte| matches!(byte, b'*' | b'?')) {
        assert_eq!(matches, pattern == subject);
    }
}

/// The definition of the pattern grammar, as a table: row by row of the pattern, which prefixes
/// of the subject are covered so far.
pub(super) fn covers(pattern: &[u8], subject: &[u8]) -> bool {
    let mut covered = vec![false; subject.len() + 1];
    if let Some(empty) = covered.first_mut() {
        *empty = true;
    }
    for expected in pattern {
        let before = covered.clone();
        let mut reached = false;
        for (length, cell) in covered.iter_mut().enumerate() {
            let here = before.get(length).copied().unwrap_or_default();
            let previous = length.checked_sub(1);
            let byte = previous.and_then(|at| subject.get(at));
            let was = previous.and_then(|at| before.get(at)).copied().unwrap_or_default();
            reached |= here;
            *cell = match expected {
                b'*' => reached,
                b'?' => was,
                literal => was && byte == Some(literal),
            };
        }
    }
    covered.last().copied().unwrap_or_default()
}
