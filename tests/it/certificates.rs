//! Several certificates: a connection is for the names of the one that it began with.

use onetime_gateway::reload::Verdict;

use crate::support::{BOTH, Client, tls_of, world};

#[tokio::test]
async fn a_host_of_another_certificate_is_421() {
    let world = world();
    let directory = world.config.parent().expect("a directory");
    let other = rcgen::generate_simple_self_signed(["alias.example".to_owned()]).expect("made");
    std::fs::write(directory.join("other.pem"), other.cert.pem()).expect("written");
    let key = other.signing_key.serialize_pem();
    std::fs::write(directory.join("other-key.pem"), key).expect("written");
    let text = std::fs::read_to_string(&world.config).expect("the file");
    let text = text.replace(
        "[hosts]\n",
        "[[tls.certificates]]\nchain = \"other.pem\"\nkey = \"other-key.pem\"\n\n\
         [hosts]\n\"alias.example\" = \"eu\"\n\"nowhere.example\" = \"eu\"\n",
    );
    let next = world.config.with_extension("next");
    std::fs::write(&next, text).expect("written");
    std::fs::rename(&next, &world.config).expect("renamed");
    let verdict = world.gateway().expect("a gateway").reload();
    assert!(matches!(verdict, Verdict::Applied { .. }));
    for protocol in BOTH {
        let mut client = Client::open(&world, protocol, "eu.onetimesecret.com").await;
        for (host, status) in [
            ("eu.onetimesecret.com", 200),
            ("alias.example", 421),
            // One certificate for several names: one connection is enough.
            ("us.onetimesecret.com", 200),
            ("127.0.0.1", 200),
            ("nowhere.example", 421),
            ("EU.onetimesecret.com", 200),
        ] {
            client.call_itself(host);
            let answer = client.get("/api/v1/status", &[]).await;
            assert_eq!(answer.status, status, "{protocol:?} {host}");
        }
        // An address is no server name: the first certificate, which covers it.
        let mut client = Client::open(&world, protocol, "127.0.0.1").await;
        assert_eq!(client.get("/api/v1/status", &[]).await.status, 200);
        client.call_itself("alias.example");
        assert_eq!(client.get("/api/v1/status", &[]).await.status, 421);
    }
}

/// Clients that connect to an address send no server name.
#[tokio::test]
async fn an_address_is_served_whichever_certificate_names_it() {
    let world = world();
    let directory = world.config.parent().expect("a directory");
    let put = |name: &str, of: &str| {
        let made = rcgen::generate_simple_self_signed([of.to_owned()]).expect("made");
        std::fs::write(directory.join(format!("{name}.pem")), made.cert.pem()).expect("written");
        let key = made.signing_key.serialize_pem();
        std::fs::write(directory.join(format!("{name}-key.pem")), key).expect("written");
        made.cert.der().clone()
    };
    put("first", "eu.onetimesecret.com");
    let shown = put("second", "127.0.0.1");
    let text = std::fs::read_to_string(&world.config).expect("the file");
    let (before, after) = text.split_once("[[tls.certificates]]").expect("one");
    let (_, after) = after.split_once("[hosts]").expect("hosts");
    let table = |name: &str| {
        format!("[[tls.certificates]]\nchain = \"{name}.pem\"\nkey = \"{name}-key.pem\"\n")
    };
    let text = format!(
        "{before}{}{}[hosts]{after}",
        table("first"),
        table("second")
    );
    let next = world.config.with_extension("next");
    std::fs::write(&next, text).expect("written");
    std::fs::rename(&next, &world.config).expect("renamed");
    let verdict = world.gateway().expect("a gateway").reload();
    assert!(matches!(verdict, Verdict::Applied { .. }), "{verdict:?}");
    for protocol in BOTH {
        let config = tls_of(protocol, &shown);
        let client = Client::try_open(world.https(), config, protocol, "127.0.0.1").await;
        let mut client = client.expect("the certificate of the address");
        for (host, status) in [
            ("127.0.0.1", 200),
            // A health check that connects to an address and asks for a name.
            ("eu.onetimesecret.com", 200),
            ("us.onetimesecret.com", 421),
        ] {
            client.call_itself(host);
            let answer = client.get("/api/v1/status", &[]).await;
            assert_eq!(answer.status, status, "{protocol:?} {host}");
        }
    }
}
