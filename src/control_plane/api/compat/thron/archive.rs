//! Archives: `prepare` pins what is to be in one, `download` hands it over, as a whole or in parts
//! (requirement A12).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::{ThronCaller, token};
use super::form::Fields;
use super::login::client_of;
use super::spelling::{LooseBody, Spelling, texts};
use crate::asset::ChannelId;
use crate::control_plane::api::envelope::RequestId;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::handing::handed_over;
use crate::control_plane::api::refusal::{ArchiveRefusals, PrepareRefusals};
use crate::control_plane::api::segment::{Segments, id};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{ArchivePlanId, ContentId, ContentKind, Manifest, Scope};
use crate::control_plane::service::{
    ArchiveAsk, ArchiveOrder, Channel, Channels, Combined, ContentCriteria, Described,
    FieldCriterion, FolderDepth, ServiceError, TagCriterion,
};

/// What an archive is saved as, where nobody says.
const NAME: &str = "archive";

const EXTENSION: &str = ".zip";

/// Longest name that file systems take, in bytes.
const LONGEST_NAME: usize = 255;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(prepare)).routes(routes!(download, download_by_address))
}

/// What is to be in an archive.
#[derive(ToSchema)]
#[schema(as = MArchivePrepareReq)]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields one by one")]
struct ArchiveQuestion {
    /// Of which contents.
    criteria: ArchiveCriteria,
    /// Which of their files, and what else.
    options: Option<ArchiveOptions>,
}

/// Contents that are named, or those in categories; with both, what is both.
#[derive(ToSchema)]
#[schema(as = MArchiveCriteria, rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields one by one")]
struct ArchiveCriteria {
    /// Of these kinds only: `VIDEO`, `AUDIO`, `IMAGE`, `OTHER` …
    content_type: Option<Vec<String>>,
    /// Contents, at most 1,000.
    #[schema(max_items = 1000)]
    xcontent_ids: Option<Vec<String>>,
    /// Categories.
    linked_category_op: Option<CategoryCriteria>,
    /// Tags.
    itag_op: Option<TagsCriteria>,
    /// Metadata.
    imetadata_key_op: Option<MetadataCriteria>,
}

/// Tags, of which one or all must be there.
#[derive(ToSchema)]
#[schema(as = MITagCriteriaOption, rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields one by one")]
struct TagsCriteria {
    /// At most 5.
    #[schema(max_items = 5)]
    itags: Vec<TagQuestion>,
    /// `OR`, or `AND`.
    operation: Option<String>,
}

/// A tag of a content that has the classification, too.
#[derive(ToSchema)]
#[schema(as = MITagCriteria, rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields one by one")]
struct TagQuestion {
    /// The classification, by name.
    classification_id: String,
    /// The tag.
    id: String,
    /// Changes nothing: no tag is below another.
    exclude_sub_tree: Option<bool>,
}

/// Fields, of which one or all must be so.
#[derive(ToSchema)]
#[schema(as = MIMetadataKeyCriteriaOption, rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields one by one")]
struct MetadataCriteria {
    /// At most 5.
    #[schema(max_items = 5)]
    imetadata: Vec<MetadataQuestion>,
    /// `OR`, or `AND`.
    operation: Option<String>,
}

/// What a field says of a content that has the classification, too.
#[derive(ToSchema)]
#[schema(as = MIMetadataCriteria, rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields one by one")]
struct MetadataQuestion {
    /// The classification, by name.
    classification_id: String,
    /// The field.
    key: String,
    /// What it says, in whatever language, to the letter.
    value: String,
}

/// Categories: folders, here.
#[derive(ToSchema)]
#[schema(as = MLinkedCategoryOp, rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields one by one")]
struct CategoryCriteria {
    /// Their ids; at most 50, if those below are meant as well.
    linked_category_ids: Vec<String>,
    /// Are those below meant as well?
    cascade: Option<bool>,
}

/// Which files of a content: `SOURCE`, `PUBLISHED`, a format's profile, or a size as `1024x768`; the
/// source, or else what is published, where none is named.
#[derive(ToSchema)]
#[schema(as = MArchiveOptions, rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields one by one")]
struct ArchiveOptions {
    /// Of films.
    video: Option<Vec<String>>,
    /// Of sound.
    audio: Option<Vec<String>>,
    /// Of pictures.
    image: Option<Vec<String>>,
    /// Of everything else.
    other: Option<Vec<String>>,
    /// With `manifest.csv`: `xcontentId,fileName,channel`?
    append_manifest_file: Option<bool>,
}

/// An archive that was promised.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MResponseArchivePrepare)]
struct PreparedBody {
    /// `OK`.
    result_code: &'static str,
    /// `OK`.
    sso_code: &'static str,
    /// What it is downloaded by, for a week.
    download_id: String,
}

/// Which archive.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields by name")]
struct ArchiveForm {
    /// What `prepare` gave.
    download_id: String,
    /// What it is saved as, without the extension.
    save_as: Option<String>,
    /// The session's token; or as `X-TOKENID`.
    token_id: Option<String>,
}

/// Pins what is to be in an archive: whoever downloads it gets these bytes, or is told that it is
/// gone.
#[utoipa::path(
    post, path = "/api/xcontents/resources/archive/prepare/{clientId}", tag = "content",
    params(("clientId" = String, Path, description = "The tenant, by name or number")),
    request_body(content = ArchiveQuestion, content_type = "application/json"),
    responses((status = 200, description = "It is promised", body = PreparedBody), PrepareRefusals),
    security(("session" = ["shares.write"]))
)]
async fn prepare(
    State(api): State<Api>,
    Segments(client): Segments<String>,
    ThronCaller { caller, name: _ }: ThronCaller,
    spelling: Spelling,
    LooseBody(question): LooseBody,
) -> Result<Response, Problem> {
    let tenant = client_of(&api, &caller, &client).await?;
    let order = order(&question)?;
    let promised = api.services.archive_plan_create(&caller, tenant, order).await?;
    let body =
        PreparedBody { result_code: "OK", sso_code: "OK", download_id: promised.id.to_string() };
    Ok(spelling.answer(StatusCode::OK, "MResponseArchivePrepare", &body))
}

/// The bytes of an archive, in parts for whoever asks for that. Kept by no cache, and refused through
/// a CDN.
#[utoipa::path(
    post, path = "/api/xcontents/resources/archive/download/{clientId}", tag = "content",
    params(("clientId" = String, Path, description = "The tenant, by name or number")),
    request_body(content = ArchiveForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The archive", content_type = "application/zip"),
        (status = 206, description = "The ranges that were asked for",
         content_type = "application/zip"),
        ArchiveRefusals
    ),
    security(("session" = ["shares.write"]))
)]
async fn download(
    State(api): State<Api>,
    Segments(client): Segments<String>,
    request_id: RequestId,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let form = Fields::of_body(Request::from_parts(parts.clone(), body)).await?;
    let (token, _) = token(&api, &parts, Some(&form))?;
    hand_over(&api, &client, &parts, &form, &token, &request_id).await
}

/// The same, as browsers and those ask who go on with a download.
#[utoipa::path(
    get, path = "/api/xcontents/resources/archive/download/{clientId}", tag = "content",
    params(
        ("clientId" = String, Path, description = "The tenant, by name or number"),
        ("downloadId" = String, Query, description = "What `prepare` gave"),
        ("saveAs" = Option<String>, Query,
         description = "What it is saved as, without the extension")
    ),
    responses(
        (status = 200, description = "The archive", content_type = "application/zip"),
        (status = 206, description = "The ranges that were asked for",
         content_type = "application/zip"),
        (status = 304, description = "The archive that the client has"),
        ArchiveRefusals
    ),
    security(("session" = ["shares.write"]))
)]
async fn download_by_address(
    State(api): State<Api>,
    Segments(client): Segments<String>,
    request_id: RequestId,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let query = Fields::of_query(parts.uri.query())?;
    let (token, _) = token(&api, &parts, None)?;
    hand_over(&api, &client, &parts, &query, &token, &request_id).await
}

async fn hand_over(
    api: &Api,
    client: &str,
    parts: &Parts,
    fields: &Fields,
    token: &str,
    RequestId(request_id): &RequestId,
) -> Result<Response, Problem> {
    let ThronCaller { caller, name: _ } = ThronCaller::of(api, parts, token).await?;
    let tenant = client_of(api, &caller, client).await?;
    // Who may not ask learns nothing of what is wrong with the question.
    caller.require(Scope::SharesWrite).map_err(ServiceError::from)?;
    let archive = id(fields.need("downloadId")?, ArchivePlanId::parse)?;
    let name = name(fields.get("saveAs")?)?;
    let (method, headers) = (&parts.method, &parts.headers);
    let ask = ArchiveAsk { name: &name, method, headers, request_id };
    let outcome = api.services.archive_hand_over(&caller, tenant, &archive, ask).await;
    handed_over(outcome.map(|response| response.map(Body::new)))
}

/// What an archive is saved as: a name that would be cut off would lose what says what it is.
fn name(save_as: Option<&str>) -> Result<String, Problem> {
    let name = [save_as.unwrap_or(NAME), EXTENSION].concat();
    if name.len() > LONGEST_NAME {
        let detail = format!("must have at most {} bytes", LONGEST_NAME - EXTENSION.len());
        return Err(Problem::invalid("/saveAs", detail));
    }
    Ok(name)
}

/// What is asked for; its limits are the services' to know.
fn order(question: &Value) -> Result<ArchiveOrder, Problem> {
    let empty = Value::Null;
    let criteria = question.get("criteria").unwrap_or(&empty);
    let options = question.get("options").unwrap_or(&empty);
    let folders = criteria.get("linkedCategoryOp").unwrap_or(&empty);
    let depth = match truth(folders.get("cascade"), "/criteria/linkedCategoryOp/cascade")? {
        Some(true) => FolderDepth::WithBelow,
        Some(false) | None => FolderDepth::Itself,
    };
    let appended = truth(options.get("appendManifestFile"), "/options/appendManifestFile")?;
    Ok(ArchiveOrder {
        contents: listed(criteria, "xcontentIds", "/criteria/xcontentIds", ContentId::parse)?,
        folders: listed(
            folders,
            "linkedCategoryIds",
            "/criteria/linkedCategoryOp/linkedCategoryIds",
            |text| text.parse().ok().map(ChannelId),
        )?,
        depth,
        criteria: described(criteria)?,
        kinds: kinds(criteria)?,
        channels: Channels {
            video: channels(options, "video", "/options/video")?,
            audio: channels(options, "audio", "/options/audio")?,
            image: channels(options, "image", "/options/image")?,
            other: channels(options, "other", "/options/other")?,
        },
        manifest: match appended {
            Some(true) => Manifest::Appended,
            Some(false) | None => Manifest::Omitted,
        },
    })
}

/// What contents must be like.
fn described(criteria: &Value) -> Result<ContentCriteria, Problem> {
    const TAGS: &str = "/criteria/itagOp/itags";
    const FIELDS: &str = "/criteria/imetadataKeyOp/imetadata";
    let empty = Value::Null;
    let tags = criteria.get("itagOp").unwrap_or(&empty);
    // Who gave a content its tags is not known here.
    let sources = "/criteria/itagOp/stypes";
    if !listed(tags, "stypes", sources, |text| Some(text.to_owned()))?.is_empty() {
        return Err(Problem::invalid(sources, "is not taken here: tags have no sources"));
    }
    let tag = |asked: &Value| -> Result<_, Problem> {
        truth(asked.get("excludeSubTree"), TAGS)?;
        let (classification, tag) =
            (said(asked, "classificationId", TAGS)?, said(asked, "id", TAGS)?);
        Ok(TagCriterion { classification, tag })
    };
    let field = |asked: &Value| -> Result<_, Problem> {
        let classification = said(asked, "classificationId", FIELDS)?;
        let (name, value) = (said(asked, "key", FIELDS)?, said(asked, "value", FIELDS)?);
        Ok(FieldCriterion { classification, name, value })
    };
    let fields = criteria.get("imetadataKeyOp").unwrap_or(&empty);
    Ok(ContentCriteria {
        tags: Described {
            each: objects(tags.get("itags"), TAGS)?
                .into_iter()
                .map(tag)
                .collect::<Result<_, _>>()?,
            combined: combined(tags, "/criteria/itagOp/operation")?,
        },
        fields: Described {
            each: objects(fields.get("imetadata"), FIELDS)?
                .into_iter()
                .map(field)
                .collect::<Result<_, _>>()?,
            combined: combined(fields, "/criteria/imetadataKeyOp/operation")?,
        },
    })
}

fn combined(of: &Value, pointer: &'static str) -> Result<Combined, Problem> {
    match of.get("operation") {
        None | Some(Value::Null) => Ok(Combined::Any),
        Some(Value::String(text)) if text.is_empty() || text == "OR" => Ok(Combined::Any),
        Some(Value::String(text)) if text == "AND" => Ok(Combined::All),
        Some(_) => Err(Problem::invalid(pointer, "must be AND or OR")),
    }
}

/// The objects of a list: XML has one as itself, and none as an empty text.
fn objects<'v>(value: Option<&'v Value>, pointer: &'static str) -> Result<Vec<&'v Value>, Problem> {
    let items = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) if text.trim().is_empty() => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
    };
    if items.iter().all(|item| item.is_object()) {
        Ok(items)
    } else {
        Err(Problem::invalid(pointer, "must be a list of objects"))
    }
}

/// A text that must be there.
fn said(of: &Value, field: &str, pointer: &'static str) -> Result<Box<str>, Problem> {
    let text = of.get(field).and_then(Value::as_str);
    let needed = || Problem::invalid(pointer, format!("each must have {field}, a text"));
    text.map(Into::into).ok_or_else(needed)
}

/// Kinds of content. Of some of the vendor's there are none here; of none but those there is nothing.
fn kinds(criteria: &Value) -> Result<Vec<ContentKind>, Problem> {
    const POINTER: &str = "/criteria/contentType";
    let named = listed(criteria, "contentType", POINTER, |text| match text {
        "PAGELET" | "PROGRAMS" => Some(None),
        text => ContentKind::from_wire_name(text).map(Some),
    })?;
    let kinds: Vec<ContentKind> = named.iter().copied().flatten().collect();
    if kinds.is_empty() && !named.is_empty() {
        return Err(Problem::invalid(POINTER, "there are no contents of these types"));
    }
    Ok(kinds)
}

fn channels(options: &Value, field: &str, pointer: &'static str) -> Result<Vec<Channel>, Problem> {
    listed(options, field, pointer, |name| {
        (!name.is_empty() && name.len() <= 100).then(|| Channel::parse(name))
    })
}

fn listed<T>(
    of: &Value,
    field: &str,
    pointer: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Problem> {
    let texts = texts(of.get(field));
    let texts = texts.ok_or_else(|| Problem::invalid(pointer, "must be a list of texts"))?;
    let parsed = texts.into_iter().map(parse).collect::<Option<_>>();
    parsed.ok_or_else(|| Problem::invalid(pointer, "has something that is not known here"))
}

/// Yes or no: XML has it as text.
fn truth(value: Option<&Value>, pointer: &'static str) -> Result<Option<bool>, Problem> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(truth)) => Ok(Some(*truth)),
        Some(Value::String(text)) if text == "true" => Ok(Some(true)),
        Some(Value::String(text)) if text == "false" => Ok(Some(false)),
        Some(Value::Array(_) | Value::Number(_) | Value::Object(_) | Value::String(_)) => {
            Err(Problem::invalid(pointer, "must be true or false"))
        }
    }
}

#[cfg(test)]
mod unit_tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_of_the_vendors_form_is_read() {
        let question = json!({
            "criteria": {
                "contentType": ["VIDEO", "IMAGE", "PAGELET"], "xcontentIds": ["film"],
                "linkedCategoryOp": {"linkedCategoryIds": ["7"], "cascade": true},
                "itagOp": {
                    "itags": [{"classificationId": "press", "id": "quay", "excludeSubTree": true},
                              {"classificationId": "press", "id": "ship"}],
                    "operation": "AND", "stypes": [],
                },
                "imetadataKeyOp": {
                    "imetadata": {"classificationId": "press", "key": "SKU", "value": ""},
                },
            },
            "options": {
                "video": ["SOURCE", "WEBHD"], "image": ["1024x768"], "audio": [],
                "locale": "EN", "appendManifestFile": true,
            },
        });
        let order = order(&question).unwrap();
        assert_eq!(order.kinds, [ContentKind::Video, ContentKind::Image]);
        assert_eq!(order.contents, [ContentId::parse("film").unwrap()]);
        assert_eq!((order.folders, order.depth), (vec![ChannelId(7)], FolderDepth::WithBelow));
        let video = vec![Channel::Source, Channel::Format("WEBHD".into())];
        let image = vec![Channel::Size(1024, 768)];
        assert_eq!(order.channels, Channels { video, image, ..Channels::default() });
        assert_eq!(order.manifest, Manifest::Appended);
        let tag = |tag: &str| TagCriterion { classification: "press".into(), tag: tag.into() };
        let tags = Described { each: vec![tag("quay"), tag("ship")], combined: Combined::All };
        let (classification, name) = ("press".into(), "SKU".into());
        let field = FieldCriterion { classification, name, value: "".into() };
        let fields = Described { each: vec![field], combined: Combined::Any };
        assert_eq!((order.criteria.tags, order.criteria.fields), (tags, fields));
    }

    /// What the vendor's client sends where nothing was said (empty lists), and what XML has of it.
    #[test]
    fn what_says_nothing_asks_for_nothing() {
        for criteria in [
            json!({}),
            json!({"itagOp": null, "imetadataKeyOp": null}),
            json!({"itagOp": {"itags": [], "operation": "OR", "stypes": []}, "imetadataKeyOp": {}}),
            json!({"itagOp": "", "imetadataKeyOp": {"imetadata": "", "operation": "AND"}}),
        ] {
            let order = order(&json!({"criteria": criteria})).unwrap();
            assert!(order.criteria.tags.each.is_empty() && order.criteria.fields.each.is_empty());
        }
    }

    #[test]
    fn what_is_not_known_is_said() {
        for (question, pointer) in [
            (json!({"criteria": {"contentType": ["FILM"]}}), "/criteria/contentType"),
            (json!({"criteria": {"contentType": ["PAGELET"]}}), "/criteria/contentType"),
            (json!({"criteria": {"xcontentIds": ["a/b"]}}), "/criteria/xcontentIds"),
            (json!({"criteria": {"xcontentIds": [7]}}), "/criteria/xcontentIds"),
            (json!({"criteria": {"itagOp": {"itags": ["t"]}}}), "/criteria/itagOp/itags"),
            (json!({"criteria": {"itagOp": {"itags": {"id": "t"}}}}), "/criteria/itagOp/itags"),
            (json!({"criteria": {"itagOp": {"operation": "NOT"}}}), "/criteria/itagOp/operation"),
            (json!({"criteria": {"itagOp": {"stypes": ["USER"]}}}), "/criteria/itagOp/stypes"),
            (
                json!({"criteria": {"imetadataKeyOp": {
                    "imetadata": [{"classificationId": "c", "key": "k"}],
                }}}),
                "/criteria/imetadataKeyOp/imetadata",
            ),
            (
                json!({"criteria": {"linkedCategoryOp": {"linkedCategoryIds": ["top"]}}}),
                "/criteria/linkedCategoryOp/linkedCategoryIds",
            ),
            (json!({"options": {"video": [""]}}), "/options/video"),
            (json!({"options": {"appendManifestFile": "yes"}}), "/options/appendManifestFile"),
        ] {
            let problem = order(&question).unwrap_err();
            assert_eq!(problem.errors[0].pointer, pointer, "{question}");
        }
    }
}
