//! `demo`: five regions and the gateway before them, and lines to paste.

use clap::Args;

use crate::demo::RegionInfo;
use crate::demo::options::{DemoOptions, Dialect};
use crate::demo::world::{World, WorldError, WorldOptions};
use crate::server::StartError;
use crate::telemetry::log;

const ELSEWHERE: &str = "another port can be chosen: see `onetime-gateway demo --help`";

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The https port; 0 lets the system choose
    #[arg(long, default_value_t = 8443)]
    https_port: u16,
    /// The http port; 0 lets the system choose
    #[arg(long, default_value_t = 8080)]
    http_port: u16,
    /// The port of admin and metrics; 0 lets the system choose
    #[arg(long, default_value_t = 9090)]
    admin_port: u16,
    /// The port of the regions' control; their endpoints follow at +101, +102, +201, ...; 0 lets
    /// the system choose all of them
    #[arg(long, default_value_t = 7000)]
    base_port: u16,
    /// Regions that speak the classic dialect (v0.23), or `all`
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    classic: Vec<String>,
    /// Worker threads; 0 is one for each core
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

pub(super) fn demo(arguments: &Arguments) -> u8 {
    log::start("info", false);
    let Some(regions) = regions(arguments) else {
        return super::BAD;
    };
    let options = WorldOptions {
        regions,
        https: arguments.https_port,
        http: arguments.http_port,
        admin: arguments.admin_port,
        threads: arguments.threads,
        more: String::new(),
    };
    match World::start(options) {
        Ok(world) => show(world),
        Err(WorldError::Gateway(error)) => {
            let code = super::run::refuse(&error);
            if matches!(error, StartError::Listen { .. }) {
                super::complain(ELSEWHERE);
            }
            code
        }
        Err(error) => {
            super::complain(&error);
            if matches!(error, WorldError::Regions(_)) {
                super::complain(ELSEWHERE);
            }
            super::FAILED
        }
    }
}

/// The regions as the flags want them; complains about names that there are not.
fn regions(arguments: &Arguments) -> Option<DemoOptions> {
    let mut regions = DemoOptions {
        base_port: arguments.base_port,
        ..DemoOptions::default()
    };
    for name in &arguments.classic {
        if name == "all" {
            regions = regions.with_dialect(Dialect::Classic);
        } else if let Some(region) = regions.region_mut(name) {
            region.dialect = Dialect::Classic;
        } else {
            super::complain(format_args!(
                "--classic {name}: the regions are us, eu, ca, nz, uk"
            ));
            return None;
        }
    }
    Some(regions)
}

fn show(mut world: World) -> u8 {
    let (https, control) = (world.https(), world.regions.control());
    super::say(format_args!(
        "\nA gateway and five regions are running on this machine. Ctrl-C ends all of it.\n\n\
         gateway   https://localhost:{port}   (http://localhost:{http} leads there)\n\
         page      https://localhost:{port}/region\n\
         metrics   http://{admin}/metrics\n\
         CA        {ca}\n\
         config    {config}   (edit it: the gateway takes it up)\n\
         control   http://{control}   (POST /eu/1/down, /eu/1/up, /eu/1/fault?name=hang, ...)\n",
        port = https.port(),
        http = world.http().port(),
        admin = world.admin(),
        ca = world.ca.display(),
        config = world.config.display(),
    ));
    for region in world.regions.regions() {
        let endpoints: Vec<String> = region.endpoints.iter().map(ToString::to_string).collect();
        super::say(format_args!(
            "region    {:<3} {:<24} {} ({}), account {}:{}",
            region.name,
            endpoints.join(", "),
            region.dialect.label(),
            region.jurisdiction,
            region.user,
            region.token,
        ));
    }
    super::say("\nPaste these. Each shows another rule decide:\n");
    for line in lines(&world) {
        super::say(line);
    }
    let code = super::run::until_signal(world.gateway());
    world.drain();
    code
}

/// The lines to paste, each with the region and the rule that it promises.
fn lines(world: &World) -> Vec<String> {
    let port = world.https().port();
    let curl = |extra: &str, host: &str, path: &str| {
        format!(
            "curl -s -o /dev/null -D - --cacert {ca} --resolve {host}:{port}:127.0.0.1 {extra}\
             https://{host}:{port}{path} | grep -i '^o-region'",
            ca = world.ca.display(),
        )
    };
    let bare = "onetimesecret.com";
    let status = "/api/v1/status";
    let from = |address: &str| format!("-H 'X-Forwarded-For: {address}' ");
    let lines = vec![
        ("eu, host", curl("", "eu.onetimesecret.com", status)),
        ("ca, pin-header", curl("-H 'O-Region: ca' ", bare, status)),
        (
            "nz, pin-cookie",
            curl("-b '__Host-ots-region=nz' ", bare, status),
        ),
        (
            "us, credentials",
            curl("-u demo@us.example:us-token ", bare, "/api/v1/authcheck"),
        ),
        ("ca, network", curl(&from("203.0.113.7"), bare, status)),
        ("uk, geo (GB)", curl(&from("1.186.0.1"), bare, status)),
        ("nz, geo (NZ)", curl(&from("1.178.27.1"), bare, status)),
        ("eu, no-country", curl("", bare, status)),
        (
            "us, default (AQ)",
            curl(&from("23.154.160.1"), bare, status),
        ),
    ];
    // The keys of the old dialect have no tag that names a region.
    let tags = |region: &&RegionInfo| region.dialect != Dialect::Classic;
    let minting = world.regions.regions().iter().rfind(tags);
    let mut key = Vec::new();
    if let Some(region) = minting
        && let Some(sample) = sample_key(world, &region.name)
    {
        let line = curl("-X POST ", bare, &format!("/api/v1/secret/{sample}"));
        key.extend([format!("# {}, key", region.name), line]);
    }
    let others = lines
        .into_iter()
        .flat_map(|(what, line)| [format!("# {what}"), line]);
    key.into_iter().chain(others).collect()
}

/// The key of a secret made in a region for the line that shows keys decide.
fn sample_key(world: &World, region: &str) -> Option<String> {
    use std::io::{Read, Write};
    let endpoint = world.regions.endpoint(region, 1)?;
    let mut socket = std::net::TcpStream::connect(endpoint).ok()?;
    let body = format!("secret=a+secret+made+in+{region}");
    let request = format!(
        "POST /api/v1/share HTTP/1.1\r\nHost: {region}.localhost\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    let answer: serde_json::Value = serde_json::from_str(body).ok()?;
    Some(answer.get("secret_key")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The label promises a region that the line must reach: keys of the old dialect name none.
    #[test]
    fn the_line_about_a_key_is_of_a_region_whose_keys_have_a_tag() {
        let about_keys = |classic: &[&str]| {
            let mut options = WorldOptions::ephemeral();
            for name in classic {
                let region = options.regions.region_mut(name).expect("a region");
                region.dialect = Dialect::Classic;
            }
            let world = World::start(options).expect("a world");
            let mut lines = lines(&world).into_iter();
            lines.find(|line| line.ends_with(", key"))
        };
        assert_eq!(about_keys(&["uk"]).as_deref(), Some("# nz, key"));
        assert_eq!(about_keys(&["us", "eu", "ca", "nz", "uk"]), None);
    }
}
