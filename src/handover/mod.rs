//! Listening sockets that are not bound but handed on: by systemd, or by the process that this one
//! replaces. The very sockets go from hand to hand and none is closed on the way, so nothing that
//! waits in one to be accepted is lost.

pub mod activation;
pub mod give;
pub mod notify;
pub mod passed;
pub mod take;

/// What a new process says first: the protocol and its version.
const HELLO: &[u8; 12] = b"take-over 1\n";

/// The byte that carries one listening socket (`SCM_RIGHTS`).
const SOCKET: u8 = b's';

/// The byte after the last one.
const END: u8 = b'.';

/// The same, if a supervisor has these sockets as well.
const END_HELD: u8 = b'!';

/// What a new process says when every worker of its own accepts connections.
const READY: &[u8; 6] = b"ready\n";

/// What the old one says as it lets go: from now on the sockets are the other's.
const YOURS: &[u8; 6] = b"yours\n";

/// What the old one says instead if it goes on serving. An end without a word is the end of the old one.
const MINE: &[u8; 6] = b"mine!\n";
