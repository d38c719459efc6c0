//! Names of request fields by which a CDN, a platform or a proxy says where a client is and what its
//! address is, and names of fields that carry credentials. A client can send any of them; a region
//! trusts what this gateway sends, so none of the first kind may pass.
//!
//! Two ways of telling, since no list is ever complete: the words that such names consist of, and the
//! prefixes of vendors whose names say it in other words.

/// Names that browsers and programs commonly send and that mean neither: most names need no closer
/// look. Compared with a name in lower case.
pub(super) fn is_common(lower: &[u8]) -> bool {
    let known: &[&[u8]] = match lower.first() {
        Some(b'a') => &[
            b"accept",
            b"accept-encoding",
            b"accept-language",
            b"access-control-",
            b"alt-used",
        ],
        Some(b'c') => &[b"content-type", b"content-length", b"content-encoding"],
        Some(b'i') => &[b"if-"],
        Some(b'o') => &[b"origin"],
        Some(b'p') => &[b"priority", b"pragma"],
        Some(b'r') => &[b"referer", b"range"],
        Some(b's') => &[b"sec-ch-", b"sec-fetch-", b"sec-gpc", b"server"],
        Some(b'u') => &[b"user-agent", b"upgrade-insecure-requests"],
        Some(b'x') => &[b"x-requested-with"],
        _ => &[b"dnt", b"etag", b"last-modified", b"location", b"vary"],
    };
    // A list's own prefixes end in a hyphen; anything else is a whole name.
    known.iter().any(|known| match known.last() {
        Some(b'-') => lower.starts_with(known),
        _ => lower == *known,
    })
}

/// What a name that is not common says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Says {
    /// Where a client is or what its address is.
    Place,
    /// Something secret about the caller.
    Credential,
    /// Neither.
    Neither,
}

/// What a name in lower case says, by the vendor that it begins with and by its words.
pub(super) fn says(lower: &[u8]) -> Says {
    if is_vendors(lower) {
        return Says::Place;
    }
    let mut says = Says::Neither;
    let parts = lower.split(|byte| matches!(byte, b'-' | b'.')).map(part);
    let texts = (0..lower.len()).map(|at| text(lower.get(at..).unwrap_or_default()));
    for found in parts.chain(texts) {
        match found {
            Says::Place => return Says::Place,
            Says::Credential => says = Says::Credential,
            Says::Neither => {}
        }
    }
    says
}

/// What a part of a name between dashes says as a whole.
const fn part(part: &[u8]) -> Says {
    match part {
        b"ip" | b"ips" | b"ipaddr" | b"ipaddress" | b"ipv4" | b"ipv6" | b"addr" | b"address"
        | b"city" | b"geo" | b"region" | b"regionname" | b"regioncode" | b"subdivision"
        | b"postal" | b"lat" | b"lon" | b"long" | b"latlong" | b"asn" | b"forwarded" | b"xff"
        | b"edgescape" | b"locode" | b"timezone" => Says::Place,
        b"auth" | b"authentication" | b"authorization" | b"authenticate" | b"bearer"
        | b"cookie" | b"cookie2" | b"jwt" | b"key" | b"login" | b"nonce" | b"otp" | b"pass"
        | b"sess" | b"shrimp" | b"sid" => Says::Credential,
        _ => Says::Neither,
    }
}

/// What a name says in which `rest` is the rest from some byte on.
fn text(rest: &[u8]) -> Says {
    let (places, credentials): (&[&[u8]], &[&[u8]]) = match rest.first() {
        Some(b'a') => (&[], &[b"apikey", b"assertion", b"authkey"]),
        Some(b'c') => (
            &[b"country", b"continent", b"clientip", b"clientaddr"],
            &[b"credential"],
        ),
        Some(b'g') => (&[b"geoip", b"geoloc"], &[]),
        Some(b'l') => (&[b"latitude", b"longitude"], &[]),
        Some(b'p') => (&[], &[b"password", b"passwd", b"passphrase"]),
        Some(b'r') => (&[b"realip", b"remoteip", b"remoteaddr"], &[]),
        Some(b's') => (&[], &[b"secret", b"session", b"signature"]),
        Some(b't') => (&[], &[b"token"]),
        Some(b'u') => (&[b"userip"], &[]),
        _ => return Says::Neither,
    };
    let begins = |text: &&[u8]| rest.starts_with(text);
    if places.iter().any(begins) {
        Says::Place
    } else if credentials.iter().any(begins) {
        Says::Credential
    } else {
        Says::Neither
    }
}

/// Whether a name in lower case begins as those of a vendor do that speak of the client.
///
/// Sources, as of 2026-11: the vendors' documentation of the fields that they add to requests, and
/// Otto (`privacy/geo_resolver.rb`), the router of the application, which believes `CF-IPCountry`,
/// `CloudFront-Viewer-Country`, `Fastly-Client-IP-Country`, `X-Akamai-Edgescape`,
/// `X-Azure-ClientIP-Country`, `X-Vercel-IP-Country`, `X-Geo-Country`, `X-Country-Code` and
/// `Country-Code`.
fn is_vendors(lower: &[u8]) -> bool {
    let beginnings: &[&[u8]] = match lower {
        [b'x', b'-', rest @ ..] => return is_vendors_x(rest),
        // Akamai; Alibaba Cloud (Ali-CDN-Real-IP); Approximated, the ingress of custom domains
        // (Apx-Incoming-Host); ArvanCloud (ar-real-ip).
        [b'a', ..] => &[b"akamai-", b"ali-", b"apx-", b"ar-"],
        // Bunny, beside CDN-RequestCountryCode and others.
        [b'b', ..] => &[b"bunny-"],
        // Bunny; Cloudflare; Amazon (CloudFront-Viewer-*).
        [b'c', ..] => &[b"cdn-", b"cf-", b"cloudfront-"],
        // DDoS-Guard (DDG-Connecting-IP); DigitalOcean.
        [b'd', ..] => &[b"ddg-", b"do-connecting-"],
        // Tencent EdgeOne (EO-Connecting-IP, EO-Client-IPCountry).
        [b'e', ..] => &[b"eo-"],
        // Fastly (Fastly-Client-IP, Fastly-Geo-*); Fly.io (Fly-Client-IP, Fly-Region).
        [b'f', ..] => &[b"fastly-", b"fly-"],
        // The GeoIP modules of nginx, Apache and Varnish.
        [b'g', ..] => &[b"geo-", b"geoip"],
        // Imperva (Incap-Client-IP).
        [b'i', ..] => &[b"imperva-", b"incap-"],
        // Section.io (Section-Io-Geo-*).
        [b's', ..] => &[b"section-io-"],
        // Akamai and Cloudflare (True-Client-IP).
        [b't', ..] => &[b"true-client-"],
        // Oracle WebLogic (WL-Proxy-Client-IP, WL-Proxy-SSL).
        [b'w', ..] => &[b"wl-proxy-"],
        _ => return false,
    };
    beginnings.iter().any(|start| lower.starts_with(start))
}

/// The same of names that begin with `x-`, given what follows.
fn is_vendors_x(rest: &[u8]) -> bool {
    let beginnings: &[&[u8]] = match rest.first() {
        // Edgio (X-0-Geo-*).
        Some(b'0') => &[b"0-"],
        // Akamai; Google App Engine; Azure (X-ARR-*, X-Azure-*); Elastic Load Balancing.
        Some(b'a') => &[
            b"akamai-",
            b"amzn-mtls-",
            b"amzn-tls-",
            b"appengine-",
            b"arr-",
            b"azure-",
        ],
        Some(b'b') => &[b"bunny"],
        // Many; Cloudflare; Google load balancers (X-Client-Geo-*).
        Some(b'c') => &[b"cdn-", b"cf-", b"client-geo"],
        // EdgeCast (X-EC-Geo-*); Envoy (X-Envoy-External-Address, X-Envoy-Internal).
        Some(b'e') => &[b"ec-", b"envoy-"],
        // Fastly; Azure Front Door (X-FD-*).
        Some(b'f') => &[b"fastly-", b"fd-"],
        // Gcore; Google; X-Geo-*, X-GeoIP-* of many.
        Some(b'g') => &[b"gcore-", b"geo", b"google-"],
        Some(b'i') => &[b"incap-"],
        Some(b'l') => &[b"layer0-"],
        // Netlify (X-NF-Client-Connection-IP, X-NF-Geo).
        Some(b'n') => &[b"nf-"],
        Some(b'r') => &[b"real-"],
        // StackPath; Sucuri (X-Sucuri-ClientIP, X-Sucuri-Country).
        Some(b's') => &[b"sp-", b"sucuri-"],
        // Vercel (X-Vercel-IP-*, X-Vercel-Forwarded-For); many.
        Some(b'v') => &[b"vercel-", b"viewer-", b"visitor-"],
        // Azure App Service (X-WAWS-Unencoded-URL).
        Some(b'w') => &[b"waws-"],
        _ => return false,
    };
    beginnings.iter().any(|start| rest.starts_with(start))
}

#[cfg(test)]
mod tests {
    use crate::headers::name::Name;

    /// By vendor, as their documentation spells them.
    const PLACES: &[(&str, &str)] = &[
        (
            "Akamai",
            "True-Client-IP X-Akamai-Edgescape X-Akamai-Client-IP Akamai-Client-IP",
        ),
        (
            "Alibaba",
            "Ali-CDN-Real-IP Ali-Real-Client-IP X-Alicdn-Client-IP",
        ),
        (
            "Amazon",
            "CloudFront-Viewer-Country CloudFront-Viewer-Country-Name CloudFront-Viewer-Country-Region \
             CloudFront-Viewer-Country-Region-Name CloudFront-Viewer-City CloudFront-Viewer-Latitude \
             CloudFront-Viewer-Longitude CloudFront-Viewer-Metro-Code CloudFront-Viewer-Postal-Code \
             CloudFront-Viewer-Time-Zone CloudFront-Viewer-Address CloudFront-Viewer-ASN \
             CloudFront-Forwarded-Proto",
        ),
        ("ArvanCloud", "ar-real-ip AR-Real-Country"),
        (
            "Azure",
            "X-Azure-ClientIP X-Azure-SocketIP X-Azure-ClientIP-Country X-ARR-ClientCert \
             X-FD-ClientIP X-FD-SocketIP X-FD-HealthProbe X-MS-Forwarded-Client-IP X-WAWS-Unencoded-URL",
        ),
        (
            "Bunny",
            "CDN-RequestCountryCode CDN-RequestStateCode CDN-Client-IP X-Bunny-Country",
        ),
        (
            "Cloudflare",
            "CF-IPCountry CF-IPCity CF-IPContinent CF-IPLatitude CF-IPLongitude CF-Region \
             CF-Region-Code CF-Metro-Code CF-Postal-Code CF-Timezone CF-Connecting-IP \
             CF-Connecting-IPv6 CF-Pseudo-IPv4 Cf-Worker CF-Visitor",
        ),
        ("DDoS-Guard", "DDG-Connecting-IP DDG-Connecting-Country"),
        ("DigitalOcean", "DO-Connecting-IP"),
        (
            "Edgio",
            "X-EC-Geo-Country-Code X-0-Geo-Country-Code X-0-Client-IP X-EC-Client-IP",
        ),
        (
            "Envoy",
            "X-Envoy-External-Address X-Envoy-Internal X-Envoy-Downstream-Service-Node",
        ),
        (
            "Fastly",
            "Fastly-Client-IP Fastly-Client-IP-Country Fastly-Geo-Country Fastly-Client \
             Fastly-SSL X-Fastly-Client-IP",
        ),
        (
            "Fly.io",
            "Fly-Client-IP Fly-Region Fly-Forwarded-Proto Fly-Forwarded-Port",
        ),
        (
            "Gcore",
            "X-Gcore-Country GeoIP-Country-Code X-GeoIP-Country-Code",
        ),
        (
            "Google",
            "X-AppEngine-Country X-Appengine-City X-AppEngine-CityLatLong X-AppEngine-Region \
             X-AppEngine-User-IP X-AppEngine-Remote-Addr X-AppEngine-Https X-Client-Geo-Location \
             X-Client-Region X-Client-City X-Client-City-Lat-Long X-Client-Region-Subdivision \
             X-Client-IP-Address",
        ),
        (
            "Imperva",
            "Incap-Client-IP Incap-Country-Code X-Incap-Client-IP",
        ),
        (
            "Netlify",
            "X-NF-Client-Connection-IP X-NF-Geo X-Nf-Account-Id X-Country",
        ),
        ("NetScaler", "NS-Client-IP X-NS-Client-IP"),
        ("Oracle", "WL-Proxy-Client-IP Proxy-Client-IP WL-Proxy-SSL"),
        ("Rackspace, Zeus", "X-Cluster-Client-IP"),
        (
            "Section.io",
            "Section-Io-Geo-Country-Code Section-Io-Geo-City",
        ),
        ("Shopify", "X-Shopify-Client-IP"),
        ("StackPath", "X-SP-Client-IP X-SP-Edge-Host"),
        ("Sucuri", "X-Sucuri-ClientIP X-Sucuri-Country"),
        (
            "Tencent",
            "EO-Connecting-IP EO-Client-IP EO-Client-IPCountry X-Tencent-UA-Client-IP",
        ),
        (
            "Vercel",
            "X-Vercel-IP-Country X-Vercel-IP-Country-Region X-Vercel-IP-City X-Vercel-IP-Latitude \
             X-Vercel-IP-Longitude X-Vercel-IP-Timezone X-Vercel-IP-Continent X-Vercel-Forwarded-For \
             X-Vercel-Proxied-For X-Vercel-Id",
        ),
        (
            "Of many",
            "Country-Code X-Country-Code X-CountryCode X-Country-Name X-Geo-Country X-Geo-Country-Code \
             X-Geo-City X-Geo-Region X-Geo-IP X-GeoIP X-GeoIP2-Country X-Geoip-Latitude X-Nginx-Geo \
             Geo-Country GeoIP-City GeoIP-Region GeoIP-Continent-Code X-City X-Region X-Continent \
             X-User-Country X-User-IP X-Real-IP X-Real-Port X-Client-IP X-ClientIP X-Client-Country \
             Client-IP X-Original-Forwarded-For X-Original-Remote-Addr Forwarded-For X-Forwarded \
             Forwarded-For-IP X-Originating-IP X-Remote-IP X-Remote-Addr X-Source-IP X-ProxyUser-IP \
             X-Proxy-User-IP X-Host-IP X-Peer-IP X-Orig-Client-IP Remote-Addr Remote-IP Source-IP \
             X-IP X-IP-Country X-IPAddress X-Azion-Geo-Country X-BlueCoat-Client-IP X-XFF \
             HTTP-Client-IP HTTP-X-Forwarded-For X-Viewer-Country X-Visitor-Country X-Edge-Client-IP \
             X-Some-Vendor-With-A-Very-Long-Name-Client-Country",
        ),
    ];

    #[test]
    fn nobody_says_where_he_is_in_the_name_of_a_cdn() {
        for (vendor, names) in PLACES {
            for name in names.split_ascii_whitespace() {
                for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
                    let meaning = Name::of(&name);
                    let removed = matches!(meaning, Name::Spoofable | Name::Forwarded);
                    assert!(removed, "{vendor}: {name} is {meaning:?}");
                }
            }
        }
    }

    #[test]
    fn what_clients_need_passes() {
        let names = "Accept Accept-Encoding Accept-Language Accept-Charset Access-Control-Request-Method \
            Content-Type Content-Encoding Content-Language Content-Location User-Agent Referer Origin \
            If-None-Match If-Modified-Since If-Range Range Priority Pragma DNT Save-Data \
            Sec-Fetch-Site Sec-Fetch-Mode Sec-CH-UA Sec-CH-UA-Platform Sec-GPC \
            Upgrade-Insecure-Requests X-Requested-With X-HTTP-Version X-Custom Idempotency-Id \
            X-Description X-Skip X-Zip X-Shipping X-Longer X-Flavour X-Belongs ETag Vary Location \
            Last-Modified Link Warning Server X-Frame-Options X-Content-Type-Options Server-Timing \
            X-OTS-Intended-Status Retry-After Age Allow Expires Content-Security-Policy Early-Data";
        for name in names.split_ascii_whitespace() {
            assert_eq!(Name::of(name), Name::Plain, "{name}");
        }
    }

    #[test]
    fn credentials_are_known_by_their_names() {
        let names = "X-Api-Key Api-Key ApiKey X-ApiKey X-Auth-Token Auth-Token X-Auth-Key X-Auth \
            X-Access-Token Access-Token X-XSRF-Token XSRF-Token CSRF-Token X-CSRFToken \
            X-Amz-Security-Token X-Amz-Signature X-Vault-Token Private-Token X-GitLab-Token \
            X-Session-Id X-Session-Token X-Session Session Cookie2 X-JWT X-Authorization \
            X-Authentication X-Goog-Iap-Jwt-Assertion X-Shopify-Access-Token X-Secret X-Password \
            X-Passphrase X-User-Credentials X-Hub-Signature-256 DPoP-Token Ocp-Apim-Subscription-Key \
            X-Functions-Key Idempotency-Key X-Shrimp X-OTP";
        for name in names.split_ascii_whitespace() {
            for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
                assert_eq!(Name::of(&name), Name::Credential, "{name}");
            }
        }
    }
}
