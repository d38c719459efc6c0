//! `/region` as a person meets it, in Chromium before a world of demo regions: choosing, forgetting,
//! the way back, the keyboard alone, six languages, a phone, the dark, and no script.

use std::time::Duration;

use onetime_gateway::demo::world::{World, WorldOptions};

use crate::webdriver::{Browser, Driver, ENTER, Look, TAB};

const PIN: &str = "__Host-ots-region";

/// Where the page says which region one is sent to.
const HERE: &str = "section[aria-labelledby=here] .name";

/// Whatever can be operated.
const OPERABLE: &str = "a[href], button";

struct Place {
    driver: Driver,
    world: World,
}

impl Place {
    fn start() -> Option<Self> {
        let driver = Driver::start()?;
        let world = World::start(WorldOptions::ephemeral()).expect("a world");
        Some(Self { driver, world })
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.world.https().port())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_chooses_returns_and_forgets() {
    let Some(place) = Place::start() else { return };
    let browser = place.driver.open(&Look::default()).await;
    let page = place.url("localhost", "/region?return=%2Fsignin%3Ffrom%3Dhere");
    browser.go(&page).await;
    assert_eq!(browser.title().await, "Your region · localhost");
    assert_eq!(browser.all("button[name=forget]").await.len(), 0);
    assert_eq!(browser.cookie(PIN).await, None);
    let before = browser.read(HERE).await;
    let wanted = if before == "ca" { "nz" } else { "ca" };
    let button = format!("button[name=region][value={wanted}]");

    // Over 303 to where one was, and on to the region that is now chosen; the browser holds
    // `form-action` against each step.
    browser.click(&button).await;
    let there = place.url(&format!("{wanted}.localhost"), "/signin?from=here");
    arrives(&browser, &there).await;

    browser.go(&page).await;
    assert_eq!(browser.read(HERE).await, wanted);
    let kept = browser.cookie(PIN).await.expect("a pin");
    assert_eq!(kept["value"], wanted);
    assert_eq!(kept["httpOnly"], true);
    assert_eq!(kept["secure"], true);
    assert_eq!(kept["sameSite"], "Lax");
    assert_eq!(kept["domain"], "localhost");
    let marked = browser.one("button[aria-current=true]").await;
    let value = browser.attribute(&marked, "value").await;
    assert_eq!(value.as_deref(), Some(wanted));

    // The way back without a choice.
    browser.click(".back a").await;
    arrives(&browser, &there).await;

    browser.go(&place.url("localhost", "/region")).await;
    browser.click("button[name=forget]").await;
    shown(&browser, &before).await;
    assert_eq!(browser.url().await, place.url("localhost", "/region"));
    assert_eq!(browser.cookie(PIN).await, None);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_is_enough() {
    let Some(place) = Place::start() else { return };
    let browser = place.driver.open(&Look::default()).await;
    browser
        .go(&place.url("localhost", "/region?return=/signin"))
        .await;
    // Tab reaches everything that can be operated, in the order of the page, and shows where it is.
    let operable = browser.all(OPERABLE).await;
    assert_eq!(operable.len(), 6, "five regions and the way back");
    for element in &operable {
        browser.press(TAB).await;
        assert_eq!(browser.focused().await, *element);
        assert!(!browser.label(element).await.trim().is_empty());
        let ring = "getComputedStyle(document.activeElement).outlineStyle";
        assert_eq!(browser.value(ring).await, "solid");
    }
    browser.go(&place.url("localhost", "/region")).await;
    for _ in 0..8 {
        browser.press(TAB).await;
        let at = browser.focused().await;
        if browser.attribute(&at, "value").await.as_deref() == Some("nz") {
            break;
        }
    }
    browser.press(ENTER).await;
    shown(&browser, "nz").await;
    assert_eq!(browser.cookie(PIN).await.expect("a pin")["value"], "nz");
    browser.close().await;
}

/// Waits until the page says that one is sent to `region`.
async fn shown(browser: &Browser<'_>, region: &str) {
    until(region, || async { browser.try_read(HERE).await }).await;
}

/// Waits until the browser is at `url`.
async fn arrives(browser: &Browser<'_>, url: &str) {
    until(url, || async { Some(browser.url().await) }).await;
}

/// A browser does not always hold a command back until the page that follows is there.
async fn until<F: Future<Output = Option<String>>>(wanted: &str, look: impl Fn() -> F) {
    let mut found = None;
    for _ in 0..400 {
        found = look().await;
        if found.as_deref() == Some(wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{wanted} never came, but {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn six_languages_on_a_phone() {
    let Some(place) = Place::start() else { return };
    for (languages, tag, title) in [
        ("en-NZ,en", "en", "Your region"),
        ("fr-CA,fr,en", "fr", "Votre région"),
        ("pl", "pl", "Twój region"),
        ("sv-SE", "sv", "Din region"),
        ("uk", "uk", "Ваш регіон"),
        ("zh-CN", "zh-Hans", "您的区域"),
        ("de,it", "en", "Your region"),
    ] {
        let look = Look {
            languages,
            phone: Some((320, 640)),
            ..Look::default()
        };
        let browser = place.driver.open(&look).await;
        browser
            .go(&place.url("localhost", "/region?return=/signin"))
            .await;
        assert_eq!(browser.read("h1").await, title, "{languages}");
        let root = browser.one("html").await;
        let lang = browser.attribute(&root, "lang").await;
        assert_eq!(lang.as_deref(), Some(tag), "{languages}");
        // WCAG 2.2, 1.4.10 and 2.5.8: nothing to scroll sideways, nothing too small for a finger.
        let wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
        assert_eq!(browser.value(wide).await, true, "{languages}");
        let small = "[...document.querySelectorAll('button')]\
                     .filter(button => button.getBoundingClientRect().height < 44).length";
        assert_eq!(browser.value(small).await, 0, "{languages}");
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_script_is_needed() {
    let Some(place) = Place::start() else { return };
    let look = Look {
        script: false,
        ..Look::default()
    };
    let browser = place.driver.open(&look).await;
    browser
        .go(&place.url("localhost", "/region?return=/signin"))
        .await;
    browser.click("button[name=region][value=uk]").await;
    arrives(&browser, &place.url("uk.localhost", "/signin")).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn light_and_dark_follow_the_device() {
    let Some(place) = Place::start() else { return };
    let browser = place.driver.open(&Look::default()).await;
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme).await;
        browser.go(&place.url("localhost", "/region")).await;
        let ground = "getComputedStyle(document.body).backgroundColor";
        grounds.push(browser.value(ground).await);
    }
    assert_eq!(grounds, ["rgb(247, 246, 243)", "rgb(23, 22, 20)"]);
    browser.close().await;
}
