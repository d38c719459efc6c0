//! The command line: exit codes, and words that help.

use std::path::PathBuf;
use std::process::{Command, Output};

fn gateway(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_onetime-gateway"))
        .args(arguments)
        .output()
        .expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A configuration that loads: a certificate of its own, the bundled database.
fn good(directory: &tempfile::TempDir) -> PathBuf {
    let names = ["onetimesecret.com", "eu.onetimesecret.com"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).expect("made");
    std::fs::write(directory.path().join("chain.pem"), made.cert.pem()).expect("written");
    keep_secret(
        &directory.path().join("key.pem"),
        &made.signing_key.serialize_pem(),
    );
    let database = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/country.mmdb");
    let path = directory.path().join("gateway.toml");
    let config = format!(
        "[server]\nhttps = [\"127.0.0.1:0\"]\nhttp = []\nadmin = \"127.0.0.1:0\"\n\
         [[tls.certificates]]\nchain = \"chain.pem\"\nkey = \"key.pem\"\n\
         [hosts]\n\"onetimesecret.com\" = \"auto\"\n\"eu.onetimesecret.com\" = \"eu\"\n\
         [regions.eu]\nhost = \"eu.onetimesecret.com\"\nendpoints = [\"http://127.0.0.1:1\"]\n\
         identifier_secrets = [{{ file = \"eu.secret\" }}]\n\
         [geo]\ndatabase = \"{database}\"\nmax_age = \"3650d\"\nno_country = \"eu\"\ndefault = \"eu\"\n"
    );
    std::fs::write(&path, config).expect("written");
    let secret = "4f1d0c7a9be3285166d4a0f7c2b98e31557a0d9c4be6f812a3907dc5e1f4b628\n";
    keep_secret(&directory.path().join("eu.secret"), secret);
    path
}

fn keep_secret(path: &std::path::Path, content: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, content).expect("written");
    let owner = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, owner).expect("permitted");
}

/// What is not wrong, but will be: `check` says it, and with `--strict` fails for it.
#[test]
fn check_warns_of_what_callers_would_notice_first() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a directory");
    let (path, original) = quick(&directory);
    let config = path.to_str().expect("a path");
    let check = || {
        let checked = gateway(&["check", "--strict", "--config", config]);
        (checked.status.code(), text(&checked.stderr))
    };
    assert_eq!(check(), (Some(0), String::new()));
    let mode = |name: &str, bits: u32| {
        let permissions = std::fs::Permissions::from_mode(bits);
        std::fs::set_permissions(directory.path().join(name), permissions).expect("permitted");
    };
    let warns_once = |words: &[&str]| {
        let (code, told) = check();
        assert_eq!(code, Some(1), "{told}");
        assert_eq!(told.matches("warning: ").count(), 1, "{told}");
        for word in words {
            assert!(told.contains(word), "{word}: {told}");
        }
    };
    for (name, bits) in [("key.pem", 0o604), ("key.pem", 0o602), ("eu.secret", 0o644)] {
        mode(name, bits);
        warns_once(&[
            "gateway.toml:",
            name,
            "everybody",
            &format!("mode 0{bits:o}"),
        ]);
        mode(name, 0o640);
    }
    assert_eq!(check().0, Some(0));

    let more =
        "\"onetimesecret.com\" = \"auto\"\n\"a.example\" = \"eu\"\n\"*.b.example\" = \"eu\"\n";
    let with = original.replacen("\"onetimesecret.com\" = \"auto\"\n", more, 1);
    std::fs::write(&path, with).expect("written");
    warns_once(&["hosts.\"a.example\"", "no certificate is for a.example"]);

    // An address that is not this machine's (RFC 5737), with a certificate that is not the first.
    let made = rcgen::generate_simple_self_signed(["192.0.2.1".to_owned()]).expect("made");
    std::fs::write(directory.path().join("ip.pem"), made.cert.pem()).expect("written");
    keep_secret(
        &directory.path().join("ip-key.pem"),
        &made.signing_key.serialize_pem(),
    );
    let more = "[[tls.certificates]]\nchain = \"ip.pem\"\nkey = \"ip-key.pem\"\n[hosts]\n\"192.0.2.1\" = \"eu\"\n";
    std::fs::write(&path, original.replacen("[hosts]\n", more, 1)).expect("written");
    warns_once(&[
        "hosts.\"192.0.2.1\"",
        "192.0.2.1 is not an address of this machine",
    ]);

    let with = "[server]\nhandover = \"/nowhere/at/all/handover.sock\"\n";
    std::fs::write(&path, original.replacen("[server]\n", with, 1)).expect("written");
    warns_once(&["server.handover: there is no directory /nowhere/at/all"]);

    std::fs::write(&path, original.replacen("127.0.0.1:0", "127.0.0.1:8443", 1)).expect("written");
    warns_once(&["redirects lead to port 443", "https_public_port"]);

    std::fs::write(&path, &original).expect("written");
    let mut soon = rcgen::CertificateParams::new(vec!["*.com".to_owned()]).expect("names");
    soon.subject_alt_names = ["onetimesecret.com", "*.onetimesecret.com"]
        .map(|name| rcgen::SanType::DnsName(name.try_into().expect("a name")))
        .to_vec();
    soon.not_after =
        (std::time::SystemTime::now() + std::time::Duration::from_secs(864_100)).into();
    let key = rcgen::KeyPair::generate().expect("a key");
    let made = soon.self_signed(&key).expect("made");
    std::fs::write(directory.path().join("chain.pem"), made.pem()).expect("written");
    keep_secret(&directory.path().join("key.pem"), &key.serialize_pem());
    warns_once(&["chain = \"chain.pem\"", "expires in 10 days"]);
}

/// A configuration that loads at once: reading the database takes a debug build seconds.
fn quick(directory: &tempfile::TempDir) -> (PathBuf, String) {
    let path = good(directory);
    let text = std::fs::read_to_string(&path).expect("the file");
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("database"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&path, &text).expect("written");
    (path, text)
}

/// A key goes to its region whether or not the file or the variable of the region's secret ends in
/// white space.
#[test]
fn what_stands_around_a_secret_does_not_change_where_its_keys_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, by_file) = quick(&directory);
    let config = path.to_str().expect("a path");
    let secret = "4f1d0c7a9be3285166d4a0f7c2b98e31557a0d9c4be6f812a3907dc5e1f4b628";
    let key = "gbexbxw247g0cinp1ia1ogu5nc31g72s4j3reusv6ufo4ju7hqrcx8fsll4omg";
    let check = |variable: &str| {
        let checked = Command::new(env!("CARGO_BIN_EXE_onetime-gateway"))
            .args(["check", "--strict", "--config", config, "--key", key])
            .env("EU_SECRET", variable)
            .output()
            .expect("it runs");
        (
            checked.status.code(),
            text(&checked.stdout) + &text(&checked.stderr),
        )
    };
    let by_variable = by_file.replace("file = \"eu.secret\"", "env = \"EU_SECRET\"");
    for (before, after) in [
        ("", "\n"),
        ("", "\n\n"),
        ("", " \r\n"),
        ("\u{feff}", "\n"),
        ("\t", ""),
    ] {
        let content = format!("{before}{secret}{after}");
        std::fs::write(&path, &by_file).expect("written");
        keep_secret(&directory.path().join("eu.secret"), &content);
        let (code, told) = check("");
        assert!(
            code == Some(0) && told.contains("key: eu"),
            "{content:?}: {told}"
        );
        std::fs::write(&path, &by_variable).expect("written");
        let (code, told) = check(&content);
        assert!(
            code == Some(0) && told.contains("key: eu"),
            "{content:?}: {told}"
        );
    }
    for (odd, code, words) in [
        (format!("\"{secret}\""), Some(1), "quotation mark"),
        (
            format!("{secret}\n{secret}\n"),
            Some(2),
            "more than one line",
        ),
        (" \n".to_owned(), Some(2), "EU_SECRET is empty"),
    ] {
        let (exit, told) = check(&odd);
        assert!(exit == code && told.contains(words), "{told}");
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn check_says_fine_or_everything_that_is_wrong() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = good(&directory);
    let config = path.to_str().expect("a path");
    let fine = gateway(&["check", "--config", config]);
    assert_eq!(fine.status.code(), Some(0), "{}", text(&fine.stderr));
    let said = text(&fine.stdout);
    assert!(said.contains("fine"), "{said}");
    let proved = "classes of requests; none that is bound can leave its region";
    assert!(said.contains("proved: ") && said.contains(proved), "{said}");

    let key = "gbexbxw247g0cinp1ia1ogu5nc31g72s4j3reusv6ufo4ju7hqrcx8fsll4omg";
    let keyed = gateway(&["check", "--config", config, "--key", key]);
    assert!(
        text(&keyed.stdout).contains("key: eu"),
        "{}",
        text(&keyed.stdout)
    );

    std::fs::write(directory.path().join("eu.secret"), "too-short-to-be-good").expect("written");
    let short = gateway(&["check", "--config", config]);
    let said = text(&short.stdout) + &text(&short.stderr);
    let words = "an identifier secret of eu (file eu.secret) is short";
    assert!(
        said.contains(words) && !said.contains("too-short"),
        "{said}"
    );

    let by_file = std::fs::read_to_string(&path).expect("the file");
    let by_variable = by_file.replace("file = \"eu.secret\"", "env = \"EU_SECRET\"");
    std::fs::write(&path, by_variable).expect("written");
    let told = Command::new(env!("CARGO_BIN_EXE_onetime-gateway"))
        .args(["check", "--strict", "--config", config])
        .env("EU_SECRET", "no-less-than-thirty-two-bytes-of-it")
        .output()
        .expect("it runs");
    let said = text(&told.stdout);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    assert!(said.contains("environment: EU_SECRET"), "{said}");
    assert!(said.contains("only with a restart"), "{said}");
    std::fs::write(&path, by_file).expect("written");

    let broken = std::fs::read_to_string(&path)
        .expect("the file")
        .replace("chain.pem", "nowhere.pem")
        .replace("[hosts]", "[hosst]\n[hosts]")
        .replace("default = \"eu\"", "default = \"mars\"");
    std::fs::write(&path, broken).expect("written");
    let bad = gateway(&["check", "--config", config]);
    assert_eq!(bad.status.code(), Some(2));
    let told = text(&bad.stderr);
    assert!(told.contains("hosst") && told.contains("mars"), "{told}");
    let run = gateway(&["run", "--config", config]);
    assert_eq!(
        run.status.code(),
        Some(2),
        "a bad configuration starts nothing"
    );

    let missing = gateway(&["check", "--config", "/nowhere/gateway.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("/nowhere/gateway.toml"));
    assert_eq!(gateway(&["chekc"]).status.code(), Some(2));
}

#[test]
fn explain_says_which_region_and_why_not_the_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = good(&directory);
    let key = "gbexbxw247g0cinp1ia1ogu5nc31g72s4j3reusv6ufo4ju7hqrcx8fsll4omg";
    let told = gateway(&[
        "explain",
        "--config",
        path.to_str().expect("a path"),
        "--host",
        "onetimesecret.com",
        "--path",
        &format!("/api/v1/secret/{key}"),
        "--method",
        "POST",
        "--json",
    ]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    let json: serde_json::Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(
        (&json["region"], &json["reason"], &json["binding"]),
        (&"eu".into(), &"key".into(), &"bound".into())
    );
    assert_eq!(
        (&json["route"], &json["class"]),
        (&"/api/v1/secret/{key}".into(), &"consume".into())
    );
    assert_eq!(json["rules"].as_array().map(Vec::len), Some(2));
    assert!(
        !text(&told.stdout).contains(key),
        "explain never prints a key"
    );
}

#[test]
fn an_address_in_use_names_the_way_to_take_it_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = good(&directory);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let text_of = std::fs::read_to_string(&path).expect("the file");
    let text_of = text_of
        .replacen("127.0.0.1:0", &address, 1)
        .replace("database = ", "# database = ");
    std::fs::write(&path, text_of).expect("written");
    let told = gateway(&["run", "--config", path.to_str().expect("a path")]);
    assert_eq!(told.status.code(), Some(1));
    let said = text(&told.stderr);
    assert!(
        said.contains(&address) && said.contains("--take-over"),
        "{said}"
    );
}

/// What the road refuses before it decides anything, `explain` refuses in the same words.
#[test]
fn explain_refuses_what_the_gateway_would() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = good(&directory);
    let text_of = std::fs::read_to_string(&path).expect("the file");
    let lines = text_of.lines().filter(|line| !line.starts_with("database"));
    let without: Vec<&str> = lines.collect();
    std::fs::write(&path, without.join("\n")).expect("written");
    let explain = |more: &[&str]| {
        let config = path.to_str().expect("a path");
        let mut words = vec!["explain", "--config", config, "--host", "onetimesecret.com"];
        words.extend(more);
        let told = gateway(&words);
        (told.status.code(), text(&told.stdout) + &text(&told.stderr))
    };
    let long = format!("/{}", "a".repeat(13_000));
    for (more, code, words) in [
        (&["--method", "TRACE"][..], 1, "405: "),
        (&["--method", "CONNECT"], 1, "405: "),
        (&["--method", "BREW"], 1, "501: "),
        (&["--path", long.as_str()], 1, "414: "),
        (&["--path", "/a#b"], 1, "400: "),
        (&["--header", "Via: 1.1 onetime-gateway"], 1, "508: "),
        (&["--header", "Expect: 200-ok"], 1, "417: "),
        (&["--header", "Basic hush"], 2, "--header number 1"),
        (&["--header", "A b: hush"], 2, "--header number 1"),
        (
            &[
                "--header",
                "X-Forwarded-For: 1.2.3.4",
                "--header",
                "Accept: hush",
            ],
            0,
            "note     not looked at: accept, x-forwarded-for",
        ),
        (&[], 0, "note     there is no database (geo.database)"),
    ] {
        let (exit, told) = explain(more);
        assert_eq!(exit, Some(code), "{more:?}: {told}");
        assert!(told.contains(words) && !told.contains("hush"), "{told}");
    }
}

#[test]
fn check_says_what_is_wrong_with_a_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = good(&directory);
    let config = path.to_str().expect("a path");
    let text_of = std::fs::read_to_string(&path).expect("the file");
    let quick = text_of.replace("database = ", "# database = ");
    std::fs::write(&path, &quick).expect("written");
    let check = |key: &str| {
        let told = gateway(&["check", "--config", config, "--key", key]);
        assert_eq!(told.status.code(), Some(1));
        let said = text(&told.stdout);
        assert!(!said.contains(key), "{said}");
        said
    };
    let tagged = "hbexbxw247g0cinp1ia1ogu5nc31g72s4j3reusv6ufo4ju7hqrcx8fsll4omg";
    assert!(check(tagged).contains("no region's identifier secret verifies its tag"));
    assert!(check("gbexbxw247g0cinp1ia1ogu5nc31g72").contains("it has no tag"));
    assert!(check("https://onetimesecret.com/secret/x").contains("not the form of a key"));
    let none = quick.replace("identifier_secrets", "# identifier_secrets");
    std::fs::write(&path, none).expect("written");
    assert!(check(tagged).contains("no region has `identifier_secrets`"));
}

/// A log that cannot be written is noticed before it is needed, and asking leaves no trace.
#[test]
fn check_refuses_an_access_log_that_cannot_be_opened() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = good(&directory);
    let config = path.to_str().expect("a path");
    let text_of = std::fs::read_to_string(&path).expect("the file");
    let log = directory.path().join("access.log");
    let check = |access: &std::path::Path| {
        let text = format!("{text_of}[log]\naccess = {access:?}\n");
        std::fs::write(&path, text).expect("written");
        gateway(&["check", "--config", config])
    };
    let fine = check(&log);
    assert_eq!(fine.status.code(), Some(0), "{}", text(&fine.stderr));
    assert!(!log.exists());
    for bad in [
        directory.path().join("none/access.log"),
        directory.path().to_owned(),
    ] {
        let refused = check(&bad);
        assert_eq!(refused.status.code(), Some(2));
        let told = text(&refused.stderr);
        assert!(
            told.contains("log.access") && told.contains("cannot append"),
            "{told}"
        );
    }
}

/// What keeps a request with its region, and the word for it.
const TIES: &[(&[&str], &str)] = &[
    (&["--path", "/api/v2/status?a=b"], "query"),
    (&["--path", "/api/v2/status", "--cookie", "a=b"], "cookie"),
    (
        &["--path", "/api/v2/status", "--header", "X-CSRF-Token: x"],
        "csrf-token",
    ),
    (
        &[
            "--path",
            "/api/v2/status",
            "--header",
            "Authorization: Basic x",
        ],
        "bound",
    ),
    (
        &["--path", "/api/v2/status", "--header", "O-Region: eu"],
        "bound",
    ),
    (&["--path", "/api/v1/secret/abcdef"], "key"),
    (&["--path", "/api/v3/guest/receipts"], "keys-in-body"),
    (&["--path", "/api/invite/abcdef"], "unknown-route"),
];

/// The class decides what is sent again, the list who answers instead; both stand in `explain`.
#[test]
fn explain_shows_the_class_and_who_may_answer_instead() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = good(&directory);
    let text_of = std::fs::read_to_string(&path).expect("the file");
    let with = text_of.replacen("[regions.eu]", "[regions.eu]\nfailover = [\"fr\"]", 1)
        + "\n[regions.fr]\nhost = \"fr.onetimesecret.com\"\njurisdiction = \"EU\"\n\
           endpoints = [\"http://127.0.0.9:1\"]\n\
           [regions.us]\nhost = \"us.onetimesecret.com\"\nendpoints = [\"http://127.0.0.9:2\"]\n";
    std::fs::write(&path, with).expect("written");
    let explain = |more: &[&str]| -> serde_json::Value {
        let config = path.to_str().expect("a path");
        let mut words = vec![
            "explain",
            "--config",
            config,
            "--host",
            "onetimesecret.com",
            "--json",
        ];
        words.extend(more);
        let told = gateway(&words);
        assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
        serde_json::from_slice(&told.stdout).expect("JSON")
    };
    let plain = explain(&["--path", "/api/v2/status"]);
    assert_eq!(
        (&plain["region"], &plain["class"]),
        (&"eu".into(), &"static".into())
    );
    assert_eq!(plain["failover"]["may"], serde_json::json!(["fr"]));
    assert_eq!(
        plain["failover"]["not"],
        serde_json::json!({ "us": "another jurisdiction: US" })
    );
    for (more, tie) in TIES {
        let told = explain(more);
        assert_eq!(told["failover"]["tie"], *tie, "{more:?}");
        assert_eq!(told["failover"]["may"], serde_json::json!([]), "{more:?}");
    }
    assert!(
        explain(&["--path", "/"])["failover"].is_null(),
        "redirected"
    );
    let config = path.to_str().expect("a path");
    let host = "onetimesecret.com";
    let told = gateway(&[
        "explain",
        "--config",
        config,
        "--host",
        host,
        "--path",
        "/api/v2/status",
    ]);
    let words = text(&told.stdout);
    assert!(words.contains("(class static)"), "{words}");
    assert!(
        words.contains("failover in this order, while nothing was sent: fr"),
        "{words}"
    );
    assert!(
        words.contains("not us: another jurisdiction: US"),
        "{words}"
    );
}

/// An mmdb (MaxMind DB file format 2.0) of one node, whose every address is in Germany.
fn all_of_ipv4() -> Vec<u8> {
    fn text(text: &str) -> Vec<u8> {
        let length = u8::try_from(text.len()).expect("short");
        assert!(length < 29, "a longer text has another form");
        [&[0x40 | length], text.as_bytes()].concat()
    }
    let record = [vec![0xe1], text("country_code"), text("DE")].concat();
    // Both sides of the only node lead to the record at the beginning of the data.
    let mut file = [0, 0, 17, 0, 0, 17].to_vec();
    file.extend([0; 16]);
    file.extend(record);
    file.extend(b"\xab\xcd\xefMaxMind.com\xe9");
    for (name, value) in [
        ("binary_format_major_version", vec![0xa1, 2]),
        ("binary_format_minor_version", vec![0xa1, 0]),
        ("build_epoch", vec![4, 2, 0x69, 0x55, 0xb9, 0]),
        ("database_type", text("Test")),
        ("description", vec![0xe0]),
        ("ip_version", vec![0xa1, 4]),
        ("languages", vec![0, 4]),
        ("node_count", vec![0xc1, 1]),
        ("record_size", vec![0xa1, 24]),
    ] {
        file.extend(text(name));
        file.extend(value);
    }
    file
}

#[test]
fn a_database_of_one_address_family_is_warned_of() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, text_of) = quick(&directory);
    let config = path.to_str().expect("a path");
    std::fs::write(directory.path().join("v4.mmdb"), all_of_ipv4()).expect("written");
    let with = text_of.replace("[geo]\n", "[geo]\ndatabase = \"v4.mmdb\"\n");
    std::fs::write(&path, with).expect("written");
    let checked = gateway(&["check", "--strict", "--config", config]);
    let told = text(&checked.stderr);
    assert_eq!(checked.status.code(), Some(1), "{told}");
    assert_eq!(told.matches("warning: ").count(), 1, "{told}");
    assert!(
        told.contains("100.0 % of IPv4 and 0.00 % of IPv6"),
        "{told}"
    );
}

/// A whole answer to a GET over a connection of its own; empty as long as nobody listens.
fn get(port: u16, path: &str) -> String {
    use std::io::{Read, Write};
    let mut answer = String::new();
    if let Ok(mut socket) = std::net::TcpStream::connect(("127.0.0.1", port)) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let _ = socket.write_all(head.as_bytes());
        let _ = socket.read_to_string(&mut answer);
    }
    answer
}

/// `RLIMIT_FSIZE` ends a process by SIGXFSZ at the write that would exceed it.
#[test]
fn a_limit_of_file_size_costs_lines_and_not_the_gateway() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, text) = quick(&directory);
    let access = directory.path().join("access.log");
    let free = || std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr());
    let (http, admin) = (free().expect("free").port(), free().expect("free").port());
    let text = text
        .replace("http = []", &format!("http = [\"127.0.0.1:{http}\"]"))
        .replace(
            "admin = \"127.0.0.1:0\"",
            &format!("admin = \"127.0.0.1:{admin}\""),
        );
    std::fs::write(&path, format!("{text}[log]\naccess = {access:?}\n")).expect("written");
    let mut gateway = Command::new("sh")
        .args(["-c", "ulimit -f 8; exec \"$@\" 2>/dev/null", "sh"])
        .arg(env!("CARGO_BIN_EXE_onetime-gateway"))
        .args(["run", "--config"])
        .arg(&path)
        .spawn()
        .expect("it runs");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let dropped = |metrics: &str| {
        let mut lines = metrics.lines();
        let count =
            lines.find_map(|line| line.strip_prefix("onetime_gateway_access_log_dropped_total "));
        count.is_some_and(|count| count != "0")
    };
    while !dropped(&get(admin, "/metrics")) {
        let ended = gateway.try_wait().expect("a child");
        assert!(ended.is_none(), "it ended: {ended:?}");
        assert!(std::time::Instant::now() < until, "nothing was dropped");
        get(http, "/api/v1/status");
    }
    assert!(get(http, "/api/v1/status").starts_with("HTTP/1.1 "));
    gateway.kill().expect("killed");
    gateway.wait().expect("ended");
    // Without the limit, the log goes on with whole lines.
    let whole = |text: &str| {
        let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
        lines.filter(|line| line.is_ok()).count()
    };
    let before = std::fs::read_to_string(&access).expect("the log");
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_onetime-gateway"))
        .args(["run", "--config"])
        .arg(&path)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it runs");
    let after = loop {
        let answered = !get(http, "/api/v1/status").is_empty();
        let after = std::fs::read_to_string(&access).expect("the log");
        if answered && after.len() > before.len() && after.ends_with('\n') {
            break after;
        }
        assert!(std::time::Instant::now() < until, "nothing was written");
    };
    gateway.kill().expect("killed");
    gateway.wait().expect("ended");
    let torn = usize::from(!before.ends_with('\n'));
    assert_eq!(whole(&after), after.lines().count() - torn, "{after}");
}
