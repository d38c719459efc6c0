//! A successor with another configuration, its admin side on a Unix socket.

use std::path::Path;
use std::process::{Command, Output};

use super::load::redirect;
use super::{Stage, aside};
use crate::support::Speak;

/// The command of that name.
fn reload(admin: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_onetime-gateway"))
        .args(["reload", "--admin", &format!("unix:{}", admin.display())])
        .output()
        .expect("it runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_come_and_go_with_the_configuration() {
    let stage = Stage::new();
    let admin = stage.directory.path().join("admin.sock");
    let was = stage.world.admin();
    stage.edit(|text| {
        text.replace(
            &format!("\"{was}\""),
            &format!("\"unix:{}\"", admin.display()),
        )
    });
    let config = stage.world.config.clone();
    let mut old = aside(|| stage.begin(&config).serve()).await;
    let moved = stage.directory.path().join("other.sock");
    let changed = stage.variant("changed.toml", |text| {
        let http = format!("http = [\"{}\"]", stage.http);
        let handover = stage.handover().display().to_string();
        text.replace(&http, "http = []")
            .replace("[server]\n", &format!("[server]\nmetrics = \"{was}\"\n"))
            .replace(&handover, &moved.display().to_string())
    });
    let asked = format!("--take-over={}", stage.handover().display());
    let mut new = aside(|| {
        let mut start = stage.begin(&changed);
        let arguments = [asked.as_str()];
        start.arguments = &arguments;
        start.serve()
    })
    .await;
    assert!(
        new.words().contains(&format!("{} was passed", stage.http)),
        "{}",
        new.words()
    );
    assert!(aside(|| old.ended()).await.success(), "{}", old.words());
    assert!(
        redirect(stage.http).await.is_err(),
        "nothing listens there any more"
    );
    let answer = redirect(was).await.expect("a new listener");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let mut client = stage.client(Speak::Http2).await;
    assert_eq!(client.get("/api/v1/status", &[]).await.status, 200);
    // The admin socket is the very same, and the new process is behind it.
    let applied = aside(|| reload(&admin)).await;
    assert!(applied.status.success(), "{applied:?}");
    let said = String::from_utf8_lossy(&applied.stdout);
    assert!(
        said.contains("changed.toml: applied (generation 2, hash "),
        "{said}"
    );
    new.hear(&format!("admin=unix:{}", admin.display()));
    new.hear("configuration reloaded");
    drop(client);
    let good = std::fs::read_to_string(&changed).expect("the file");
    std::fs::write(&changed, good + "\n[nonsense]\n").expect("written");
    let refused = aside(|| reload(&admin)).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains(" | [nonsense]\n") && said.contains("the old configuration stays"),
        "{said}"
    );
    assert!(admin.exists() && moved.exists());
    assert!(new.stop().success());
    assert!(
        !admin.exists() && !moved.exists(),
        "its sockets went with it"
    );
}
