//! Reloads while requests run: none fails, no connection is closed, broken files change nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use onetime_gateway::demo::world::World;
use onetime_gateway::reload::Verdict;

use crate::support::{BOTH, Client, Speak, world};

fn reload(world: &World) -> Verdict {
    world.gateway().expect("a gateway").reload()
}

fn write(world: &World, text: &str) {
    // As an editor does it: the file is never half-written.
    let next = world.config.with_extension("next");
    std::fs::write(&next, text).expect("written");
    std::fs::rename(&next, &world.config).expect("renamed");
}

#[tokio::test]
async fn a_new_file_takes_effect_and_a_broken_one_does_not() {
    let world = world();
    let original = std::fs::read_to_string(&world.config).expect("the file");
    let mut client = Client::open(&world, Speak::Http1, "onetimesecret.com").await;
    let from = [("x-forwarded-for", "203.0.113.7")];
    assert_eq!(
        client.get("/api/v1/status", &from).await.landed(),
        ("ca", "network")
    );

    write(
        &world,
        &original.replace("\"203.0.113.0/24\" = \"ca\"", "\"203.0.113.0/24\" = \"nz\""),
    );
    assert!(matches!(reload(&world), Verdict::Applied { .. }));
    assert_eq!(
        client.get("/api/v1/status", &from).await.landed(),
        ("nz", "network")
    );

    write(
        &world,
        &original.replace("[geo.networks]", "[geo.netwroks]"),
    );
    let Verdict::Refused(problems) = reload(&world) else {
        panic!("a broken file was applied")
    };
    let told = problems.to_string();
    assert!(
        told.contains("netwroks") && told.contains("networks"),
        "{told}"
    );
    assert_eq!(
        client.get("/api/v1/status", &from).await.landed(),
        ("nz", "network")
    );

    let missing = original.replace("chain.pem", "not-there.pem");
    write(&world, &missing);
    let Verdict::Refused(problems) = reload(&world) else {
        panic!("a missing file was applied")
    };
    assert!(problems.to_string().contains("not-there.pem"));

    std::fs::write(world.config.with_file_name("broken.mmdb"), "no database").expect("written");
    write(&world, &original.replace("country.mmdb", "broken.mmdb"));
    let Verdict::Refused(problems) = reload(&world) else {
        panic!("a broken mmdb was applied")
    };
    assert!(problems.to_string().contains("mmdb"), "{problems}");

    write(&world, &original.replace("threads = 1", "threads = 2"));
    let Verdict::Applied { warnings, .. } = reload(&world) else {
        panic!("refused")
    };
    assert!(
        warnings.iter().any(|warning| warning.contains("restart")),
        "{warnings:?}"
    );
}

/// Whoever opens a pipe waits for its writer, and the control thread has more to do.
#[tokio::test]
async fn a_pipe_in_any_file_s_place_is_refused_and_waited_for_by_nobody() {
    let world = world();
    let original = std::fs::read_to_string(&world.config).expect("the file");
    let pipe = world.config.with_file_name("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    for name in ["chain.pem", "key.pem", "country.mmdb"] {
        assert!(original.contains(name), "{name}");
        // Whatever directory it is in, the pipe is in the configuration's.
        let line = |line: &str| match (line.split_once(" = "), line.contains(name)) {
            (Some((key, _)), true) => format!("{key} = \"pipe\"\n"),
            _ => format!("{line}\n"),
        };
        write(&world, &original.lines().map(line).collect::<String>());
        let Verdict::Refused(problems) = reload(&world) else {
            panic!("a pipe was applied")
        };
        let told = problems.to_string();
        assert!(told.contains("no regular file"), "{name}: {told}");
    }
    std::fs::rename(&pipe, &world.config).expect("renamed");
    let Verdict::Refused(problems) = reload(&world) else {
        panic!("a pipe was applied")
    };
    assert!(problems.to_string().contains("no regular file"));
}

#[tokio::test]
async fn a_file_without_an_end_is_refused_before_it_fills_the_memory() {
    let world = world();
    let original = std::fs::read_to_string(&world.config).expect("the file");
    let long = format!("{original}\n{}", "# padding\n".repeat(2 * 1024 * 1024));
    write(&world, &long);
    let Verdict::Refused(problems) = reload(&world) else {
        panic!("a file beyond reason was applied")
    };
    assert!(problems.to_string().contains("longer than"), "{problems}");
}

/// Waits for a condition that a watcher brings about, not for a time.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{what} never came about"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn changed_files_are_noticed() {
    let world = world();
    let mut client = Client::open(&world, Speak::Http1, "onetimesecret.com").await;
    let original = std::fs::read_to_string(&world.config).expect("the file");
    write(
        &world,
        &original.replace("\"203.0.113.0/24\" = \"ca\"", "\"203.0.113.0/24\" = \"nz\""),
    );
    let from = [("x-forwarded-for", "203.0.113.7")];
    until("a changed configuration", async || {
        client.get("/api/v1/status", &from).await.landed().0 == "nz"
    })
    .await;

    // Only the certificate's files change.
    let directory = world.config.parent().expect("a directory");
    let made =
        rcgen::generate_simple_self_signed(vec!["onetimesecret.com".to_owned()]).expect("made");
    std::fs::write(directory.join("chain.pem"), made.cert.pem()).expect("written");
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    let config = crate::support::tls(&world, Speak::Http1);
    until("a changed certificate", async || {
        crate::support::connect(world.https(), config.clone(), "onetimesecret.com")
            .await
            .is_err()
    })
    .await;
    // The connection from before does not notice.
    assert_eq!(client.get("/api/v1/status", &[]).await.status, 200);

    // Only the country database changes: to one that cannot be read, so the old one stays.
    std::fs::write(directory.join("country.mmdb"), "no database").expect("written");
    let admin = world.admin();
    until("a refused database", async || {
        crate::observe::scrape(admin)
            .await
            .contains("onetime_gateway_last_reload_successful 0")
    })
    .await;
    let british = [("x-forwarded-for", "1.186.0.1")];
    assert_eq!(
        client.get("/api/v1/status", &british).await.landed(),
        ("uk", "geo")
    );
}

/// The first part is a configuration by itself, without a line that the whole has.
#[tokio::test]
async fn a_file_that_is_written_over_a_second_is_never_taken_half() {
    let world = world();
    let mut client = Client::open(&world, Speak::Http1, "onetimesecret.com").await;
    let whole = std::fs::read_to_string(&world.config).expect("the file");
    let half = whole.replace("\"203.0.113.0/24\" = \"ca\"\n", "");
    assert_ne!(half, whole);
    let from = [("x-forwarded-for", "203.0.113.7")];
    let mut serves = async |step: &str| {
        let answer = client.get("/api/v1/status", &from).await;
        assert_eq!(answer.landed(), ("ca", "network"), "{step}");
    };
    for steps in [1_u32, 10] {
        for step in 0..steps {
            let text = format!("{half}# {step}\n");
            std::fs::write(&world.config, text).expect("written");
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(1) / steps {
                serves("while it is written").await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        std::fs::write(&world.config, format!("{whole}# {steps}\n")).expect("written");
        let admin = world.admin();
        let line = format!("\nonetime_gateway_config_generation {}\n", steps.min(2) + 1);
        until("the whole file", async || {
            serves("afterwards").await;
            crate::observe::scrape(admin).await.contains(&line)
        })
        .await;
    }
}

/// The watcher sees the same change.
#[tokio::test]
async fn a_reload_by_the_admin_verb_runs_and_counts_once() {
    let world = world();
    let original = std::fs::read_to_string(&world.config).expect("the file");
    let admin = world.admin();
    let request = "POST /reload HTTP/1.1\r\nHost: localhost\r\nX-Gateway-Admin: 1\r\n\
                   Content-Length: 0\r\nConnection: close\r\n\r\n";
    for round in 0..3 {
        std::fs::write(&world.config, format!("{original}# {round}\n")).expect("written");
        // The watcher has seen it by then, and waits for it to be complete.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let answer = crate::observe::raw(admin, request).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let counts = async || {
        let metrics = crate::observe::scrape(admin).await;
        let count = |trigger: &str| {
            let name = format!("trigger=\"{trigger}\"");
            let mut lines = metrics.lines();
            let line = lines.find(|line| line.contains("reloads_total{") && line.contains(&name));
            line.and_then(|line| line.rsplit(' ').next().map(str::to_owned))
        };
        (count("admin"), count("file"))
    };
    // What the watcher makes of another change comes after all that it had seen before.
    std::fs::write(&world.config, format!("{original}# last\n")).expect("written");
    until("the watcher's reload", async || counts().await.1.is_some()).await;
    let once = ("3".to_owned(), "1".to_owned());
    let (by_verb, by_watcher) = counts().await;
    assert_eq!((by_verb.expect("some"), by_watcher.expect("some")), once);
}

#[tokio::test]
async fn a_refusal_is_lifted_by_making_the_access_logs_directory() {
    let world = world();
    let original = std::fs::read_to_string(&world.config).expect("the file");
    let directory = world.config.with_file_name("logs");
    let log = format!("access = \"{}\"\n", directory.join("access.log").display());
    let text = match original.split_once("[log]\n") {
        Some((before, after)) => {
            let rest = after.lines().filter(|line| !line.starts_with("access ="));
            let rest: Vec<&str> = rest.collect();
            format!("{before}[log]\n{log}{}\n", rest.join("\n"))
        }
        None => format!("{original}\n[log]\n{log}"),
    };
    write(&world, &text);
    let Verdict::Refused(problems) = reload(&world) else {
        panic!("a log in no directory was applied")
    };
    assert!(problems.to_string().contains("access log"), "{problems}");
    std::fs::create_dir(&directory).expect("made");
    let admin = world.admin();
    until("the configuration", async || {
        let metrics = crate::observe::scrape(admin).await;
        metrics.contains("onetime_gateway_last_reload_successful 1\n")
    })
    .await;
}

/// Replaces a file next to the configuration.
fn put(world: &World, name: &str, content: &[u8]) {
    let next = world.config.with_file_name("next");
    std::fs::write(&next, content).expect("written");
    std::fs::rename(next, world.config.with_file_name(name)).expect("renamed");
}

/// Waits until the last reload was successful, or was not.
async fn loaded(world: &World, wanted: bool) {
    let line = format!(
        "onetime_gateway_last_reload_successful {}\n",
        u8::from(wanted)
    );
    until("a reload's verdict", async || {
        crate::observe::scrape(world.admin()).await.contains(&line)
    })
    .await;
}

/// Spoils and repairs a file, then moves it away and back.
async fn spoil_and_repair(name: &str) {
    let world = world();
    let at = |name: &str| world.config.with_file_name(name);
    let good = std::fs::read(at(name)).expect("a file");
    put(&world, name, b"\n");
    loaded(&world, false).await;
    put(&world, name, &good);
    loaded(&world, true).await;
    std::fs::rename(at(name), at("away")).expect("moved away");
    loaded(&world, false).await;
    std::fs::rename(at("away"), at(name)).expect("moved back");
    loaded(&world, true).await;
}

/// A renewal, its two files some time apart.
async fn renew_in_two_steps() {
    let world = world();
    let made =
        rcgen::generate_simple_self_signed(vec!["onetimesecret.com".to_owned()]).expect("made");
    put(&world, "chain.pem", made.cert.pem().as_bytes());
    loaded(&world, false).await;
    put(
        &world,
        "key.pem",
        made.signing_key.serialize_pem().as_bytes(),
    );
    loaded(&world, true).await;
    let config = crate::support::tls(&world, Speak::Http1);
    let old = crate::support::connect(world.https(), config, "onetimesecret.com").await;
    assert!(old.is_err(), "the new certificate is shown");
}

/// Whatever a refusal was about, repairing that file alone is noticed: the configuration's own text does
/// not change once in all this. Each file has a gateway of its own, so that they wait at the same time.
#[tokio::test]
async fn a_refusal_is_lifted_by_the_file_that_it_was_about() {
    tokio::join!(
        spoil_and_repair("eu.secret"),
        spoil_and_repair("country.mmdb"),
        spoil_and_repair("key.pem"),
        spoil_and_repair("chain.pem"),
        renew_in_two_steps(),
    );
}

#[tokio::test]
async fn a_restart_is_needed_as_long_as_the_file_is_not_what_the_process_started_with() {
    let world = world();
    let original = std::fs::read_to_string(&world.config).expect("the file");
    let told = |text: &str| {
        write(&world, text);
        let Verdict::Applied { warnings, .. } = reload(&world) else {
            panic!("refused")
        };
        warnings
            .iter()
            .any(|warning| warning.contains("server.threads") && warning.contains("restart"))
    };
    let other = original.replace("threads = 1", "threads = 2");
    assert!(told(&other));
    assert!(told(&format!("{other}\n# A second reload\n")));
    assert!(!told(&original), "back to what runs");
}

/// The same addresses are another region's afterwards.
#[tokio::test]
async fn a_request_that_waits_across_a_reload_does_not_reach_another_region() {
    let world = crate::support::world_with(
        "[limits]\nrequests_per_region = 1\nqueue_per_region = 5\nqueue_wait = \"10s\"\n\
         [timeouts]\nresponse_head = \"6s\"\n",
    );
    let original = std::fs::read_to_string(&world.config).expect("the file");
    let first = Client::open(&world, Speak::Http2, "eu.onetimesecret.com").await;
    let ask = |headers: &'static [(&'static str, &'static str)]| {
        let mut client = first.twin().expect("HTTP/2");
        tokio::spawn(async move {
            let path = "/api/v2/secret/conceal";
            client
                .ask(http::Method::POST, path, headers, "secret=x")
                .await
        })
    };
    let metric = async |line: &str| {
        until(line, async || {
            crate::observe::scrape(world.admin()).await.contains(line)
        })
        .await;
    };
    let hanging = ask(&[("x-demo-fault", "hang")]);
    metric("region_requests{region=\"eu\"} 1\n").await;
    let waiting = [ask(&[]), ask(&[])];
    metric("region_queue_length{region=\"eu\"} 2\n").await;

    let endpoints = |name: &str| {
        let regions = world.regions.regions();
        let region = regions.iter().find(|one| one.name == name);
        let endpoints = region.expect("a region").endpoints.clone();
        endpoints
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let mut text = original;
    let (eu, us) = (endpoints("eu"), endpoints("us"));
    for (ours, theirs) in eu.iter().zip(&us) {
        text = text
            .replace(ours, "swapped")
            .replace(theirs, ours)
            .replace("swapped", theirs);
    }
    write(&world, &text);
    assert!(matches!(reload(&world), Verdict::Applied { .. }));
    assert_eq!(hanging.await.expect("no panic").status, 504);
    for one in waiting {
        let answer = one.await.expect("no panic");
        assert_eq!(answer.status, 503, "{:?}", answer.body);
        assert_eq!(answer.header("o-delivery"), "not-sent");
    }
    assert_eq!(crate::support::received(&world, "eu"), 1);
    // A new request is served by the endpoints that eu has now.
    let answer = ask(&[]).await.expect("no panic");
    assert_eq!(answer.header("o-delivery"), "executed", "{:?}", answer.body);
    assert_eq!(crate::support::received(&world, "eu"), 1);
}

/// The short form; `cargo test --release --test it -- --ignored` runs a thousand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_reloads_under_load_lose_nothing() {
    reloads_under_load(40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the long form: minutes, see the README"]
async fn a_thousand_reloads_under_load_lose_nothing() {
    reloads_under_load(1000).await;
}

async fn reloads_under_load(count: usize) {
    let world = world();
    let original = std::fs::read_to_string(&world.config).expect("the file");
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicU64::new(0));
    let mut load = Vec::new();
    for protocol in BOTH {
        for _ in 0..4 {
            // One connection each, kept for the whole test: a close would fail the next request.
            let mut client = Client::open(&world, protocol, "onetimesecret.com").await;
            let (stop, asked) = (stop.clone(), asked.clone());
            load.push(tokio::spawn(async move {
                let mut i = 0_u32;
                while !stop.load(Ordering::Relaxed) {
                    i += 1;
                    let answer = if i.is_multiple_of(2) {
                        client
                            .get("/api/v1/status", &[("x-forwarded-for", "1.186.0.1")])
                            .await
                    } else {
                        client
                            .ask(http::Method::POST, "/api/v1/share?secret=x", &[], "")
                            .await
                    };
                    assert_eq!(answer.status, 200, "{protocol:?}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
    }
    let idle = Client::open(&world, Speak::Http1, "onetimesecret.com").await;
    let mut settled = None;
    for i in 0..count {
        let broken = i % 2 == 1;
        let text = if broken {
            format!("{original}\n[nonsense]\n")
        } else {
            original.replace("drain = \"5s\"", &format!("drain = \"{}s\"", 5 + i % 7))
        };
        write(&world, &text);
        let applied = matches!(reload(&world), Verdict::Applied { .. });
        assert_eq!(applied, !broken, "reload {i}");
        // What a process needs to begin with is there after a few rounds.
        if i == count / 4 {
            settled = Some((resident(), descriptors()));
        }
    }
    let (memory, files) = settled.expect("a quarter");
    stop.store(true, Ordering::Relaxed);
    for task in load {
        task.await.expect("no request failed");
    }
    let mut idle = idle;
    assert_eq!(
        idle.get("/api/v1/status", &[]).await.status,
        200,
        "an idle connection lives on"
    );
    assert!(asked.load(Ordering::Relaxed) > 8, "there was load");
    let grown = resident().saturating_sub(memory);
    eprintln!(
        "{count} reloads, {} requests, memory grew by {} KiB, descriptors from {files} to {}",
        asked.load(Ordering::Relaxed),
        grown / 1024,
        descriptors()
    );
    assert!(grown < 64 * 1024 * 1024, "memory grew by {grown} bytes");
    assert!(
        descriptors() <= files + 32,
        "descriptors grew from {files} to {}",
        descriptors()
    );
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = statm
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .expect("pages");
    pages * 4096
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux").count()
}
