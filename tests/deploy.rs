//! The files under `deploy/` are checked by the tools that will read them, and speak of metrics
//! that exist.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use onetime_gateway::config::server::{Admin, Server};

/// Runs `promtool` in `deploy/prometheus`. Where it is absent the test says so and checks nothing;
/// in CI it must be there.
fn promtool(arguments: &[&str]) {
    let ran = Command::new("promtool")
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus"))
        .output();
    let Ok(output) = ran else {
        assert!(
            std::env::var_os("CI").is_none(),
            "promtool must be installed in CI"
        );
        eprintln!("SKIPPED: promtool is not installed");
        return;
    };
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn promtool_accepts_rules_and_configuration() {
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["check", "config", "scrape.yml"]);
}

#[test]
fn alerts_fire_when_they_should_and_only_then() {
    promtool(&["test", "rules", "alerts_test.yml"]);
}

#[test]
fn alerts_speak_of_metrics_that_exist() {
    let read = |path: &str| std::fs::read_to_string(path).expect("a file of ours");
    let alerts = read("deploy/prometheus/alerts.yml");
    let sources = [
        "src/telemetry/mod.rs",
        "src/telemetry/text.rs",
        "src/telemetry/process.rs",
        "src/telemetry/certificates.rs",
    ]
    .map(read)
    .concat();
    let mut found = 0;
    for word in alerts.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        let name = word.trim_end_matches("_bucket").trim_end_matches("_count");
        let own = name
            .strip_prefix("onetime_gateway_")
            .filter(|_| !name.ends_with("_refusals"));
        let known = match own {
            Some(own) => {
                sources.contains(&format!("\"{own}\"")) || sources.contains(&format!("\"{name}\""))
            }
            None if name.starts_with("process_") => sources.contains(name),
            None => continue,
        };
        assert!(known, "no metric {name}");
        found += 1;
    }
    assert!(found > 10, "the alerts name metrics");
}

/// The Kubernetes manifest carries a table that loads, but for the files that a cluster mounts.
#[test]
fn the_manifests_table_is_a_valid_configuration() {
    let manifest = std::fs::read_to_string("deploy/kubernetes/gateway.yaml").expect("the manifest");
    let (_, table) = manifest.split_once("gateway.toml: |\n").expect("the table");
    let table: String = table
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("    "))
        .map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or_default()))
        .collect();
    let parsed = onetime_gateway::config::Config::parse("gateway.yaml", &table);
    assert!(
        parsed.is_ok(),
        "{}",
        parsed
            .err()
            .map(|problems| problems.to_string())
            .unwrap_or_default()
    );
}

/// The line that checks as the service does: as its user, with its environment.
const CHECK: &str = "systemd-run --pipe --wait --collect --quiet --uid=onetime-gateway \
    --gid=onetime-gateway -p EnvironmentFile=-/etc/onetime-gateway/secrets.env \
    /usr/bin/onetime-gateway check --config /etc/onetime-gateway/gateway.toml";

/// Wherever operators are told to check, they are told the same; and the line is the unit's own.
#[test]
fn everybody_checks_as_the_service_does() {
    let read = |path: &str| std::fs::read_to_string(path).expect("a file of ours");
    for (path, times) in [
        ("README.md", 1),
        ("deploy/README.md", 1),
        ("deploy/prometheus/alerts.yml", 2),
    ] {
        assert_eq!(read(path).matches(CHECK).count(), times, "{path}");
    }
    let unit = read("deploy/systemd/onetime-gateway.service");
    for line in [
        "User=onetime-gateway",
        "Group=onetime-gateway",
        "EnvironmentFile=-/etc/onetime-gateway/secrets.env",
        "ExecStartPre=/usr/bin/onetime-gateway check --config /etc/onetime-gateway/gateway.toml",
    ] {
        assert!(unit.lines().any(|one| one == line), "{line}");
    }
    // A user that changes with every start could not be given a key.
    assert!(!unit.contains("\nDynamicUser=yes"));
}

/// Where systemd is installed, it reads the units; the binary is this build's.
#[test]
fn systemd_accepts_the_units() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["onetime-gateway.service", "onetime-gateway.socket"] {
        let unit = Path::new("deploy/systemd").join(name);
        let text = std::fs::read_to_string(unit).expect("the unit");
        let text = text.replace(
            "/usr/bin/onetime-gateway",
            env!("CARGO_BIN_EXE_onetime-gateway"),
        );
        std::fs::write(directory.path().join(name), text).expect("written");
    }
    let ran = Command::new("systemd-analyze")
        .arg("verify")
        .arg(directory.path().join("onetime-gateway.service"))
        .output();
    let Ok(output) = ran else {
        eprintln!("SKIPPED: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let of_ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("onetime-gateway"))
        .collect();
    assert!(output.status.success() && of_ours.is_empty(), "{said}");
}

/// The sockets that systemd passes are those that a file without a word about them listens on.
#[test]
fn the_socket_unit_has_the_default_listeners() {
    let unit = std::fs::read_to_string("deploy/systemd/onetime-gateway.socket").expect("the unit");
    let listed: std::collections::BTreeSet<SocketAddr> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("ListenStream="))
        .map(|address| address.parse().expect("an address"))
        .collect();
    let server = Server::default();
    let Admin::Loopback(admin) = server.admin else {
        panic!("the default is an address");
    };
    let wanted = server.https.iter().chain(&server.http).chain([&admin]);
    assert_eq!(listed, wanted.copied().collect());
    assert!(unit.contains("\nBindIPv6Only=ipv6-only\n"));
}
