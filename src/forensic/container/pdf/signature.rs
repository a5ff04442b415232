//! Whether a PDF file is signed (sections 12.7.2 and 12.8).

use super::section::Sections;
use super::syntax::{Dictionary, Object, Value};
use crate::forensic::excerpt::Pause;
use crate::forensic::refusal::Refusal;

/// The flag of forms that have a signature field.
const SIGNATURES_EXIST: u64 = 1;

/// Whether its catalogue grants permissions by signatures, or its form has a field for
/// one; whether that is filled in is not looked at.
pub(super) fn is_signed(sections: &mut Sections<'_>) -> Result<bool, Pause> {
    let root = sections.newest()?.trailer.get("Root").map(|object| &object.value);
    let Some(&Value::Reference(root)) = root else {
        return Err(Refusal::Malformed.into());
    };
    match sections.look(root, catalogue)? {
        Form::Flags(flags) => Ok(flags & SIGNATURES_EXIST != 0),
        Form::Elsewhere(form) => sections.look(form, |object| {
            dictionary(object).is_some_and(|form| flags(form) & SIGNATURES_EXIST != 0)
        }),
        Form::None => Err(Refusal::Malformed.into()),
    }
}

enum Form {
    Elsewhere(u32),
    Flags(u64),
    /// There is no catalogue.
    None,
}

fn catalogue(object: Option<&Object<'_>>) -> Form {
    let Some(catalogue) = dictionary(object) else {
        return Form::None;
    };
    if catalogue.get("Perms").is_some() {
        return Form::Flags(SIGNATURES_EXIST);
    }
    match catalogue.get("AcroForm").map(|object| &object.value) {
        Some(Value::Reference(number)) => Form::Elsewhere(*number),
        Some(Value::Dictionary(form)) => Form::Flags(flags(form)),
        _ => Form::Flags(0),
    }
}

fn dictionary<'o, 'a>(object: Option<&'o Object<'a>>) -> Option<&'o Dictionary<'a>> {
    match object.map(|object| &object.value) {
        Some(Value::Dictionary(dictionary)) => Some(dictionary),
        _ => None,
    }
}

fn flags(form: &Dictionary<'_>) -> u64 {
    // A number that stands elsewhere could be any.
    match form.get("SigFlags") {
        None => 0,
        Some(_) => form.integer("SigFlags").unwrap_or(SIGNATURES_EXIST),
    }
}
