//! From the words of `[rate_limits]` to rules.

use crate::config::Config;
use crate::config::rate_limits::Bucket;
use crate::limit::block::Prefixes;
use crate::limit::bucket::Rule;
use crate::limit::ledger::{Kind, Rates};

pub(super) fn rates(config: &Config) -> Rates {
    let limits = &config.rate_limits;
    let rule = |kind| {
        let bucket = match kind {
            Kind::Create => limits.create,
            Kind::Consume => limits.consume,
            Kind::Read => limits.read,
            Kind::Static => limits.assets,
            Kind::Unknown => limits.unknown,
        };
        bucket.map(|Bucket { burst, every }| Rule::new(burst, every))
    };
    Rates {
        rules: Kind::ALL.map(rule),
        client: Prefixes {
            v4: config.limits.client_v4,
            v6: config.limits.client_v6,
        },
    }
}
