//! shim
#[derive(Default)]
pub struct WorkerMetrics;
impl WorkerMetrics {
    pub fn connection_refused(&self) {}
    pub fn handshake_failed(&self, _: &std::io::Error) {}
    pub fn handshake_timed_out(&self) {}
    pub fn handshake_done(&self, _: &rustls::ServerConnection, _: std::time::Duration) {}
}
