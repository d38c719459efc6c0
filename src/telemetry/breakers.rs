//! What a scrape is told of the regions' breakers.

use std::fmt::Write;

/// One region at the moment of a scrape.
#[derive(Clone, Copy, Debug)]
pub struct BreakerSample<'a> {
    /// The region's name.
    pub region: &'a str,
    /// Whether requests have to wait or are refused.
    pub open: bool,
    /// Requests in flight.
    pub requests: u32,
    /// Requests in the line.
    pub waiting: usize,
    /// Requests refused because the line was full.
    pub queue_full: u64,
    /// Requests refused because they stood in it for too long.
    pub queue_timeout: u64,
}

/// The Prometheus text of all regions' breakers.
#[must_use]
pub fn render(samples: &[BreakerSample<'_>]) -> String {
    let mut out = String::new();
    let mut each =
        |name: &str,
         kind: &str,
         help: &str,
         value: &dyn Fn(&BreakerSample<'_>) -> Vec<(&'static str, u64)>| {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "# HELP onetime_gateway_{name} {help}");
            let _ = writeln!(out, "# TYPE onetime_gateway_{name} {kind}");
            for sample in samples {
                for (more, value) in value(sample) {
                    let region = sample.region;
                    let _ = writeln!(
                        out,
                        "onetime_gateway_{name}{{region=\"{region}\"{more}}} {value}"
                    );
                }
            }
        };
    each(
        "region_breaker_open",
        "gauge",
        "Whether a region or all its endpoints are at their limit, so that requests wait or are refused.",
        &|one| vec![("", u64::from(one.open))],
    );
    each(
        "region_requests",
        "gauge",
        "Requests in flight to a region.",
        &|one| vec![("", one.requests.into())],
    );
    each(
        "region_queue_length",
        "gauge",
        "Requests that wait for a place in a region.",
        &|one| vec![("", u64::try_from(one.waiting).unwrap_or(u64::MAX))],
    );
    each(
        "region_refusals_total",
        "counter",
        "Requests refused by a region's breaker by cause.",
        &|one| {
            vec![
                (",cause=\"queue-full\"", one.queue_full),
                (",cause=\"queue-timeout\"", one.queue_timeout),
            ]
        },
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_has_its_lines() {
        let text = render(&[BreakerSample {
            region: "eu",
            open: true,
            requests: 2,
            waiting: 3,
            queue_full: 4,
            queue_timeout: 5,
        }]);
        for line in [
            "region_breaker_open{region=\"eu\"} 1",
            "region_requests{region=\"eu\"} 2",
            "region_queue_length{region=\"eu\"} 3",
            "region_refusals_total{region=\"eu\",cause=\"queue-full\"} 4",
            "region_refusals_total{region=\"eu\",cause=\"queue-timeout\"} 5",
        ] {
            let line = format!("onetime_gateway_{line}");
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert_eq!(text.matches("# TYPE").count(), 4);
    }
}
