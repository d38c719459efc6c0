//! `[[routes]]`: what the operator adds to the built-in routes.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderValue, StatusCode};

use crate::config::hide::echo;
use crate::config::host::HostKind;
use crate::config::place::Place;
use crate::config::problem::Complaint;
use crate::config::read::section::Section;
use crate::config::read::value::Value;
use crate::route::prefix::sent_once;
use crate::route::template::RouteTemplate;

/// One `[[routes]]`. Of all routes, built-in ones included, the longest prefix wins; at the same prefix the
/// operator's.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The path it is about, and everything below it by whole segments; begins with `/`, ends with one only if
    /// it is nothing else.
    pub prefix: String,
    /// The kinds of host it is about, never empty. Default: all.
    pub hosts: BTreeSet<HostKind>,
    /// What is done.
    pub action: Action,
    /// The largest request body in bytes. Default: that of `[limits]`.
    pub max_body: Option<u64>,
    /// What a request may do at a region, where the built-in class is to be another. Default: the built-in one.
    pub class: Option<Class>,
    /// The value of `prefix` in the file.
    pub place: Place,
}

/// What is done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Forwarded to the region.
    Proxy,
    /// Sent to the region's own host.
    Redirect,
    /// Answered by the gateway.
    Respond {
        /// The status, 200 to 599. Default 200.
        status: StatusCode,
        /// The body. Default: empty.
        body: String,
        /// Its media type. Default: `text/plain; charset=utf-8`.
        content_type: HeaderValue,
    },
    /// Answered 404.
    Deny,
}

impl Action {
    /// The word in the file, in logs and in `explain`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Redirect => "redirect",
            Self::Respond { .. } => "respond",
            Self::Deny => "deny",
        }
    }
}

/// What a request may do at a region, which decides whether it may ever be sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Makes something.
    Create,
    /// Reads once, or destroys.
    Consume,
    /// Reads, and may leave a trace.
    Read,
    /// Reads what is the same for everybody: may be sent again.
    Static,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Create, Self::Consume, Self::Read, Self::Static];

    /// The word in the file, in logs and in `explain`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Consume => "consume",
            Self::Read => "read",
            Self::Static => "static",
        }
    }
}

/// Reads `[[routes]]`.
pub(super) fn read(value: &Value<'_>) -> Option<Vec<Route>> {
    let mut seen: BTreeMap<(String, HostKind), usize> = BTreeMap::new();
    value.list(|item| {
        let route = Route::read(item.section()?)?;
        for kind in &route.hosts {
            let key = (route.prefix.clone(), *kind);
            if let Some(line) = seen.insert(key, route.place.line) {
                let message = format!(
                    "`{}` is routed already for hosts of kind \"{}\", see line {line}",
                    route.prefix,
                    kind.label()
                );
                item.reading.complain(route.place, Complaint::new(message));
                return None;
            }
        }
        Some(route)
    })
}

impl Route {
    fn read(mut section: Section<'_>) -> Option<Self> {
        let prefix = section.require("prefix", |v| v.parsed(prefix));
        let place = section.place_of("prefix");
        let hosts = section.read("hosts", kinds);
        let word = section.require("action", |v| {
            v.choice(&Word::ALL.map(|one| (one.label(), one)))
        });
        let mut given = Given::default();
        let status = section.read("status", |v| given.note(Word::Respond, v, Value::status));
        let body = section.read("body", |v| given.note(Word::Respond, v, Value::string));
        let content_type = section.read("content_type", |v| {
            given.note(Word::Respond, v, |v| v.parsed(media_type))
        });
        let max_body = section.read("max_body", |v| {
            given.note(Word::Proxy, v, |v| v.size(1..=1 << 40))
        });
        let classes = Class::ALL.map(|one| (one.label(), one));
        let class = section.read("class", |v| {
            given.note(Word::Proxy, v, |v| v.choice(&classes))
        });
        if let (Some(prefix), Some(Class::Static)) = (&prefix, class) {
            warn_of_once(&section, prefix);
        }
        section.finish();
        let word = word?;
        given.complain(word);
        let action = match word {
            Word::Proxy => Action::Proxy,
            Word::Redirect => Action::Redirect,
            Word::Deny => Action::Deny,
            Word::Respond => Action::Respond {
                status: status.unwrap_or(StatusCode::OK),
                body: body.unwrap_or_default().to_owned(),
                content_type: content_type.unwrap_or(PLAIN),
            },
        };
        let hosts = hosts.unwrap_or_else(|| BTreeSet::from(HostKind::ALL));
        Some(Self {
            prefix: prefix?,
            hosts,
            action,
            max_body,
            class,
            place,
        })
    }
}

/// Says where `static` does not hold: an operator who wrote it should not find out by a retry that is missing.
fn warn_of_once(section: &Section<'_>, prefix: &str) {
    let mut once = sent_once(prefix).map(RouteTemplate::label);
    let Some(first) = once.next() else { return };
    let others = match once.count() {
        0 => String::new(),
        1 => " and one more route".to_owned(),
        count => format!(" and {count} more routes"),
    };
    let complaint = Complaint::new(format!("`static` does not hold for {first}{others}"))
        .hint("what carries a key, creates or consumes is never sent twice");
    section.reading.warn(section.place_of("class"), complaint);
}

/// The default media type of a fixed answer.
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The word of an action, without what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Proxy,
    Redirect,
    Respond,
    Deny,
}

impl Word {
    const ALL: [Self; 4] = [Self::Proxy, Self::Redirect, Self::Respond, Self::Deny];

    fn label(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Redirect => "redirect",
            Self::Respond => "respond",
            Self::Deny => "deny",
        }
    }
}

/// The keys that mean something with one action only.
#[derive(Default)]
struct Given<'a>(Vec<(Word, Value<'a>)>);

impl<'a> Given<'a> {
    /// Notes that a key was given, and reads it.
    fn note<T>(
        &mut self,
        word: Word,
        value: &Value<'a>,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        self.0.push((word, value.clone()));
        read(value)
    }

    /// Reports what means nothing with the action that was chosen.
    fn complain(self, chosen: Word) {
        for (word, value) in self.0.into_iter().filter(|(word, _)| *word != chosen) {
            let message = format!("means nothing with `action = \"{}\"`", chosen.label());
            let hint = format!("it belongs to `action = \"{}\"`", word.label());
            value.complain::<()>(Complaint::new(message).hint(hint));
        }
    }
}

/// A prefix of paths, by whole segments, as plain as the paths that are let in.
fn prefix(text: &str) -> Result<String, Complaint> {
    let complaint = |what: &str| {
        Complaint::new(format!("`{}` {what}", echo(text)))
            .allowed("a path of whole segments, such as \"/api/v1\"")
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&b);
    if !text.starts_with('/') {
        return Err(complaint("does not begin with `/`"));
    }
    if text == "/" {
        return Ok(text.to_owned());
    }
    if let Some(shorter) = text.strip_suffix('/') {
        return Err(complaint("ends with `/`").hint(format!(
            "\"{}\" is about all that is below it, too",
            echo(shorter)
        )));
    }
    if !text.bytes().all(plain) {
        return Err(complaint("has a character that no path is routed by")
            .hint("a prefix has no query, no percent-encoding and no wildcard"));
    }
    if text
        .split('/')
        .skip(1)
        .any(|segment| matches!(segment, "" | "." | ".."))
    {
        return Err(complaint(
            "has an empty segment or a dot segment, and such paths are refused",
        ));
    }
    Ok(text.to_owned())
}

fn kinds(value: &Value<'_>) -> Option<BTreeSet<HostKind>> {
    let words = HostKind::ALL.map(|kind| (kind.label(), kind));
    let items = value.items()?;
    if items.is_empty() {
        return value.complain(Complaint::new("a route for no kind of host does nothing"));
    }
    Some(
        items
            .iter()
            .filter_map(|item| item.choice(&words))
            .collect(),
    )
}

/// A media type with its parameters (RFC 9110 section 8.3.1), as far as a header can carry it.
fn media_type(text: &str) -> Result<HeaderValue, Complaint> {
    let complaint = || {
        Complaint::new(format!("`{}` is no media type", echo(text)))
            .allowed("\"type/subtype\", such as \"text/plain; charset=utf-8\"")
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-.+_".contains(&b))
    };
    let fits = essence
        .split_once('/')
        .is_some_and(|(a, b)| word(a) && word(b));
    if !fits || !text.is_ascii() {
        return Err(complaint());
    }
    HeaderValue::from_str(text).map_err(|_| complaint())
}
