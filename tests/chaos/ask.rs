//! One request: where it goes, what it carries, what may be done with it, and which regions may
//! see it. Made from a seed and its number alone, so that any of them can be made again.

use fastrand::Rng;
use http::Method;

/// How often a request may arrive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// A look-up that changes nothing: a gateway makes three attempts at most.
    Static,
    /// Everything else.
    Once,
}

impl Class {
    pub(crate) const fn most(self) -> usize {
        match self {
            Self::Static => 3,
            Self::Once => 1,
        }
    }
}

/// What kind of request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    BoundStatus,
    FreeStatus,
    FreeHead,
    CookieStatus,
    BoundEcho,
    FreeConceal,
    FreeShare,
    BoundShare,
    PinnedConceal,
    Consume,
    Receipt,
    Bytes,
}

/// Each of them.
pub(crate) const KINDS: [Kind; 12] = [
    Kind::BoundStatus,
    Kind::FreeStatus,
    Kind::FreeHead,
    Kind::CookieStatus,
    Kind::BoundEcho,
    Kind::FreeConceal,
    Kind::FreeShare,
    Kind::BoundShare,
    Kind::PinnedConceal,
    Kind::Consume,
    Kind::Receipt,
    Kind::Bytes,
];

const AUTO: &str = "onetimesecret.com";
const EU: &str = "eu.onetimesecret.com";

/// From here the decision is geographic, and preferred: the documentation's network of `ca`.
const FROM_CA: (&str, &str) = ("x-forwarded-for", "203.0.113.7");

/// Where what is bound to nothing may go; `failover` of the stage's configuration.
const FREE: &[&str] = &["ca", "us", "uk"];

/// A request.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) class: Class,
    pub(crate) method: Method,
    pub(crate) host: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// The region that is decided, and those that may answer in its stead.
    pub(crate) regions: &'static [&'static str],
    /// The fault that it asks for itself.
    pub(crate) fault: Option<&'static str>,
    /// How its body is sent: bytes in one piece, and whether the length is announced.
    pub(crate) piece: usize,
    pub(crate) is_sized: bool,
    /// After how many bytes of its body the caller goes away.
    pub(crate) leaves_after: Option<usize>,
}

impl Ask {
    /// The request of this kind and number.
    pub(crate) fn new(seed: u64, number: u64, kind: Kind) -> Self {
        let mut rng = rng(seed, number);
        let mut ask = Self {
            id: id(seed, number),
            kind,
            class: Class::Once,
            method: Method::POST,
            host: AUTO,
            target: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            regions: &["ca"],
            fault: None,
            piece: [16, 1_000, 100_000][rng.usize(..3)],
            is_sized: rng.bool(),
            leaves_after: None,
        };
        ask.fill(&mut rng);
        // Whoever sends thousands of crumbs that nobody reads is a flood to HTTP/2.
        ask.piece = ask.piece.max(ask.body.len() / 64);
        let (name, value) = FROM_CA;
        ask.headers.push((name, value.to_owned()));
        ask.headers.push(("x-request-id", ask.id.clone()));
        ask
    }

    /// With a fault of its own.
    pub(crate) fn with(mut self, fault: &'static str) -> Self {
        self.headers.push(("x-demo-fault", fault.to_owned()));
        self.fault = Some(fault);
        self
    }

    fn fill(&mut self, rng: &mut Rng) {
        let key: String = (0..31).map(|_| rng.alphanumeric()).collect();
        let looks_up = ["/api/v1/status", "/api/v2/status", "/api/v2/version"];
        match self.kind {
            Kind::BoundStatus => {
                self.look_up(Method::GET, looks_up[rng.usize(..3)]);
                (self.host, self.regions) = (EU, &["eu"]);
            }
            Kind::FreeStatus => {
                self.look_up(Method::GET, looks_up[rng.usize(..3)]);
                self.regions = FREE;
            }
            Kind::FreeHead => {
                self.look_up(Method::HEAD, looks_up[rng.usize(..3)]);
                self.regions = FREE;
            }
            Kind::CookieStatus => {
                self.look_up(Method::GET, looks_up[rng.usize(..3)]);
                self.headers.push(("cookie", "sess=1".to_owned()));
            }
            Kind::BoundEcho => {
                (self.host, self.regions) = (EU, &["eu"]);
                self.target = "/demo/echo".to_owned();
                let length = [rng.usize(1..200), rng.usize(1..40_000)][rng.usize(..2)];
                self.body = (0..length).map(|_| rng.u8(..)).collect();
            }
            Kind::FreeConceal => {
                self.conceal(rng);
                self.regions = FREE;
            }
            Kind::FreeShare => {
                self.share(rng);
                self.regions = FREE;
            }
            Kind::BoundShare => {
                self.share(rng);
                (self.host, self.regions) = (EU, &["eu"]);
            }
            Kind::PinnedConceal => {
                self.conceal(rng);
                self.headers.push(("o-region", "uk".to_owned()));
                self.regions = &["uk"];
            }
            Kind::Consume => self.target = format!("/api/v1/secret/{key}"),
            Kind::Receipt => {
                self.method = Method::GET;
                self.target = format!("/api/v1/receipt/{key}");
            }
            Kind::Bytes => {
                self.method = Method::GET;
                (self.host, self.regions) = (EU, &["eu"]);
                let chunked = ["", "?chunked=1"][rng.usize(..2)];
                self.target = format!("/demo/bytes/{}{chunked}", rng.usize(1..60_000));
            }
        }
    }

    fn look_up(&mut self, method: Method, target: &str) {
        (self.class, self.method) = (Class::Static, method);
        self.target = target.to_owned();
    }

    fn share(&mut self, rng: &mut Rng) {
        self.target = "/api/v1/share".to_owned();
        let form = "application/x-www-form-urlencoded";
        self.headers.push(("content-type", form.to_owned()));
        self.body = format!("ttl=60&secret={}", self.secret(rng)).into_bytes();
    }

    fn conceal(&mut self, rng: &mut Rng) {
        self.target = "/api/v2/secret/conceal".to_owned();
        self.headers
            .push(("content-type", "application/json".to_owned()));
        let secret = serde_json::json!({"secret": self.secret(rng), "ttl": 60});
        self.body = serde_json::json!({ "secret": secret })
            .to_string()
            .into_bytes();
    }

    /// Text that no other request has.
    fn secret(&self, rng: &mut Rng) -> String {
        let length = rng.usize(1..400);
        let rest: String = (0..length).map(|_| rng.alphanumeric()).collect();
        format!("{}-{rest}", self.id)
    }
}

/// The id of a request.
pub(crate) fn id(seed: u64, number: u64) -> String {
    format!("chaos-{seed:016x}-{number}")
}

/// Dice for the request of this number.
pub(crate) fn rng(seed: u64, number: u64) -> Rng {
    Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
