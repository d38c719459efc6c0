//! The regions' endpoints as a scrape finds them. Made from what is live, so that an endpoint that
//! is configured no more is shown no more.

use std::fmt::Write;

/// One endpoint.
#[derive(Clone, Copy, Debug)]
pub struct EndpointSample<'a> {
    /// Its region's name.
    pub region: &'a str,
    /// `scheme://host:port`.
    pub endpoint: &'a str,
    /// Whether probes do not call it down.
    pub up: bool,
    /// Whether it is left alone for what requests met there.
    pub ejected: bool,
    /// The share of its weight that it has, 0 to 1.
    pub share: f64,
    /// Probes that found it well.
    pub good_probes: u64,
    /// Probes that did not.
    pub bad_probes: u64,
    /// Addresses that are outside its networks.
    pub outside: usize,
    /// Requests there, each with a connection.
    pub requests: u32,
    /// Connections kept for further requests.
    pub idle: u32,
    /// Its name's resolution; `None` for an address.
    pub name: Option<NameSample>,
}

/// An endpoint's name at the moment of a scrape.
#[derive(Clone, Copy, Debug)]
pub struct NameSample {
    /// Addresses that it stands for.
    pub addresses: usize,
    /// Seconds since its last good answer; `None` if it never had one.
    pub age: Option<f64>,
    /// Questions that had a good answer.
    pub good: u64,
    /// Questions that had none.
    pub failed: u64,
}

/// A metric's name, kind and help.
type Metric = (&'static str, &'static str, &'static str);

const UP: Metric = (
    "endpoint_up",
    "gauge",
    "Whether probes find an endpoint well (1) or call it down (0).",
);

const EJECTED: Metric = (
    "endpoint_ejected",
    "gauge",
    "Whether an endpoint is left alone for what requests met there.",
);

const SHARE: Metric = (
    "endpoint_share",
    "gauge",
    "The share of its weight that an endpoint has: 0 while it takes no requests, below 1 while it comes back.",
);

const PROBES: Metric = (
    "endpoint_probes_total",
    "counter",
    "Probes of an endpoint by result.",
);

const OUTSIDE: Metric = (
    "endpoint_addresses_outside_networks",
    "gauge",
    "Addresses of an endpoint that are outside its networks and not connected to.",
);

const REQUESTS: Metric = (
    "endpoint_requests",
    "gauge",
    "Requests at an endpoint now, each of which has a connection of its own.",
);

const IDLE: Metric = (
    "endpoint_idle_connections",
    "gauge",
    "Connections to an endpoint that are kept for further requests.",
);

const ADDRESSES: Metric = (
    "endpoint_addresses",
    "gauge",
    "Addresses that an endpoint's name stands for.",
);

const AGE: Metric = (
    "endpoint_addresses_age_seconds",
    "gauge",
    "Time since an endpoint's name was last resolved; grows while it cannot be.",
);

const RESOLUTIONS: Metric = (
    "endpoint_resolutions_total",
    "counter",
    "Questions to name servers about an endpoint's name by result.",
);

/// The Prometheus text of all endpoints.
#[must_use]
pub fn render(samples: &[EndpointSample<'_>]) -> String {
    let mut out = String::new();
    let mut each = |(name, kind, help): Metric, line: &dyn Fn(&mut String, &EndpointSample<'_>)| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP onetime_gateway_{name} {help}");
        let _ = writeln!(out, "# TYPE onetime_gateway_{name} {kind}");
        for sample in samples {
            line(&mut out, sample);
        }
    };
    each(UP, &|out, one| put(out, UP.0, one, "", u8::from(one.up)));
    each(EJECTED, &|out, one| {
        put(out, EJECTED.0, one, "", u8::from(one.ejected));
    });
    each(SHARE, &|out, one| put(out, SHARE.0, one, "", one.share));
    each(PROBES, &|out, one| {
        put(out, PROBES.0, one, ",result=\"good\"", one.good_probes);
        put(out, PROBES.0, one, ",result=\"bad\"", one.bad_probes);
    });
    each(OUTSIDE, &|out, one| {
        put(out, OUTSIDE.0, one, "", one.outside)
    });
    each(REQUESTS, &|out, one| {
        put(out, REQUESTS.0, one, "", one.requests)
    });
    each(IDLE, &|out, one| put(out, IDLE.0, one, "", one.idle));
    each(ADDRESSES, &|out, one| {
        if let Some(name) = &one.name {
            put(out, ADDRESSES.0, one, "", name.addresses);
        }
    });
    each(AGE, &|out, one| {
        if let Some(age) = one.name.as_ref().and_then(|name| name.age) {
            put(out, AGE.0, one, "", age);
        }
    });
    each(RESOLUTIONS, &|out, one| {
        if let Some(name) = &one.name {
            put(out, RESOLUTIONS.0, one, ",result=\"good\"", name.good);
            put(out, RESOLUTIONS.0, one, ",result=\"failed\"", name.failed);
        }
    });
    out
}

fn put(
    out: &mut String,
    name: &str,
    one: &EndpointSample<'_>,
    more: &str,
    value: impl std::fmt::Display,
) {
    // Names of regions and URLs of endpoints were validated: nothing in them needs escaping.
    let (region, endpoint) = (one.region, one.endpoint);
    let _ = writeln!(
        out,
        "onetime_gateway_{name}{{region=\"{region}\",endpoint=\"{endpoint}\"{more}}} {value}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_a_line_of_each_kind() {
        let text = render(&[EndpointSample {
            region: "eu",
            endpoint: "https://10.1.0.10:8443",
            up: true,
            ejected: false,
            share: 0.25,
            good_probes: 7,
            bad_probes: 1,
            outside: 2,
            requests: 8,
            idle: 9,
            name: Some(NameSample {
                addresses: 2,
                age: Some(1.5),
                good: 3,
                failed: 4,
            }),
        }]);
        let labels = "{region=\"eu\",endpoint=\"https://10.1.0.10:8443\"";
        for line in [
            format!("onetime_gateway_endpoint_up{labels}}} 1"),
            format!("onetime_gateway_endpoint_ejected{labels}}} 0"),
            format!("onetime_gateway_endpoint_share{labels}}} 0.25"),
            format!("onetime_gateway_endpoint_probes_total{labels},result=\"good\"}} 7"),
            format!("onetime_gateway_endpoint_probes_total{labels},result=\"bad\"}} 1"),
            format!("onetime_gateway_endpoint_addresses_outside_networks{labels}}} 2"),
            format!("onetime_gateway_endpoint_requests{labels}}} 8"),
            format!("onetime_gateway_endpoint_idle_connections{labels}}} 9"),
            format!("onetime_gateway_endpoint_addresses{labels}}} 2"),
            format!("onetime_gateway_endpoint_addresses_age_seconds{labels}}} 1.5"),
            format!("onetime_gateway_endpoint_resolutions_total{labels},result=\"good\"}} 3"),
            format!("onetime_gateway_endpoint_resolutions_total{labels},result=\"failed\"}} 4"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert_eq!(text.matches("# TYPE").count(), 10);
    }
}
