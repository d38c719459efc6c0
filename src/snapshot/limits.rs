//! From the words of `[limits]` and `[rate_limits]` to rules.

use crate::config::Config;
use crate::config::rate_limits::Bucket;
use crate::limit::block::Prefixes;
use crate::limit::bucket::Rule;
use crate::limit::ledger::{Kind, Rates};
use crate::limit::pace::PaceRule;

pub(super) fn rule(bucket: Bucket) -> Rule {
    Rule::new(bucket.burst, bucket.every)
}

pub(super) const fn pace(config: &Config) -> PaceRule {
    PaceRule {
        rate: config.limits.body_rate,
        grace: config.timeouts.body_grace,
    }
}

pub(super) fn rates(config: &Config) -> Rates {
    let limits = &config.rate_limits;
    let of = |kind| {
        let bucket = match kind {
            Kind::Connect => limits.connect,
            Kind::Create => limits.create,
            Kind::Consume => limits.consume,
            Kind::Read => limits.read,
            Kind::Static => limits.assets,
            Kind::Unknown => limits.unknown,
            Kind::Refused => limits.refused,
        };
        bucket.map(rule)
    };
    Rates {
        rules: Kind::ALL.map(of),
        client: Prefixes {
            v4: config.limits.client_v4,
            v6: config.limits.client_v6,
        },
    }
}
