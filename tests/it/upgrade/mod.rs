//! The running binary is replaced under load, and no caller notices: not one connection refused or
//! reset, not one request failed.

mod changed;
mod held;
mod load;
mod process;
mod signals;

use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use onetime_gateway::demo::world::{World, WorldOptions};
use rustix::process::{Pid, Signal, kill_process};

use self::held::Held;
use self::load::{Load, redirect};
use self::process::{Process, Start, wait};
use crate::observe::scrape;
use crate::support::{Client, Speak, tls};

/// Demo regions, certificates and a configuration, for the binary to stand before.
struct Stage {
    world: World,
    directory: tempfile::TempDir,
    https: SocketAddr,
    http: SocketAddr,
    admin: SocketAddr,
}

impl Stage {
    fn new() -> Self {
        let mut world = World::start(WorldOptions {
            threads: 2,
            https: free_port(),
            http: free_port(),
            admin: free_port(),
            ..WorldOptions::ephemeral()
        })
        .expect("a world");
        let (https, http, admin) = (world.https(), world.http(), world.admin());
        // Its regions and files are wanted, not its gateway.
        world.drain();
        let directory = tempfile::tempdir().expect("a directory");
        let stage = Self {
            world,
            directory,
            https,
            http,
            admin,
        };
        let handover = format!("handover = \"{}\"\n", stage.handover().display());
        stage.edit(|text| {
            text.replace("[server]\n", &format!("[server]\n{handover}"))
                .replace("drain = \"5s\"", "drain = \"30s\"")
        });
        stage
    }

    fn handover(&self) -> PathBuf {
        self.directory.path().join("handover.sock")
    }

    fn edit(&self, change: impl Fn(String) -> String) {
        let text = std::fs::read_to_string(&self.world.config).expect("the file");
        std::fs::write(&self.world.config, change(text)).expect("written");
    }

    /// A copy of the configuration that running processes do not watch.
    fn variant(&self, name: &str, change: impl Fn(String) -> String) -> PathBuf {
        let text = std::fs::read_to_string(&self.world.config).expect("the file");
        let path = self.world.config.with_file_name(name);
        std::fs::write(&path, change(text)).expect("written");
        path
    }

    fn begin<'a>(&'a self, config: &'a Path) -> Start<'a> {
        Start::new(config, self.directory.path())
    }

    /// How many hand-overs ended like that, as whoever serves now tells it.
    async fn handovers(&self, result: &str) -> String {
        let name = format!("onetime_gateway_handovers_total{{result=\"{result}\"}} ");
        let metrics = scrape(self.admin).await;
        let count = metrics.lines().find_map(|line| line.strip_prefix(&name));
        count.expect("the metric").to_owned()
    }

    fn load(&self) -> Load {
        Load::start(&self.world, self.https, self.http)
    }

    async fn client(&self, protocol: Speak) -> Client {
        let config = tls(&self.world, protocol);
        Client::try_open(self.https, config, protocol, "eu.onetimesecret.com")
            .await
            .expect("a connection")
    }

    /// A request in flight, over its own connection.
    async fn held(&self, protocol: Speak) -> Held {
        Held::begin(self.https, tls(&self.world, protocol), protocol).await
    }
}

/// A port that is nobody's, below those that the system gives to outgoing connections: one that must
/// be bound a second time would soon be one of theirs.
fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> =
        LazyLock::new(|| AtomicU16::new(fastrand::u16(20_000..30_000)));
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Runs what waits in a thread of its own, so that callers go on.
async fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    tokio::task::block_in_place(work)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_are_handed_over_under_load() {
    let stage = Stage::new();
    let first = stage.world.config.clone();
    let mut old = aside(|| stage.begin(&first).serve()).await;
    let load = stage.load();
    load.more(200).await;
    // Two workers, then three on the sockets of two, then one that serves them all, then two.
    for threads in [3, 1, 2] {
        let name = format!("{threads}.toml");
        let config = stage.variant(&name, |text| {
            text.replace("threads = 2", &format!("threads = {threads}"))
        });
        let held = [
            stage.held(Speak::Http1).await,
            stage.held(Speak::Http2).await,
        ];
        let new = aside(|| {
            let mut start = stage.begin(&config);
            start.arguments = &["--take-over"];
            start.serve()
        })
        .await;
        old.hear("another process has taken over");
        load.more(200).await;
        for one in held {
            assert!(old.is_running(), "it waits for what is in flight");
            assert_eq!(one.finish().await, 200);
        }
        let status = aside(|| old.ended()).await;
        assert!(status.success(), "{}", old.words());
        load.more(200).await;
        assert_eq!(stage.handovers("taken").await, "1");
        assert_eq!(stage.handovers("given").await, "0");
        old = new;
    }
    aside(|| load.end(&stage.world, "hand-over")).await;
    assert!(old.stop().success());
    assert!(redirect(stage.http).await.is_err(), "nothing listens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_replaces_the_binary_on_disk() {
    let stage = Stage::new();
    let program = stage.directory.path().join("gateway");
    let built = env!("CARGO_BIN_EXE_onetime-gateway");
    std::fs::copy(built, &program).expect("a copy");
    let notify = stage.directory.path().join("notify.sock");
    let supervisor = UnixDatagram::bind(&notify).expect("bound");
    supervisor
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("set");
    let told = || {
        let mut heard = [0; 256];
        let count = supervisor.recv(&mut heard).expect("a word");
        String::from_utf8_lossy(&heard[..count]).into_owned()
    };
    let config = stage.world.config.clone();
    let mut start = stage.begin(&config);
    start.program = &program;
    start.notify = Some(&notify);
    let mut old = aside(|| start.serve()).await;
    assert_eq!(told(), "READY=1");
    old.signal(Signal::HUP);
    assert!(told().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(told(), "READY=1");

    let load = stage.load();
    load.more(200).await;
    // As a package manager does it: the running process keeps the old content.
    let next = stage.directory.path().join("gateway.new");
    std::fs::copy(built, &next).expect("a copy");
    std::fs::rename(&next, &program).expect("replaced");
    old.signal(Signal::USR2);
    let line = aside(|| old.hear("successor started")).await;
    let (_, pid) = line.rsplit_once("pid=").expect("a number");
    let pid: i32 = pid.trim().parse().expect("a number");
    let successor = Successor(Pid::from_raw(pid).expect("a number"));
    aside(|| old.hear("another process has taken over")).await;
    let words = [aside(told).await, aside(told).await];
    // Whichever was quicker. A supervisor does not listen to the successor before it is the service.
    assert!(
        words.contains(&format!("MAINPID={pid}\nREADY=1")),
        "{words:?}"
    );
    assert!(words.contains(&"READY=1".to_owned()), "{words:?}");
    assert!(aside(|| old.ended()).await.success(), "{}", old.words());
    load.more(200).await;
    aside(|| load.end(&stage.world, "signal")).await;
    // The successor writes to the same log.
    kill_process(successor.0, Signal::TERM).expect("a signal");
    assert_eq!(aside(told).await, "STOPPING=1");
    let stopped = || (old.words().matches(" stopped").count() == 2).then_some(());
    wait(stopped).expect("both have stopped");
    std::mem::forget(successor);
}

/// A process that is nobody's child when a test fails.
struct Successor(Pid);

impl Drop for Successor {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_keeps_the_sockets_over_a_restart() {
    let stage = Stage::new();
    let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let [https, http, admin] = sockets
        .each_ref()
        .map(|one| one.local_addr().expect("bound"));
    let stage = Stage {
        https,
        http,
        ..stage
    };
    let (was, admin_was) = (stage.world.https(), stage.world.admin());
    let http_was = stage.world.http();
    stage.edit(|text| {
        text.replace(
            &format!("https = [\"{was}\"]"),
            &format!("https = [\"{https}\"]"),
        )
        .replace(
            &format!("http = [\"{http_was}\"]"),
            &format!("http = [\"{http}\"]"),
        )
        .replace(&admin_was.to_string(), &admin.to_string())
    });
    let config = stage.world.config.clone();
    let begin = || {
        let mut start = stage.begin(&config);
        start.sockets = Some(&sockets);
        start
    };
    let mut old = aside(|| begin().serve()).await;
    let load = stage.load();
    load.more(200).await;
    // As `systemctl restart` does it: the old one ends, then the new one starts.
    for _ in 0..2 {
        let held = stage.held(Speak::Http1).await;
        old.signal(Signal::TERM);
        aside(|| old.hear("draining")).await;
        assert_eq!(held.finish().await, 200);
        let finished = Instant::now();
        let status = aside(|| old.ended()).await;
        assert!(status.success(), "{}", old.words());
        let ended = Instant::now();
        old = aside(|| begin().serve()).await;
        eprintln!(
            "restart: the old one ends {} ms after its last request, the new one serves {} ms later",
            (ended - finished).as_millis(),
            ended.elapsed().as_millis(),
        );
        load.more(200).await;
    }
    // And both at once, on the same sockets.
    for _ in 0..2 {
        let held = stage.held(Speak::Http2).await;
        old.signal(Signal::TERM);
        let new = aside(|| begin().serve()).await;
        load.more(100).await;
        assert_eq!(held.finish().await, 200);
        assert!(aside(|| old.ended()).await.success(), "{}", old.words());
        load.more(200).await;
        old = new;
    }
    aside(|| load.end(&stage.world, "socket activation")).await;
    assert!(
        redirect(admin).await.is_ok(),
        "the admin listener was passed as well"
    );
    assert!(!old.words().contains("closed"), "{}", old.words());
    assert!(old.stop().success());
}

/// A connection that does nothing holds the drain up to its end; nobody else may have to wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_are_served_while_a_supervised_process_drains() {
    let stage = Stage::new();
    let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let [https, http, _] = sockets
        .each_ref()
        .map(|one| one.local_addr().expect("bound"));
    let was = stage.world.https();
    let http_was = stage.world.http();
    stage.edit(|text| {
        text.replace(
            &format!("https = [\"{was}\"]"),
            &format!("https = [\"{https}\"]"),
        )
        .replace(
            &format!("http = [\"{http_was}\"]"),
            &format!("http = [\"{http}\"]"),
        )
    });
    let stage = Stage {
        https,
        http,
        ..stage
    };
    let config = stage.world.config.clone();
    let mut start = stage.begin(&config);
    start.sockets = Some(&sockets);
    let mut process = aside(|| start.serve()).await;
    // The third socket is at no address of the configuration.
    assert!(
        process.words().contains("no such listener"),
        "{}",
        process.words()
    );
    let mut idle = stage.client(Speak::Http1).await;
    assert_eq!(idle.get("/api/v1/status", &[]).await.status, 200);
    process.signal(Signal::TERM);
    aside(|| process.hear("draining")).await;
    for protocol in crate::support::BOTH {
        for _ in 0..5 {
            let mut client = stage.client(protocol).await;
            let answer = client.get("/api/v1/status", &[]).await;
            assert_eq!(answer.status, 200, "{protocol:?}");
        }
    }
    assert!(process.is_running(), "one has not gone yet");
    let last = idle.get("/api/v1/status", &[]).await;
    assert_eq!(last.header("connection"), "close");
    let begun = Instant::now();
    assert!(aside(|| process.ended()).await.success());
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "nobody was left: {:?}",
        begun.elapsed()
    );
}

/// Whatever ends a new process before it serves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_process_that_fails_changes_nothing() {
    let stage = Stage::new();
    let config = stage.world.config.clone();
    let mut old = aside(|| stage.begin(&config).serve()).await;
    let load = stage.load();
    load.more(100).await;
    let occupied = TcpListener::bind("127.0.0.1:0").expect("a port");
    let busy = occupied.local_addr().expect("an address");
    let wrong = stage.variant("wrong.toml", |text| {
        text.replace("[hosts]", "[hosst]\n[hosts]")
    });
    let taken = stage.variant("taken.toml", |text| {
        text.replace("[server]\n", &format!("[server]\nmetrics = \"{busy}\"\n"))
    });
    let nowhere = stage.variant("nowhere.toml", |text| text.replace("handover =", "#"));
    let failing = |config: &Path| {
        let mut start = stage.begin(config);
        start.arguments = &["--take-over"];
        let mut new = start.start();
        (new.ended().code(), new.words())
    };
    let (code, words) = aside(|| failing(&wrong)).await;
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("hosst"), "{words}");
    // This one has the sockets already when it fails.
    let (code, words) = aside(|| failing(&taken)).await;
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains(&busy.to_string()), "{words}");
    let (code, words) = aside(|| failing(&nowhere)).await;
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("server.handover"), "{words}");
    load.more(100).await;
    assert!(old.words().contains("this one goes on"), "{}", old.words());
    assert_eq!(stage.handovers("failed").await, "1");
    // A successor by signal that fails is no better.
    stage.edit(|text| text.replace("[hosts]", "[hosst]\n[hosts]"));
    old.signal(Signal::USR2);
    let line = aside(|| old.hear("the successor has ended")).await;
    assert!(line.contains("exit status: 2"), "{line}");
    load.more(100).await;
    aside(|| load.end(&stage.world, "failures")).await;
    assert!(old.is_running());
    assert!(!old.words().contains("taken over"), "{}", old.words());
    assert!(old.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_was_left_behind_is_replaced() {
    let stage = Stage::new();
    let config = stage.world.config.clone();
    let mut start = stage.begin(&config);
    start.arguments = &["--take-over"];
    let mut first: Process = aside(|| start.serve()).await;
    assert!(
        first.words().contains("nobody to take over from"),
        "{}",
        first.words()
    );
    let mode = std::fs::metadata(stage.handover())
        .expect("it is there")
        .permissions();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777,
        0o600
    );
    first.signal(Signal::KILL);
    assert!(!aside(|| first.ended()).await.success());
    assert!(stage.handover().exists());
    let mut second = aside(|| start.serve()).await;
    assert!(
        second.words().contains("nobody to take over from"),
        "{}",
        second.words()
    );
    // And the path is good again.
    let mut third = aside(|| start.serve()).await;
    assert!(
        aside(|| second.ended()).await.success(),
        "{}",
        second.words()
    );
    assert!(
        second.words().contains(&format!("pid={}", third.pid())),
        "{}",
        second.words()
    );
    assert!(third.stop().success());
}
