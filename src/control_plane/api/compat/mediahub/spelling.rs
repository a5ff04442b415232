//! How an answer is spelt: JSON or XML, tight or for people (requirements E3, E4).

use std::io::Write;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use serde_json::Value;

use super::query::{Flag, MediaQuery, refused};
use crate::control_plane::api::error::{Problem, ProblemCode};

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::control_plane::api) struct Spelling {
    format: Format,
    layout: Layout,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    #[default]
    Json,
    Xml,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Layout {
    Indented,
    #[default]
    Tight,
}

impl<S: Send + Sync> FromRequestParts<S> for Spelling {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = MediaQuery::of(parts.uri.query().unwrap_or_default());
        let format = match query.text("format")? {
            Some("json") => Format::Json,
            Some("xml") => Format::Xml,
            Some(_) => return Err(refused("format", "is json or xml")),
            None => accepted(&parts.headers),
        };
        let layout = match query.flag("human")? {
            Some(Flag::Yes) => Layout::Indented,
            Some(Flag::No) | None => Layout::Tight,
        };
        Ok(Self { format, layout })
    }
}

impl Spelling {
    /// The spelling of a request as far as it says one, for a problem with it.
    pub(in crate::control_plane::api) fn of(headers: &HeaderMap, query: &str) -> Self {
        let query = MediaQuery::of(query);
        let format = match query.text("format") {
            Ok(Some("xml")) => Format::Xml,
            Ok(Some(_)) | Err(_) => Format::Json,
            Ok(None) => accepted(headers),
        };
        let is_for_people = matches!(query.flag("human"), Ok(Some(Flag::Yes)));
        Self { format, layout: if is_for_people { Layout::Indented } else { Layout::Tight } }
    }

    /// An answer with that status: an object with the resource at its root.
    pub(in crate::control_plane::api) fn answer(
        self,
        status: StatusCode,
        value: &Value,
    ) -> Response {
        let (media_type, body) = match self.format {
            Format::Json => {
                let body = match self.layout {
                    Layout::Indented => serde_json::to_vec_pretty(value),
                    Layout::Tight => serde_json::to_vec(value),
                };
                ("application/json", body.map_err(std::io::Error::from))
            }
            Format::Xml => ("application/xml", xml(value, self.layout)),
        };
        match body {
            Ok(body) => (status, [(CONTENT_TYPE, HeaderValue::from_static(media_type))], body)
                .into_response(),
            Err(_) => Problem::new(ProblemCode::Internal).into_response(),
        }
    }
}

/// What `Accept` prefers, of the two.
fn accepted(headers: &HeaderMap) -> Format {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    for media_type in lines.flat_map(|line| line.split(',')) {
        match media_type.split(';').next().unwrap_or_default().trim() {
            "application/xml" | "text/xml" => return Format::Xml,
            "application/json" => return Format::Json,
            _ => {}
        }
    }
    Format::Json
}

fn xml(value: &Value, layout: Layout) -> std::io::Result<Vec<u8>> {
    let mut writer = match layout {
        Layout::Indented => Writer::new_with_indent(Vec::new(), b' ', 2),
        Layout::Tight => Writer::new(Vec::new()),
    };
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    for (name, value) in value.as_object().into_iter().flatten() {
        element(&mut writer, name, value)?;
    }
    Ok(writer.into_inner())
}

/// A value as an element of that name; the items of a list by the name of one of them.
fn element<W: Write>(writer: &mut Writer<W>, name: &str, value: &Value) -> std::io::Result<()> {
    writer.write_event(Event::Start(BytesStart::new(name)))?;
    match value {
        Value::Array(items) => {
            let one = name.strip_suffix('s').unwrap_or("item");
            for item in items {
                element(writer, one, item)?;
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                element(writer, name, value)?;
            }
        }
        Value::Null => {}
        Value::String(text) => writer.write_event(Event::Text(BytesText::new(text)))?,
        Value::Bool(_) | Value::Number(_) => {
            writer.write_event(Event::Text(BytesText::new(&value.to_string())))?;
        }
    }
    writer.write_event(Event::End(BytesEnd::new(name)))
}

#[cfg(test)]
mod unit_tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn xml_has_the_names_of_json() {
        let value = json!({"downloads": [
            {"name": "a&b <c>", "url": "https://h/?a=1&b=2", "file": {"id": "7"}, "gone": null},
            {"size": 3, "autograph": false},
        ]});
        let text = String::from_utf8(xml(&value, Layout::Tight).unwrap()).unwrap();
        assert_eq!(
            text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><downloads><download><file><id>7</id></file>\
             <gone></gone><name>a&amp;b &lt;c&gt;</name><url>https://h/?a=1&amp;b=2</url></download>\
             <download><autograph>false</autograph><size>3</size></download></downloads>"
        );
        let pretty = String::from_utf8(xml(&value, Layout::Indented).unwrap()).unwrap();
        assert!(pretty.contains("\n  <download>\n    <file>\n      <id>7</id>"), "{pretty}");
    }

    #[test]
    fn accept_is_read_where_no_format_is_said() {
        let of = |accept: &str, query: &str| {
            let headers = [(ACCEPT, HeaderValue::from_str(accept).unwrap())];
            Spelling::of(&headers.into_iter().collect(), query).format
        };
        assert_eq!(of("text/html, application/xml;q=0.9", ""), Format::Xml);
        assert_eq!(of("application/xml", "format=json"), Format::Json);
        assert_eq!(of("*/*", "format=xml"), Format::Xml);
        assert_eq!(of("*/*", ""), Format::Json);
    }
}
