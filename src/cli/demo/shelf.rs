//! The demo's contents, registered as an operator does it: through the API.

use std::collections::HashMap;

use http::Uri;
use serde_json::{Value, json};

use super::administrator::{Administrator, AdministratorError, unclear};
use super::copies::{self, DemoCopy};
use super::folder::{DRAFT_VIDEO, ORIGIN, PRIVATE_VIDEO, PUBLIC_VIDEO, Sample, TENANT, samples};
use super::tour::Push;

/// What the contents are in, and what the pipeline is called.
const NAME: &str = "Demo";

/// What the catalog knows of the samples.
pub(super) struct Shelf {
    /// The folder's number.
    pub(super) folder: u64,
    /// The id of a connector of that folder.
    pub(super) connector: String,
    /// A share of the protected video.
    pub(super) share: DemoShare,
    /// Links to copies with forensic tags.
    pub(super) copies: Vec<DemoCopy>,
    /// The files' numbers, by the URL path that names them.
    pub(super) files: HashMap<String, u64>,
    /// A link of the control plane's own to the video that is not published.
    pub(super) draft_link: String,
    /// The id by which that link is revoked.
    pub(super) draft_link_id: String,
}

/// A share, and where its page is.
pub(super) struct DemoShare {
    pub(super) id: String,
    /// The path of its page, which is the key to it.
    pub(super) path: String,
}

impl Shelf {
    /// Registers every sample that is a content's. What an earlier run registered stays.
    pub(super) async fn fill(administrator: &Administrator) -> Result<Self, AdministratorError> {
        let of_tenant = |rest: &str| format!("/api/v1/tenants/{TENANT}/{rest}");
        let new = json!({ "name": NAME, "parent": null });
        let folder = named(administrator, &of_tenant("folders"), &new).await?;
        let new = json!({ "name": NAME, "origin": ORIGIN });
        let pipeline = named(administrator, &of_tenant("pipelines"), &new).await?;
        let path = of_tenant("contents/import");
        let lines = lines(folder, pipeline);
        let report = administrator.post(&path, "application/x-ndjson", lines).await?;
        if report.get("refused") != Some(&json!(0)) || report.get("stopped") != Some(&Value::Null) {
            return Err(unclear(&path, &report));
        }
        // Whoever kept the folder may have published it.
        administrator.push(&publication("unpublished")).await?;
        let mut files = HashMap::new();
        for video in [PRIVATE_VIDEO, PUBLIC_VIDEO, DRAFT_VIDEO] {
            let path = of_tenant(&format!("contents/{video}"));
            let content = administrator.get(&path).await?;
            let version = text(&content, "active_version");
            let path = format!(
                "{path}/versions/{}/files",
                version.ok_or_else(|| unclear(&path, &content))?
            );
            let table = administrator.get(&path).await?;
            for file in items(&table) {
                let key = text(file, "key").ok_or_else(|| unclear(&path, &table))?;
                let number = number(file).ok_or_else(|| unclear(&path, &table))?;
                let sample = samples().into_iter().find(|sample| sample.object_key == key);
                files.extend(sample.map(|sample| (sample.url_path, number)));
            }
        }
        let path = format!("/v1/vms/{TENANT}/videos/{DRAFT_VIDEO}/download-urls");
        let urls = administrator.get(&path).await?;
        let link = urls.get(0).and_then(|file| text(file, "url")).and_then(|url| {
            let link = url.parse::<Uri>().ok()?.path_and_query()?.to_string();
            let id = link.split_once("id=")?.1.split('~').next()?.to_owned();
            Some((link, id))
        });
        let (draft_link, draft_link_id) = link.ok_or_else(|| unclear(&path, &urls))?;
        let copies = copies::order(administrator, &files).await?;
        let connector = connector(administrator, folder).await?;
        let share = share(administrator).await?;
        Ok(Self { folder, connector, share, copies, files, draft_link, draft_link_id })
    }
}

/// Says whether the third video is published.
pub(super) fn publication(publication: &str) -> Push {
    Push {
        method: "PATCH",
        path: format!("/api/v1/tenants/{TENANT}/contents/{DRAFT_VIDEO}"),
        body: Some(json!({ "publication": publication }).to_string()),
    }
}

/// The number of what has the name of `new` at this path, made if it is not there.
async fn named(
    administrator: &Administrator,
    path: &str,
    new: &Value,
) -> Result<u64, AdministratorError> {
    let list = administrator.get(path).await?;
    let there = items(&list).iter().find(|item| item.get("name") == new.get("name"));
    if let Some(there) = there {
        return number(there).ok_or_else(|| unclear(path, &list));
    }
    let made = administrator.post(path, "application/json", new.to_string()).await?;
    number(&made).ok_or_else(|| unclear(path, &made))
}

/// The id of the folder's connector, made if it is not there.
async fn connector(
    administrator: &Administrator,
    folder: u64,
) -> Result<String, AdministratorError> {
    let path = format!("/api/v1/tenants/{TENANT}/connectors");
    let list = administrator.get(&path).await?;
    if let Some(there) = items(&list).iter().find(|item| text(item, "name") == Some(NAME)) {
        return text(there, "id").map(str::to_owned).ok_or_else(|| unclear(&path, &list));
    }
    // The demo speaks HTTP alone.
    let new = json!({
        "name": NAME, "folder": folder, "addressed_by": { "by": "content_id" },
        "force_https": false,
    });
    let made = administrator.post(&path, "application/json", new.to_string()).await?;
    text(&made, "id").map(str::to_owned).ok_or_else(|| unclear(&path, &made))
}

/// The share, made if it is not there.
async fn share(administrator: &Administrator) -> Result<DemoShare, AdministratorError> {
    let path = format!("/api/v1/tenants/{TENANT}/shares");
    let list = administrator.get(&format!("{path}?all=1&state=open")).await?;
    let there = items(&list).iter().find(|item| text(item, "title") == Some(NAME)).cloned();
    let share = if let Some(share) = there {
        share
    } else {
        let new = json!({ "title": NAME, "contents": [PRIVATE_VIDEO], "download": true });
        administrator.post(&path, "application/json", new.to_string()).await?
    };
    let url = text(&share, "url").and_then(|url| url.parse::<Uri>().ok());
    match (text(&share, "id"), url) {
        (Some(id), Some(url)) => Ok(DemoShare { id: id.to_owned(), path: url.path().to_owned() }),
        (_, _) => Err(unclear(&path, &share)),
    }
}

/// The contents as lines of JSON.
fn lines(folder: u64, pipeline: u64) -> String {
    let samples = samples();
    let line = |(video, title, publication): (&str, &str, &str)| {
        let files: Vec<_> =
            samples.iter().filter_map(|sample| file(sample, video, pipeline)).collect();
        let content = json!({
            "id": video,
            "kind": "VIDEO",
            "folder": folder,
            "publication": publication,
            "texts": [{ "language": "en", "title": title }],
            "files": files,
        });
        format!("{content}\n")
    };
    [
        (PRIVATE_VIDEO, "A protected video", "published"),
        (PUBLIC_VIDEO, "A video for everybody", "published"),
        (DRAFT_VIDEO, "A video that is not ready", "unpublished"),
    ]
    .map(line)
    .concat()
}

fn file(sample: &Sample, video: &str, pipeline: u64) -> Option<Value> {
    let registered = sample.registered.as_ref().filter(|it| it.video == video)?;
    Some(json!({
        "kind": registered.kind.wire_name(),
        "slot": registered.slot,
        "variant": registered.variant,
        "pipeline": pipeline,
        "key": sample.object_key,
        "size": sample.bytes.len(),
        "mime": registered.mime,
        "sha256": sample.sha256(),
        "autograph": registered.carries_tags(),
    }))
}

fn items(list: &Value) -> &[Value] {
    list.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn number(it: &Value) -> Option<u64> {
    it.get("number").and_then(Value::as_u64)
}

fn text<'v>(it: &'v Value, name: &str) -> Option<&'v str> {
    it.get(name).and_then(Value::as_str)
}
