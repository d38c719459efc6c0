//! The gateway's own answers to a body that it does not want reach every real client: the answer
//! comes while the client is still writing, and must not be lost by what follows it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::gateway::Gateway;
use crate::harness::origin::Origin;
use crate::program::{Running, installed, rounds};

/// Octets of a body.
const SIZES: [usize; 7] = [25, 1_000, 20_000, 60_000, 100_000, 300_000, 1_100_000];

/// A client, and how its program is told to work.
#[derive(Clone, Copy, Debug)]
struct Client {
    program: &'static str,
    script: &'static str,
    way: &'static str,
    /// Whether it speaks HTTP/2, and so TLS only.
    http2: bool,
}

const fn client(program: &'static str, script: &'static str, way: &'static str) -> Client {
    Client {
        program,
        script,
        way,
        http2: false,
    }
}

const fn http2(program: &'static str, script: &'static str, way: &'static str) -> Client {
    Client {
        http2: true,
        ..client(program, script, way)
    }
}

const CURL: &[Client] = &[
    client("curl", "curl.sh", "http1"),
    client("curl", "curl.sh", "http1-reuse"),
    http2("curl", "curl.sh", "http2"),
    http2("curl", "curl.sh", "http2-reuse"),
    client("curl", "curl.sh", "http1-chunked"),
    http2("curl", "curl.sh", "http2-chunked"),
];
const PYTHON: &[Client] = &[
    client("python3", "client.py", "http.client"),
    client("python3", "client.py", "http.client-chunked"),
    client("python3", "client.py", "urllib"),
];
const NODE: &[Client] = &[
    client("node", "client.mjs", "https"),
    client("node", "client.mjs", "https-close"),
    client("node", "client.mjs", "fetch"),
    http2("node", "client.mjs", "http2"),
    http2("node", "client.mjs", "http2-chunked"),
];
const JAVA: &[Client] = &[
    client("java", "Client.java", "http1"),
    client("java", "Client.java", "url-connection"),
    http2("java", "Client.java", "http2"),
];

/// A region that is down: its port is bound, but nobody listens there.
struct Down {
    _socket: socket2::Socket,
    address: SocketAddr,
}

impl Down {
    fn new() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
            .expect("a socket");
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        socket.bind(&any.into()).expect("a port");
        let address = socket.local_addr().expect("an address");
        Self {
            _socket: socket,
            address: address.as_socket().expect("an IP address"),
        }
    }
}

/// Routes on which bodies are too large, or nothing is there, or a body of any size is taken.
const ROUTES: &str = r#"
[[routes]]
prefix = "/small"
action = "proxy"
max_body = "16B"
[[routes]]
prefix = "/medium"
action = "proxy"
max_body = "200kB"
[[routes]]
prefix = "/gone"
action = "respond"
status = 404
body = "There is nothing here.\n"
[[routes]]
prefix = "/"
action = "proxy"
max_body = "2MB"
"#;

/// Every refusal that a client may get, as lines for the clients' programs.
fn cases(gateway: &Gateway, client: Client) -> String {
    let (tls, plain) = (gateway.https().port(), gateway.http().port());
    let mut refusals = vec![
        (400, "live", format!("https://localhost:{tls}/a%00")),
        (400, "nowhere", format!("https://localhost:{tls}/api")),
        (404, "live", format!("https://localhost:{tls}/gone")),
        (413, "live", format!("https://localhost:{tls}/medium")),
        (413, "live", format!("https://localhost:{tls}/small")),
        (421, "live", format!("https://127.0.0.1:{tls}/")),
        (503, "down", format!("https://localhost:{tls}/api")),
    ];
    if !client.http2 {
        refusals.push((308, "live", format!("http://localhost:{plain}/api")));
    }
    let mut lines = String::new();
    for (status, region, url) in refusals {
        for size in SIZES {
            if !url.ends_with("/medium") || size > 200_000 {
                let _ = writeln!(lines, "{status} {size} {region} {url}");
            }
        }
    }
    lines
}

fn command(client: Client, program: &Path) -> Command {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients/programs")
        .join(client.script);
    let mut command = if client.program == "curl" {
        Command::new("sh")
    } else {
        Command::new(program)
    };
    command
        .arg(script)
        .arg(client.way)
        .env_remove("CURL_CA_BUNDLE");
    command
}

/// How many answers a client has received of how many, and the cases in which one is missing.
fn ask(client: Client, program: &Path, each: usize) -> (usize, usize, Vec<String>) {
    let down = Down::new();
    let live = Origin::start(None);
    let gateway = Gateway::start(&[("live", live.address), ("down", down.address)], ROUTES);
    let lines = cases(&gateway, client);
    std::fs::write(gateway.file("cases"), &lines).expect("a file");
    let ca = gateway.file("chain.pem");
    let mut command = command(client, program);
    command
        .arg(&ca)
        .arg(each.to_string())
        .arg(gateway.file("cases"))
        .env("NODE_EXTRA_CA_CERTS", &ca)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = Running::start(command).said(Duration::from_secs(1_200));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{client:?}: {errors}");
    let said = String::from_utf8(output.stdout).expect("text");
    assert_eq!(said.lines().count(), lines.lines().count(), "{said}");
    let (mut received, mut lost) = (0, Vec::new());
    for line in said.lines() {
        let count: usize = line
            .split(' ')
            .next()
            .and_then(|count| count.parse().ok())
            .expect("a count");
        received += count;
        if count != each {
            let (program, way) = (client.program, client.way);
            lost.push(format!("{program} {way}: of {each} received {line}"));
        }
    }
    gateway.stop();
    (received, lines.lines().count() * each, lost)
}

fn all_received(clients: &[Client], each: usize) {
    let mut lost = Vec::new();
    for client in clients {
        let Some(program) = installed(client.program) else {
            continue;
        };
        let (received, asked, missing) = ask(*client, &program, each);
        println!("{} {}: {received} of {asked}", client.program, client.way);
        lost.extend(missing);
    }
    assert!(lost.is_empty(), "answers were lost\n{}", lost.join("\n"));
}

#[test]
fn curl_receives_every_answer_of_the_gateway() {
    all_received(CURL, rounds(2));
}

#[test]
fn python_receives_every_answer_of_the_gateway() {
    all_received(PYTHON, rounds(2));
}

#[test]
fn node_receives_every_answer_of_the_gateway() {
    all_received(NODE, rounds(2));
}

#[test]
fn java_receives_every_answer_of_the_gateway() {
    all_received(JAVA, rounds(2));
}

#[test]
#[ignore = "takes minutes: each client gets each answer to each size of a body 100 times"]
fn real_clients_receive_every_answer_100_of_100_times() {
    all_received(&[CURL, PYTHON, NODE, JAVA].concat(), rounds(100));
}
