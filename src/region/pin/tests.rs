//! Tests of pins and the gateway's own cookies.

use proptest::prelude::*;

use super::*;

fn header(values: &[&'static str]) -> Sent<'static> {
    Sent::header(values.iter().map(|value| value.as_bytes()))
}

fn read<'a>(fields: &[&'a str]) -> OwnCookies<'a> {
    CookieNames::default().read(fields.iter().map(|field| field.as_bytes()))
}

fn foreign(fields: &[&str]) -> Option<String> {
    let mut out = Vec::new();
    let any = CookieNames::default().foreign(fields.iter().map(|field| field.as_bytes()), &mut out);
    any.then(|| String::from_utf8(out).unwrap())
}

#[test]
fn the_pin_header_has_one_value_without_white_space() {
    assert_eq!(header(&[]), Sent::Nothing);
    assert_eq!(header(&["eu"]), Sent::One(b"eu"));
    assert_eq!(header(&["\t eu  "]), Sent::One(b"eu"));
    assert_eq!(header(&[""]), Sent::One(b""));
    assert_eq!(header(&["eu, us"]), Sent::One(b"eu, us"));
    assert_eq!(header(&["eu", "eu"]), Sent::Several);
}

#[test]
fn own_cookies_are_read_from_any_field() {
    assert_eq!(read(&[]), OwnCookies::default());
    let own = read(&["a=b; __Host-ots-region=eu", "__Host-ots-sticky=us;c"]);
    assert_eq!(own.pin, Sent::One(b"eu"));
    assert_eq!(own.sticky, Sent::One(b"us"));
    assert!(own.foreign);
    let own = read(&[";; __Host-ots-region = eu ;"]);
    assert_eq!((own.pin, own.foreign), (Sent::One(b"eu".as_slice()), false));
    let own = read(&["__host-region=eu; x__Host-ots-region=eu; __Host-regionx=eu"]);
    assert_eq!((own.pin, own.foreign), (Sent::Nothing, true));
    assert_eq!(read(&["__Host-ots-region"]).pin, Sent::One(b""));
    assert_eq!(read(&["__Host-ots-region=a=b"]).pin, Sent::One(b"a=b"));
}

#[test]
fn cookies_of_one_name_that_differ_are_no_choice() {
    assert_eq!(
        read(&["__Host-ots-region=eu; __Host-ots-region=eu"]).pin,
        Sent::One(b"eu")
    );
    assert_eq!(
        read(&["__Host-ots-region=eu; __Host-ots-region=us"]).pin,
        Sent::Several
    );
    assert_eq!(
        read(&[
            "__Host-ots-region=eu; __Host-ots-region=us",
            "__Host-ots-region=eu"
        ])
        .pin,
        Sent::Several
    );
}

#[test]
fn only_own_cookies_are_removed_and_the_rest_is_kept_byte_for_byte() {
    assert_eq!(foreign(&["__Host-ots-region=eu"]), None);
    assert_eq!(
        foreign(&["__Host-ots-region=eu; __Host-ots-sticky=us", " ; "]),
        None
    );
    assert_eq!(foreign(&["a=b"]).as_deref(), Some("a=b"));
    assert_eq!(
        foreign(&["a=\"x y\"; __Host-ots-region=eu; sess=1==", "c;d = e"]).as_deref(),
        Some("a=\"x y\"; sess=1==; c; d = e")
    );
}

#[test]
fn cookies_are_set_and_cleared_host_only() {
    let names = CookieNames::default();
    let eu = RegionName::new("eu").unwrap();
    let attributes = "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=";
    assert_eq!(
        names.set_pin(&eu),
        format!("__Host-ots-region=eu; {attributes}31536000")
    );
    assert_eq!(
        names.clear_pin(),
        format!("__Host-ots-region=; {attributes}0")
    );
    assert_eq!(
        names.set_sticky(&eu),
        format!("__Host-ots-sticky=eu; {attributes}31536000")
    );
    assert_eq!(
        names.clear_sticky(),
        format!("__Host-ots-sticky=; {attributes}0")
    );
}

#[test]
fn cookie_names_are_prefixed_and_distinct() {
    assert!(CookieNames::new("__Host-r", "__Host-s").is_ok());
    for bad in [
        "",
        "region",
        "__Secure-region",
        "__Host-",
        "__Host-a b",
        "__Host-a=b",
        "__host-a",
    ] {
        assert!(
            matches!(
                CookieNames::new("__Host-r", bad),
                Err(CookieNameError::Form { .. })
            ),
            "{bad:?}"
        );
    }
    assert!(matches!(
        CookieNames::new("__Host-r", "__Host-R"),
        Err(CookieNameError::Same { .. })
    ));
}

#[test]
fn nothing_prints_a_value() {
    let own = read(&["__Host-ots-region=hunter2; session=hunter2"]);
    assert!(!format!("{own:?} {:?}", header(&["hunter2"])).contains("hunter2"));
}

proptest! {
    /// Write, then read: the identity, whatever stands around it.
    #[test]
    fn what_is_set_is_read_back(name in "[a-z0-9]{1,32}", before in "[a-z]{0,9}=[!-:<-~]{0,9}") {
        prop_assume!(name != "auto" && name != "refuse");
        let names = CookieNames::default();
        let set = names.set_pin(&RegionName::new(&name).unwrap());
        let pair = set.split(';').next().unwrap();
        let field = format!("{before}; {pair}");
        let own = names.read([field.as_bytes()].into_iter());
        prop_assert_eq!(own.pin, Sent::One(name.as_bytes()));
        prop_assert_eq!(own.sticky, Sent::Nothing);
    }

    /// Removing is idempotent, leaves nothing of ours, and agrees with reading.
    #[test]
    fn removing_leaves_only_what_is_not_ours(
        fields in proptest::collection::vec("((a|__Host-ots-region|__Host-ots-sticky|b c)?=?[x ]?;? ?){0,5}", 0..4),
    ) {
        let names = CookieNames::default();
        let bytes = || fields.iter().map(String::as_bytes);
        let mut once = Vec::new();
        let any = names.foreign(bytes(), &mut once);
        prop_assert_eq!(any, !once.is_empty());
        prop_assert_eq!(any, names.read(bytes()).foreign);
        let rest = names.read([once.as_slice()].into_iter());
        prop_assert_eq!((rest.pin, rest.sticky), (Sent::Nothing, Sent::Nothing));
        let mut twice = Vec::new();
        names.foreign([once.as_slice()].into_iter(), &mut twice);
        prop_assert_eq!(&once, &twice);
    }

    #[test]
    fn any_bytes_can_be_read(field in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut out = Vec::new();
        CookieNames::default().read([field.as_slice()].into_iter());
        CookieNames::default().foreign([field.as_slice()].into_iter(), &mut out);
    }
}
