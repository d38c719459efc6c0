//! shim
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<ipnet::IpNet>);
impl TrustedProxies {
    pub fn new(nets: &[ipnet::IpNet]) -> Self {
        Self(nets.to_vec())
    }
    pub fn contains(&self, ip: std::net::IpAddr) -> bool {
        self.0.iter().any(|n| n.contains(&ip))
    }
}
