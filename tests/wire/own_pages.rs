//! Hostile bytes where the gateway itself is the origin: the form of `/region`, redirects, and the
//! listener without TLS.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::harness::PATIENCE;
use crate::harness::gateway::World;
use crate::harness::reader::{self, Message, Read, Side};

const FORM: &str = "Host: onetime.test\r\nSec-Fetch-Site: same-origin\r\n\
     Content-Type: application/x-www-form-urlencoded\r\n";

/// The gateway reads this body itself: it must find the same end as everybody else.
#[test]
fn a_form_ends_where_its_framing_says_or_the_connection_does() {
    let world = World::new();
    let large = "a".repeat(20_000);
    for (fields, body, status, goes_on) in [
        ("Content-Length: 9\r\n", "region=eu", 303, true),
        (
            "Transfer-Encoding: chunked\r\n",
            "9;x\r\nregion=eu\r\n0\r\nX: y\r\n\r\n",
            303,
            true,
        ),
        ("Content-Length: 0\r\n", "", 400, true),
        (
            "Transfer-Encoding: chunked\r\n",
            "9\r\nregion=eu\n0\r\n\r\n",
            400,
            false,
        ),
        (
            "Transfer-Encoding: chunked\r\n",
            "+9\r\nregion=eu\r\n0\r\n\r\n",
            400,
            false,
        ),
        (
            "Transfer-Encoding: chunked\r\n",
            "9\r\nregion=eu\r\n0\r\nX : y\r\n\r\n",
            400,
            false,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 9\r\n",
            "region=eu",
            400,
            false,
        ),
        (
            "Content-Length: 9\r\nContent-Length: 9\r\n",
            "region=eu",
            400,
            false,
        ),
        ("Content-Length: 20000\r\n", &large, 413, false),
        (
            "Transfer-Encoding: chunked\r\n",
            &format!("4e20\r\n{large}\r\n0\r\n\r\n"),
            413,
            false,
        ),
    ] {
        let mut client = world.door.open();
        let next = "GET /api/v2/next HTTP/1.1\r\nHost: eu.test\r\nConnection: close\r\n\r\n";
        client.send(format!("POST /region HTTP/1.1\r\n{FORM}{fields}\r\n{body}{next}").as_bytes());
        let answers = client.answers().expect(fields);
        let what = format!("{fields:?} {}", &body[..body.len().min(40)]);
        assert_eq!(answers[0].status(), status, "{what}");
        // Either the very next request is served, or nothing is, and the answer says so.
        if answers[0].says_close() {
            assert_eq!(answers.len(), 1, "{what}");
        } else {
            assert_eq!(answers.len(), 2, "{what}");
            assert_eq!(answers[1].field("x-echo"), Some("/api/v2/next"), "{what}");
        }
        if goes_on {
            assert_eq!(answers.len(), 2, "{what}");
        } else if status != 413 {
            assert_eq!(answers.len(), 1, "{what}");
        }
    }
    assert!(world.us.count() == 0);
    assert_eq!(world.end(), [""; 0]);
}

/// A cut form changes nothing, and is told so.
#[test]
fn a_form_that_its_client_cuts_chooses_nothing() {
    let world = World::new();
    for (fields, body) in [
        ("Content-Length: 10\r\n", "region=eu"),
        ("Transfer-Encoding: chunked\r\n", "9\r\nregion=eu"),
        ("Transfer-Encoding: chunked\r\n", "9\r\nregion=eu\r\n0\r\n"),
    ] {
        let mut client = world.door.open();
        client.send(format!("POST /region HTTP/1.1\r\n{FORM}{fields}\r\n{body}").as_bytes());
        client.half_close();
        let answers = client.answers().expect(fields);
        assert_eq!(answers.len(), 1, "{body:?}");
        assert_eq!(answers[0].status(), 400, "{body:?}");
        assert!(answers[0].says_close(), "{body:?}");
        assert!(answers[0].all("set-cookie").is_empty(), "{body:?}");
    }
    assert_eq!(world.end(), [""; 0]);
}

/// A redirect leads to an origin of the configuration, whatever the path looks like.
#[test]
fn a_redirect_leads_nowhere_but_home() {
    let world = World::new();
    for path in [
        "//evil.test/",
        "///evil.test",
        "/@evil.test/",
        "/:80@evil.test/",
        "/.evil.test/",
        "/pricing?//evil.test/",
        "/pricing?\\\\evil.test",
        "/private//evil.test/x",
        "//private/evil.test",
        "/secret/;@evil.test",
        "/%09/evil",
        "/%5cevil.test",
    ] {
        let mut client = world.door.open();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: onetime.test\r\n\r\n").as_bytes());
        let answer = client.answer(false).expect(path);
        match answer.field("location") {
            Some(location) => {
                let rest = location.strip_prefix("https://eu.test");
                assert!(
                    rest.is_some_and(|rest| rest.starts_with('/')),
                    "{path}: {location}"
                );
                assert!(answer.field("cache-control") == Some("no-store"), "{path}");
            }
            None => assert!(answer.status() >= 400, "{path}: {}", answer.status()),
        }
    }
    assert_eq!(world.end(), [""; 0]);
}

/// Sends bytes to the listener without TLS and reads what it says until it closes.
fn plainly(address: SocketAddr, bytes: &[u8]) -> Vec<Message> {
    let mut socket = TcpStream::connect(address).expect("the gateway listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("an option");
    let _ = socket.write_all(bytes);
    let _ = socket.shutdown(std::net::Shutdown::Write);
    let mut unread = Vec::new();
    let _ = socket.read_to_end(&mut unread);
    let mut all = Vec::new();
    while !unread.is_empty() {
        match reader::read(&unread, Side::Answer(false)) {
            Read::Whole(message, taken) => {
                unread.drain(..taken);
                all.push(message);
            }
            other => panic!("{other:?}"),
        }
    }
    all
}

/// Nothing that comes without TLS reaches a region; it is sent to https, or refused as elsewhere.
#[test]
fn without_tls_there_are_redirects_and_refusals_only() {
    let (world, address) = World::with_plain_http();
    let next = "GET /api/v2/next HTTP/1.1\r\nHost: eu.test\r\n\r\n";
    for (request, status, location) in [
        (
            "GET /api/v2/x?a=b HTTP/1.1\r\nHost: eu.test\r\n\r\n",
            308,
            Some("https://eu.test/api/v2/x?a=b"),
        ),
        (
            "GET //evil.test/ HTTP/1.1\r\nHost: EU.test:80\r\n\r\n",
            308,
            Some("https://eu.test//evil.test/"),
        ),
        (
            "GET http://eu.test/x HTTP/1.1\r\nHost: eu.test\r\n\r\n",
            308,
            Some("https://eu.test/x"),
        ),
        (
            "POST /x HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 2\r\n\r\nab",
            308,
            Some("https://eu.test/x"),
        ),
        ("GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", 421, None),
        (
            "GET http://evil.test/ HTTP/1.1\r\nHost: eu.test\r\n\r\n",
            400,
            None,
        ),
        (
            "GET /x HTTP/1.1\r\nHost: eu.test@evil.test\r\n\r\n",
            400,
            None,
        ),
        (
            "GET /x\r\nSet-Cookie: a=b HTTP/1.1\r\nHost: eu.test\r\n\r\n",
            400,
            None,
        ),
        ("GET /x HTTP/1.1\nHost: eu.test\n\n", 400, None),
        (
            "POST /x HTTP/1.1\r\nHost: eu.test\r\nContent-Length: 4\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            None,
        ),
        (
            "CONNECT eu.test:443 HTTP/1.1\r\nHost: eu.test:443\r\n\r\n",
            405,
            None,
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, None),
        (
            "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03\r\n\r\n",
            400,
            None,
        ),
    ] {
        let answers = plainly(address, format!("{request}{next}").as_bytes());
        let first = &answers[0];
        assert_eq!(first.status(), status, "{request:?}");
        let leads = first.field("location").map(str::to_ascii_lowercase);
        assert_eq!(leads.as_deref(), location, "{request:?}");
        // The next one is redirected too, or nobody reads it.
        let second = answers.get(1).map(Message::status);
        let wanted = (!first.says_close()).then_some(308);
        assert_eq!(second, wanted, "{request:?}");
    }
    let eu = world.eu.clone();
    assert_eq!(world.end(), [""; 0]);
    assert_eq!(eu.count(), 0);
}
