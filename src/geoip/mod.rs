//! shim
pub struct Database;
pub struct Location {
    pub country: Option<[u8; 2]>,
    pub continent: Option<[u8; 2]>,
}
impl Database {
    pub fn country(&self, _: std::net::IpAddr) -> Option<Location> {
        None
    }
    pub fn open(_: &std::path::Path) -> Result<Self, std::io::Error> {
        Ok(Self)
    }
}
