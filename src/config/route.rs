//! `[[routes]]`: what the operator adds to the built-in routes.

use std::collections::BTreeSet;

use http::{HeaderValue, StatusCode};

use crate::config::host::HostKind;
use crate::config::place::Place;

/// One `[[routes]]`. Of all routes, built-in ones included, the longest prefix wins; at the same prefix the operator's.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The path it is about, and everything below it by whole segments; begins with `/`, ends with one only if it
    /// is nothing else.
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
