//! What the form of `/region` may say: a region or that the choice be forgotten, and the way back.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::back::ReturnPath;
use crate::region::{RegionId, Regions};

/// The largest body that the form takes, in bytes.
pub const MOST_BYTES: u64 = 4096;

/// What is chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// `region=NAME`.
    Choose(RegionId),
    /// `forget=1`.
    Forget,
}

/// A form that can be carried out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Form {
    /// What is chosen.
    pub wish: Wish,
    /// `return=/path`.
    pub back: Option<ReturnPath>,
}

/// Why a form cannot be carried out.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum FormFault {
    /// A field twice, or a region beside `forget`.
    #[error("the form says more than one thing")]
    Ambiguous,
    /// Neither `region` nor `forget=1`.
    #[error("the form chooses nothing")]
    Empty,
    /// Not `application/x-www-form-urlencoded`.
    #[error("not a form")]
    NoForm,
    /// `return` is no path of this site.
    #[error("the way back leads off the site")]
    OffSite,
    /// `region` names none.
    #[error("no such region")]
    UnknownRegion,
}

impl FormFault {
    /// Every fault.
    pub const ALL: [Self; 5] = [
        Self::Ambiguous,
        Self::Empty,
        Self::NoForm,
        Self::OffSite,
        Self::UnknownRegion,
    ];

    /// The kebab-case name in metrics, logs and `error_type`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous-choice",
            Self::Empty => "empty-choice",
            Self::NoForm => "no-form",
            Self::OffSite => "off-site-return",
            Self::UnknownRegion => "unknown-region",
        }
    }
}

/// Whether the values of all `Content-Type` fields name a form; parameters are of no account.
pub fn is_form<'a>(mut content_type: impl Iterator<Item = &'a [u8]>) -> bool {
    let essence = |value: &'a [u8]| {
        let end = value.iter().position(|byte| *byte == b';');
        let essence = value.get(..end.unwrap_or(value.len())).unwrap_or_default();
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    };
    content_type.next().is_some_and(essence) && content_type.next().is_none()
}

/// Reads the form's body. Fields of other names are of no account.
///
/// # Errors
/// What keeps it from being carried out.
pub fn read(body: &[u8], regions: &Regions) -> Result<Form, FormFault> {
    let region = once(body, b"region").map_err(|Repeated| FormFault::Ambiguous)?;
    let forget = once(body, b"forget").map_err(|Repeated| FormFault::Ambiguous)?;
    let wish = match (region, forget.as_deref()) {
        (Some(_), Some(_)) => return Err(FormFault::Ambiguous),
        (Some(name), None) => Wish::Choose(regions.by_name(&name).ok_or(FormFault::UnknownRegion)?),
        (None, Some(b"1")) => Wish::Forget,
        (None, _) => return Err(FormFault::Empty),
    };
    let back = once(body, b"return").map_err(|Repeated| FormFault::Ambiguous)?;
    let back = match back.as_deref() {
        None | Some(b"") => None,
        Some(value) => Some(ReturnPath::parse(value).ok_or(FormFault::OffSite)?),
    };
    Ok(Form { wish, back })
}

/// The way back that the page's own query names. One that leads elsewhere, or several, are none:
/// the page can be shown all the same.
#[must_use]
pub fn back(query: &str) -> Option<ReturnPath> {
    let value = once(query.as_bytes(), b"return").ok().flatten()?;
    ReturnPath::parse(&value)
}

/// A field stands more than once.
struct Repeated;

/// The value of the field of this name, if it stands once.
fn once<'a>(text: &'a [u8], name: &[u8]) -> Result<Option<Cow<'a, [u8]>>, Repeated> {
    let mut found = pairs(text).filter(|(found, _)| **found == *name);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(Repeated),
        (found, _) => Ok(found.map(|(_, value)| value)),
    }
}

/// The fields of `application/x-www-form-urlencoded` (WHATWG URL §5.1).
fn pairs(text: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let mut next = || decode(parts.next().unwrap_or_default());
            (next(), next())
        })
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'+') {
        return percent_decode(text).into();
    }
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    Cow::Owned(percent_decode(&spaced).collect())
}

#[cfg(test)]
mod tests;
