//! How an answer is spelt, and what a body says: XML as the SDK's classes are bound to it (JAXB), or
//! JSON, by the same names. The items of a list are elements of its name, one after the other.

use std::collections::BTreeMap;
use std::io::Write;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::control_plane::api::body::{self, is_one_of};
use crate::control_plane::api::error::{Problem, ProblemCode};

/// How deep elements may lie within each other.
const DEPTH: usize = 32;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::control_plane::api) enum Spelling {
    #[default]
    Json,
    Xml,
}

impl<S: Send + Sync> FromRequestParts<S> for Spelling {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

impl Spelling {
    /// What `Accept` names first, of the two.
    pub(in crate::control_plane::api) fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
        for media_type in lines.flat_map(|line| line.split(',')) {
            match media_type.split(';').next().unwrap_or_default().trim() {
                "application/xml" | "text/xml" => return Self::Xml,
                "application/json" => return Self::Json,
                _ => {}
            }
        }
        Self::Json
    }

    /// An answer: an object, whose class is called so.
    pub(in crate::control_plane::api) fn answer<T: Serialize>(
        self,
        status: StatusCode,
        class: &str,
        value: &T,
    ) -> Response {
        let written = match self {
            Self::Json => serde_json::to_vec(value).map_err(std::io::Error::from),
            Self::Xml => serde_json::to_value(value)
                .map_err(std::io::Error::from)
                .and_then(|value| xml(class, &value)),
        };
        let media_type = match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        };
        match written {
            Ok(body) => (status, [(CONTENT_TYPE, HeaderValue::from_static(media_type))], body)
                .into_response(),
            Err(_) => Problem::new(ProblemCode::Internal).into_response(),
        }
    }
}

/// A body in either spelling; nothing at all is an object without fields.
pub(in crate::control_plane::api) struct LooseBody(pub(in crate::control_plane::api) Value);

impl<S: Send + Sync> FromRequest<S> for LooseBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_xml = is_one_of(request.headers(), &["application/xml", "text/xml"]);
        let bytes = body::bytes(request).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(Value::Object(Map::new())));
        }
        let value = if is_xml { read(&bytes)? } else { body::parse(&bytes)? };
        if value.is_object() {
            Ok(Self(value))
        } else {
            Err(Problem::invalid("", "the body must be an object"))
        }
    }
}

/// The texts of a list: one element is a list of one.
pub(in crate::control_plane::api) fn texts(value: Option<&Value>) -> Option<Vec<&str>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => Some(Vec::new()),
        Some(Value::String(text)) => Some(vec![text]),
        Some(Value::Array(items)) => items.iter().map(Value::as_str).collect(),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => None,
    }
}

/// What is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control_plane::api) struct NoNumber;

/// A number, if there is one: XML has it as text, and none as an empty one.
pub(in crate::control_plane::api) fn number(
    value: Option<&Value>,
) -> Result<Option<u64>, NoNumber> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => number.as_u64().map(Some).ok_or(NoNumber),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => text.trim().parse().map(Some).map_err(|_| NoNumber),
        Some(Value::Array(_) | Value::Bool(_) | Value::Object(_)) => Err(NoNumber),
    }
}

fn xml(class: &str, value: &Value) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), Some("yes"))))?;
    element(&mut writer, class, value)?;
    Ok(writer.into_inner())
}

fn element<W: Write>(writer: &mut Writer<W>, name: &str, value: &Value) -> std::io::Result<()> {
    let text = match value {
        Value::Null => return Ok(()),
        Value::Array(items) => return items.iter().try_for_each(|it| element(writer, name, it)),
        Value::Object(members) => {
            writer.write_event(Event::Start(BytesStart::new(name)))?;
            for (name, value) in members {
                element(writer, name, value)?;
            }
            return writer.write_event(Event::End(BytesEnd::new(name)));
        }
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    // XML 1.0 has no way to write the others (section 2.2).
    let can_be_written = |it: &char| match it {
        '\n' | '\r' | '\t' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        it => !it.is_control(),
    };
    let text: String = text.chars().filter(can_be_written).collect();
    writer.write_event(Event::Start(BytesStart::new(name)))?;
    writer.write_event(Event::Text(BytesText::new(&text)))?;
    writer.write_event(Event::End(BytesEnd::new(name)))
}

/// An element that is being read.
#[derive(Default)]
struct Open {
    name: String,
    text: String,
    members: BTreeMap<String, Vec<Value>>,
}

impl Open {
    fn close(self) -> (String, Value) {
        let Self { name, text, members } = self;
        if members.is_empty() {
            return (name, Value::String(text.trim().to_owned()));
        }
        let of = |mut values: Vec<Value>| match values.pop() {
            Some(value) if values.is_empty() => value,
            last => Value::Array(values.into_iter().chain(last).collect()),
        };
        (name, members.into_iter().map(|(name, values)| (name, of(values))).collect())
    }
}

/// Reads elements and texts; attributes say nothing here. There are no entities but XML's own, and a
/// document type is refused: nothing grows while it is read.
fn read(bytes: &[u8]) -> Result<Value, Problem> {
    let wrong = |detail: &'static str| Problem::invalid("", detail);
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("the XML must be UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|_| wrong("the XML is not well formed"))?;
        let closed = match event {
            Event::Start(start) => {
                if open.len() >= DEPTH {
                    return Err(wrong("elements lie too deep"));
                }
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                open.push(Open { name, ..Open::default() });
                continue;
            }
            Event::Empty(start) => {
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                Open { name, ..Open::default() }
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|_| wrong("a text is not UTF-8"))?;
                if let Some(open) = open.last_mut() {
                    open.text.push_str(&text);
                }
                continue;
            }
            Event::CData(data) => {
                let text = data.decode().map_err(|_| wrong("a text is not UTF-8"))?;
                if let Some(open) = open.last_mut() {
                    open.text.push_str(&text);
                }
                continue;
            }
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().ok().flatten();
                let named = match &*reference {
                    b"amp" => Some('&'),
                    b"apos" => Some('\''),
                    b"gt" => Some('>'),
                    b"lt" => Some('<'),
                    b"quot" => Some('"'),
                    _ => None,
                };
                let found = character.or(named).ok_or_else(|| wrong("an entity is not known"))?;
                if let Some(open) = open.last_mut() {
                    open.text.push(found);
                }
                continue;
            }
            Event::End(_) => open.pop().unwrap_or_default(),
            Event::DocType(_) => return Err(wrong("a document type is not taken")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
            Event::Eof => return Err(wrong("the XML ends too soon")),
        };
        let (name, value) = closed.close();
        let Some(outer) = open.last_mut() else {
            // The root's name says what is asked for; the path did so already.
            let empty = Value::Object(Map::new());
            return Ok(if value.is_object() { value } else { empty });
        };
        outer.members.entry(name).or_default().push(value);
    }
}

#[cfg(test)]
mod unit_tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_elements_of_their_name() {
        let value = json!({"items": [{"id": "a<b"}, {"id": "c"}], "none": null, "totalResults": 2});
        let text = String::from_utf8(xml("MList", &value).unwrap()).unwrap();
        assert_eq!(
            text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><MList><items><id>a&lt;b\
             </id></items><items><id>c</id></items><totalResults>2</totalResults></MList>"
        );
    }

    #[test]
    fn a_body_of_the_sdk_is_read() {
        let body = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
                    <MContentlistVersionsReq><criteria><ids>ver_1</ids><ids>a&amp;&#98;</ids>\
                    </criteria><numberOfResults>10</numberOfResults><offset/></MContentlistVersionsReq>";
        let value = read(body.as_bytes()).unwrap();
        assert_eq!(texts(value["criteria"].get("ids")), Some(vec!["ver_1", "a&b"]));
        assert_eq!(number(value.get("numberOfResults")), Ok(Some(10)));
        let one = read(b"<r><ids>x</ids></r>").unwrap();
        assert_eq!(texts(one.get("ids")), Some(vec!["x"]));
        for wrong in [
            "<a>".to_owned(),
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned(),
            "<a>&b;</a>".to_owned(),
            "<a>".repeat(40),
        ] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
