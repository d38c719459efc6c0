//! The back door: metrics, health, and the one thing that changes the gateway, a reload.
//!
//! Two kinds of listener: `admin` (loopback or a Unix socket) has everything, `metrics` may be
//! reachable from a cluster and only reads. What changes something wants a custom header and a
//! `Host` that is this very listener, so that no web page can trigger it through a browser.

pub mod door;
pub mod pages;

/// The header that a request must carry to change something. A browser sends it across origins
/// only after asking, and nobody here answers that question.
pub const HEADER: &str = "x-gateway-admin";

/// What a listener offers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Everything.
    Admin,
    /// `/metrics`, `/healthz`, `/readyz`.
    Metrics,
}

/// What the pages ask of the gateway.
pub trait Control: Send + Sync + 'static {
    /// All metrics as text.
    fn metrics(&self) -> String;
    /// Why the gateway takes no new work, or `None` if it does.
    fn unready(&self) -> Option<&'static str>;
    /// Reloads; `Ok` and `Err` are JSON objects.
    ///
    /// # Errors
    /// The verdict on a refused configuration.
    fn reload(&self) -> Result<serde_json::Value, serde_json::Value>;
    /// The configuration as it may be shown.
    fn config(&self) -> String;
    /// Regions and endpoints, as JSON.
    fn regions(&self) -> serde_json::Value;
}
