//! How v2 and v3 say no: the true status and what kind of failure it was.

use serde_json::{Map, Value, json};

use crate::demo::api::call::{Call, server_failure, shrimp};
use crate::demo::api::create::Complaint;
use crate::demo::wire::answer::Answer;

/// Why a route was not served. Without `Debug`: its words can name an address.
pub(super) enum Failure {
    /// No such secret or receipt.
    Unknown,
    /// The parameters are at fault, a wrong passphrase among them.
    Form(String),
    /// The credentials are wrong, or missing where needed.
    Unauthorized(&'static str),
    /// This caller may not do it.
    Forbidden(String),
    /// Too many wrong passphrases: try again in so many seconds.
    Locked(u64),
    /// A fault of the application's own.
    Broken,
}

impl From<Complaint> for Failure {
    fn from(complaint: Complaint) -> Self {
        match complaint {
            Complaint::Form(message) => Self::Form(message),
            Complaint::Account(message) => Self::Unauthorized(message),
            Complaint::Domain(message) => Self::Forbidden(message),
        }
    }
}

impl Failure {
    pub(super) fn form(message: &str) -> Self {
        Self::Form(message.to_owned())
    }

    pub(super) fn answer(self, call: &Call<'_>) -> Answer {
        match call.region.current() {
            true => self.current(call),
            false => self.classic(call),
        }
    }

    fn current(self, call: &Call<'_>) -> Answer {
        let mut body = Map::new();
        let mut member = |name: &str, value: Value| body.insert(name.to_owned(), value);
        let status = match &self {
            Self::Unknown => {
                member("error", json!("Unknown secret"));
                member("error_type", json!("RecordNotFound"));
                404
            }
            Self::Form(message) => {
                member("error", json!(message));
                member("error_type", json!("FormError"));
                422
            }
            Self::Unauthorized(message) => {
                member("error", json!(message));
                member("error_type", json!("Unauthorized"));
                401
            }
            Self::Forbidden(message) => {
                member("error", json!(message));
                member("error_type", json!("Forbidden"));
                403
            }
            Self::Locked(wait) => {
                let words = "Too many incorrect passphrase attempts. Please try again later.";
                member("error", json!(words));
                member("error_type", json!("LimitExceeded"));
                member("retry_after", json!(wait));
                429
            }
            Self::Broken => return server_failure(call.head.path(), call.region.dialect),
        };
        member("request_id", json!(call.request_id));
        let answer = Answer::json(status, &body);
        match self {
            Self::Locked(wait) => answer.with("retry-after", wait.to_string()),
            _ => answer,
        }
    }

    /// v0.23 wrote v1's members with truer statuses.
    fn classic(self, call: &Call<'_>) -> Answer {
        let (status, message) = match &self {
            Self::Unknown => {
                let key = call.head.path().rsplit('/').find(|part| part.len() >= 20);
                let body = json!({"message": "Unknown secret", "secret_key": key});
                return Answer::json(404, &body);
            }
            Self::Unauthorized(_) => {
                return Answer::json(403, &json!({"message": "Not authorized"}));
            }
            Self::Form(message) | Self::Forbidden(message) => (422, message.as_str()),
            Self::Locked(_) => (500, "Cripes! You have been rate limited."),
            Self::Broken => (500, "An unexpected error occurred :["),
        };
        let body = json!({"success": false, "shrimp": shrimp(call.region), "message": message});
        Answer::json(status, &body)
    }
}
