//! Real handshakes over a pipe: our server side with our client side, and with odd clients.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{
    CipherSuite, ClientConfig, HandshakeKind, NamedGroup, ProtocolVersion, RootCertStore,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::certificate::Certificate;
use super::store::CertStore;
use super::*;

/// An authority that issues certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Authority");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    fn certificate(&self, names: &[&str]) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap().pem();
        Certificate::from_pem(leaf.as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }

    fn store(&self, certificates: &[&[&str]]) -> Arc<CertStore> {
        let made = certificates.iter().map(|names| self.certificate(names));
        Arc::new(CertStore::new(made.collect()).unwrap())
    }

    fn client(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&str],
    ) -> ClientConfig {
        self.client_of(aws_lc_rs::default_provider(), versions, alpn)
    }

    fn client_of(
        &self,
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&str],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for (_, certificate) in pem::certificates(self.pem.as_bytes()).unwrap() {
            roots.add(certificate).unwrap();
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

const V12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
const V13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// What both sides agree on.
#[derive(Debug, PartialEq)]
struct Agreed {
    version: Option<ProtocolVersion>,
    protocol: Option<String>,
    kind: Option<HandshakeKind>,
    group: Option<NamedGroup>,
    suite: Option<CipherSuite>,
    leaf: Option<Vec<u8>>,
}

/// A handshake and one byte from the server, so that the client has seen the tickets.
async fn handshake(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<Agreed> {
    let (near, far) = duplex(64 * 1024);
    let accepting = async {
        let mut stream = TlsAcceptor::from(server.clone()).accept(far).await?;
        stream.write_all(b"!").await?;
        stream.flush().await?;
        stream.get_mut().0.shutdown().await?;
        let session = stream.get_ref().1;
        Ok((session.protocol_version(), session.handshake_kind()))
    };
    let connecting = async {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connector = TlsConnector::from(client.clone());
        let mut stream = connector.connect(name, near).await?;
        assert_eq!(stream.read_u8().await?, b'!');
        let session = stream.get_ref().1;
        Ok(Agreed {
            version: session.protocol_version(),
            protocol: session
                .alpn_protocol()
                .map(|name| String::from_utf8_lossy(name).into_owned()),
            kind: session.handshake_kind(),
            group: session
                .negotiated_key_exchange_group()
                .map(|group| group.name()),
            suite: session.negotiated_cipher_suite().map(|suite| suite.suite()),
            leaf: session
                .peer_certificates()
                .and_then(|chain| Some(chain.first()?.to_vec())),
        })
    };
    let (accepted, agreed): (std::io::Result<_>, std::io::Result<Agreed>) =
        tokio::join!(accepting, connecting);
    let (accepted, agreed) = (accepted?, agreed?);
    assert_eq!(accepted, (agreed.version, agreed.kind));
    Ok(agreed)
}

fn server(store: Arc<CertStore>) -> (Arc<ServerConfig>, Arc<CertResolver>) {
    let resolver = Arc::new(CertResolver::new(store));
    let config = server_config(resolver.clone(), tickets().unwrap(), false).unwrap();
    (config, resolver)
}

fn leaf(store: &CertStore, at: usize) -> Option<Vec<u8>> {
    Some(store.certificates()[at].key.cert[0].to_vec())
}

#[tokio::test]
async fn the_name_chooses_the_certificate_in_both_versions() {
    let authority = Authority::new();
    let store = authority.store(&[&["default.example"], &["a.example"], &["*.b.example"]]);
    let (config, _) = server(store.clone());
    for (versions, version) in [
        (V12, ProtocolVersion::TLSv1_2),
        (V13, ProtocolVersion::TLSv1_3),
    ] {
        let client = Arc::new(authority.client(versions, &["h2", "http/1.1"]));
        for (name, at) in [("default.example", 0), ("a.example", 1), ("x.b.example", 2)] {
            let agreed = handshake(&config, &client, name).await.unwrap();
            assert_eq!(agreed.version, Some(version));
            assert_eq!(agreed.leaf, leaf(&store, at), "{name}");
        }
        let unknown = handshake(&config, &client, "unknown.example").await;
        assert!(
            unknown.is_err(),
            "the default certificate is not for this name"
        );
    }
}

#[tokio::test]
async fn a_client_without_a_name_gets_the_default() {
    let authority = Authority::new();
    let store = authority.store(&[&["default.example", "127.0.0.1"], &["a.example"]]);
    let (config, _) = server(store.clone());
    let client = Arc::new(authority.client(BOTH, &[]));
    let agreed = handshake(&config, &client, "127.0.0.1").await.unwrap();
    assert_eq!(agreed.leaf, leaf(&store, 0));
}

#[tokio::test]
async fn a_client_without_a_name_gets_the_certificate_of_the_local_address() {
    let authority = Authority::new();
    let store = authority.store(&[&["a.example"], &["b.example", "127.0.0.1"], &["::1"]]);
    let (config, _) = server(store.clone());
    let client = Arc::new(authority.client(BOTH, &[]));
    for (local, host, at) in [
        ("127.0.0.1", "127.0.0.1", 1),
        ("::ffff:127.0.0.1", "127.0.0.1", 1),
        ("::1", "::1", 2),
        ("127.0.0.1", "a.example", 0),
        ("127.0.0.1", "b.example", 1),
    ] {
        let name = store.address_name(|| local.parse().ok());
        let agreed = resolver::unnamed_is(name, handshake(&config, &client, host)).await;
        assert_eq!(agreed.unwrap().leaf, leaf(&store, at), "{local} {host}");
    }
    assert_eq!(store.address_name(|| "127.0.0.2".parse().ok()), None);
    let named_first = authority.store(&[&["127.0.0.1"], &["a.example"]]);
    assert_eq!(
        named_first.address_name(|| panic!("there is no need to ask")),
        None
    );
}

#[tokio::test]
async fn protocols_are_agreed_on_http_2_first() {
    let authority = Authority::new();
    let (config, _) = server(authority.store(&[&["a.example"]]));
    for (offered, expected) in [
        (&["http/1.1", "h2"][..], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&["http/1.0", "http/1.1"], Some("http/1.1")),
        (&["http/1.0", "h2"], Some("h2")),
        (&["http/1.0"], Some("http/1.0")),
        (&["h3", "http/1.0"], Some("http/1.0")),
        (&[], None),
    ] {
        let client = Arc::new(authority.client(BOTH, offered));
        let agreed = handshake(&config, &client, "a.example").await.unwrap();
        assert_eq!(agreed.protocol.as_deref(), expected);
    }
    for unknown in ["h3", "http/0.9", "HTTP/1.0", "spdy/1"] {
        let client = Arc::new(authority.client(BOTH, &[unknown]));
        let refused = handshake(&config, &client, "a.example").await.unwrap_err();
        let inner = refused.get_ref().and_then(|inner| inner.downcast_ref());
        assert_eq!(
            inner,
            Some(&rustls::Error::NoApplicationProtocol),
            "{unknown}"
        );
    }
}

#[tokio::test]
async fn keys_are_exchanged_safe_from_quantum_computers_where_the_client_can() {
    let authority = Authority::new();
    let (config, _) = server(authority.store(&[&["a.example"]]));
    let client = Arc::new(authority.client(BOTH, &[]));
    let agreed = handshake(&config, &client, "a.example").await.unwrap();
    assert_eq!(agreed.group, Some(NamedGroup::X25519MLKEM768));

    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    let older = Arc::new(authority.client_of(provider, BOTH, &[]));
    let agreed = handshake(&config, &older, "a.example").await.unwrap();
    assert_eq!(agreed.group, Some(NamedGroup::X25519));
}

#[tokio::test]
async fn the_server_chooses_the_suite_among_those_offered() {
    const CHACHA: CipherSuite = CipherSuite::TLS13_CHACHA20_POLY1305_SHA256;
    const AES: CipherSuite = CipherSuite::TLS13_AES_256_GCM_SHA384;
    let authority = Authority::new();
    let (config, _) = server(authority.store(&[&["a.example"]]));
    for (only, expected) in [(false, AES), (true, CHACHA)] {
        let mut provider = aws_lc_rs::default_provider();
        let suites = &mut provider.cipher_suites;
        suites.sort_by_key(|one| one.suite() != CHACHA);
        suites.retain(|one| !only || one.suite() == CHACHA);
        let client = authority.client_of(provider, V13, &[]);
        let agreed = handshake(&config, &Arc::new(client), "a.example")
            .await
            .unwrap();
        assert_eq!(agreed.suite, Some(expected));
    }
}

#[tokio::test]
async fn sessions_are_resumed_in_both_versions() {
    let authority = Authority::new();
    let (config, _) = server(authority.store(&[&["a.example"]]));
    for versions in [V12, V13] {
        let client = Arc::new(authority.client(versions, &["h2"]));
        let kind = async || handshake(&config, &client, "a.example").await.unwrap().kind;
        assert_ne!(kind().await, Some(HandshakeKind::Resumed));
        assert_eq!(kind().await, Some(HandshakeKind::Resumed));
        assert_eq!(kind().await, Some(HandshakeKind::Resumed));
    }
}

#[tokio::test]
async fn sessions_outlive_another_store_and_another_configuration() {
    let authority = Authority::new();
    let resolver = Arc::new(CertResolver::new(authority.store(&[&["a.example"]])));
    let tickets = tickets().unwrap();
    let first = server_config(resolver.clone(), tickets.clone(), false).unwrap();
    let client = Arc::new(authority.client(BOTH, &[]));
    handshake(&first, &client, "a.example").await.unwrap();

    resolver.swap(authority.store(&[&["a.example"]]));
    let second = server_config(resolver, tickets, true).unwrap();
    let agreed = handshake(&second, &client, "a.example").await.unwrap();
    assert_eq!(agreed.kind, Some(HandshakeKind::Resumed));
}

#[tokio::test]
async fn another_process_cannot_open_a_ticket() {
    let authority = Authority::new();
    let store = authority.store(&[&["a.example"]]);
    let client = Arc::new(authority.client(BOTH, &[]));
    handshake(&server(store.clone()).0, &client, "a.example")
        .await
        .unwrap();
    let agreed = handshake(&server(store).0, &client, "a.example")
        .await
        .unwrap();
    assert_ne!(agreed.kind, Some(HandshakeKind::Resumed));
}

#[tokio::test]
async fn another_store_serves_the_next_handshake() {
    let authority = Authority::new();
    let (config, resolver) = server(authority.store(&[&["a.example"]]));
    let mut client = authority.client(BOTH, &[]);
    client.resumption = Resumption::disabled();
    let client = Arc::new(client);
    let before = handshake(&config, &client, "a.example").await.unwrap();
    let store = authority.store(&[&["b.example"], &["a.example"]]);
    resolver.swap(store.clone());
    let after = handshake(&config, &client, "a.example").await.unwrap();
    assert_ne!(before.leaf, after.leaf);
    assert_eq!(after.leaf, leaf(&store, 1));
}

#[tokio::test]
async fn tls_1_2_can_be_switched_off() {
    let authority = Authority::new();
    let resolver = Arc::new(CertResolver::new(authority.store(&[&["a.example"]])));
    let config = server_config(resolver, tickets().unwrap(), true).unwrap();
    let old = Arc::new(authority.client(V12, &[]));
    assert!(handshake(&config, &old, "a.example").await.is_err());
    let new = Arc::new(authority.client(BOTH, &[]));
    let agreed = handshake(&config, &new, "a.example").await.unwrap();
    assert_eq!(agreed.version, Some(ProtocolVersion::TLSv1_3));
}

#[tokio::test]
async fn regions_are_verified_by_their_own_authority_and_resumed() {
    let authority = Authority::new();
    let (config, _) = server(authority.store(&[&["eu.example"]]));
    let client = upstream::client_config(Some(authority.pem.as_bytes()), None).unwrap();
    let agreed = handshake(&config, &client, "eu.example").await.unwrap();
    assert_eq!(agreed.protocol.as_deref(), Some("http/1.1"));
    assert_eq!(agreed.version, Some(ProtocolVersion::TLSv1_3));
    let again = handshake(&config, &client, "eu.example").await.unwrap();
    assert_eq!(again.kind, Some(HandshakeKind::Resumed));

    let other_name = handshake(&config, &client, "us.example").await;
    assert!(other_name.is_err(), "the certificate is not for this name");
    let stranger = Authority::new();
    let client = upstream::client_config(Some(stranger.pem.as_bytes()), None).unwrap();
    let refused = handshake(&config, &client, "eu.example").await;
    assert!(refused.is_err(), "the certificate is another authority's");
}

/// The name that an operator declared counts, and SNI no longer does; all else is verified as ever.
#[tokio::test]
async fn a_region_shows_the_name_that_was_declared_for_it() {
    let authority = Authority::new();
    let names: &[&[&str]] = &[&["shown.example", "10.1.0.10"]];
    let (config, _) = server(authority.store(names));
    let client = |pem: &str, name: &str| {
        let client = upstream::client_config(Some(pem.as_bytes()), Some(name));
        client.unwrap()
    };
    for name in ["shown.example", "10.1.0.10"] {
        let client = client(&authority.pem, name);
        assert!(
            handshake(&config, &client, "eu.example").await.is_ok(),
            "{name}"
        );
    }
    for name in ["eu.example", "example", "10.1.0.11", "[::1]"] {
        let client = client(&authority.pem, name);
        let refused = handshake(&config, &client, "shown.example").await;
        assert!(refused.is_err(), "{name} is not shown");
    }
    let stranger = client(&Authority::new().pem, "shown.example");
    let refused = handshake(&config, &stranger, "shown.example").await;
    assert!(refused.is_err(), "the certificate is another authority's");
}

#[test]
fn no_session_is_kept_under_a_lock_that_threads_share() {
    let (config, _) = server(Authority::new().store(&[&["a.example"]]));
    assert!(!config.session_storage.can_cache());
}

#[test]
fn tickets_are_for_twelve_hours() {
    let tickets = tickets().unwrap();
    assert!(tickets.enabled());
    assert_eq!(tickets.lifetime(), 12 * 60 * 60);
}
