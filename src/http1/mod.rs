//! HTTP/1.1 messages as bytes (RFC 9112): where a head ends, what it says, how its body is framed.
//!
//! Stricter than the RFC allows where leniency has been a smuggling vector: what is ambiguous is
//! refused, never repaired. This is the head reader that both sides of the gateway use; hyper's
//! own HTTP/1 server hides these faults from a service. Thinking only: bytes in, facts out.

pub mod body;
pub mod head;
pub mod request;
pub mod response;

use thiserror::Error;

/// Why bytes are not an acceptable HTTP/1.1 message.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
pub enum Fault {
    /// An answer that names an earlier request on its connection.
    #[error("answer of another request")]
    AnswerOfAnother,
    /// A chunk-size line that is no size, or whose data does not end in CRLF.
    #[error("malformed chunk")]
    BadChunk,
    /// A Content-Length that is not plain digits or does not fit.
    #[error("malformed Content-Length")]
    BadContentLength,
    /// A field name that is no token, a space before the colon, or no colon at all.
    #[error("malformed field name")]
    BadFieldName,
    /// A control byte in a field value.
    #[error("malformed field value")]
    BadFieldValue,
    /// A start line that does not have three parts.
    #[error("malformed start line")]
    BadStartLine,
    /// A request target with bytes that no URI has.
    #[error("malformed request target")]
    BadTarget,
    /// A Transfer-Encoding other than exactly `chunked`, or one in HTTP/1.0.
    #[error("malformed Transfer-Encoding")]
    BadTransferEncoding,
    /// A version that is neither HTTP/1.0 nor HTTP/1.1.
    #[error("unsupported HTTP version")]
    BadVersion,
    /// A line that ends in LF without CR, or holds a CR elsewhere.
    #[error("bare CR or LF")]
    BareLineBreak,
    /// Content-Length beside Transfer-Encoding (RFC 9112 §6.1).
    #[error("both Content-Length and Transfer-Encoding")]
    BothFramings,
    /// The head is larger than allowed.
    #[error("head too large")]
    HeadTooLarge,
    /// A field line that continues on the next line (RFC 9112 §5.2).
    #[error("folded field line")]
    ObsoleteFold,
    /// Content-Length more than once, alike or not.
    #[error("repeated Content-Length")]
    RepeatedContentLength,
    /// The request target is longer than allowed.
    #[error("request target too long")]
    TargetTooLong,
    /// More fields than allowed.
    #[error("too many fields")]
    TooManyFields,
    /// Trailer fields larger than allowed or malformed.
    #[error("malformed trailer section")]
    BadTrailers,
    /// The peer closed before the message was complete.
    #[error("message cut short")]
    Truncated,
    /// A transfer coding that is well-formed but not implemented (RFC 9112 §6.1: 501).
    #[error("unknown transfer coding")]
    UnknownTransferCoding,
}

impl Fault {
    /// The kebab-case name in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AnswerOfAnother => "answer-of-another",
            Self::BadChunk => "bad-chunk",
            Self::BadContentLength => "bad-content-length",
            Self::BadFieldName => "bad-field-name",
            Self::BadFieldValue => "bad-field-value",
            Self::BadStartLine => "bad-start-line",
            Self::BadTarget => "bad-target",
            Self::BadTransferEncoding => "bad-transfer-encoding",
            Self::BadVersion => "bad-version",
            Self::BareLineBreak => "bare-line-break",
            Self::BothFramings => "both-framings",
            Self::HeadTooLarge => "head-too-large",
            Self::ObsoleteFold => "obsolete-fold",
            Self::RepeatedContentLength => "repeated-content-length",
            Self::TargetTooLong => "target-too-long",
            Self::TooManyFields => "too-many-fields",
            Self::BadTrailers => "bad-trailers",
            Self::Truncated => "truncated",
            Self::UnknownTransferCoding => "unknown-transfer-coding",
        }
    }
}

/// How the body of a message is delimited (RFC 9112 §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// No body.
    Empty,
    /// Exactly so many bytes.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// Until the peer closes (answers only).
    UntilClose,
}

/// The version of a message's start line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// What a peer may send as a head.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// Bytes of the whole head, start line and final CRLF included.
    pub bytes: usize,
    /// Number of field lines, at most [`head::MOST_FIELDS`].
    pub fields: usize,
    /// Bytes of the request target.
    pub target: usize,
}
