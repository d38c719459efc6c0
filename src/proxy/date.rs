//! The `Date` of answers (RFC 9110 §6.6.1), formatted once a second and thread.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use httpdate::fmt_http_date;
use tokio::time::Instant;

struct Cached {
    until: Instant,
    text: std::rc::Rc<str>,
}

thread_local! {
    static CACHED: RefCell<Option<Cached>> = const { RefCell::new(None) };
}

/// The date as HTTP writes it, at most a second old.
#[must_use]
pub fn now() -> std::rc::Rc<str> {
    let now = Instant::now();
    CACHED.with_borrow_mut(|cached| match cached {
        Some(cached) if now < cached.until => cached.text.clone(),
        _ => {
            let text: std::rc::Rc<str> = fmt_http_date(SystemTime::now()).into();
            *cached = Some(Cached {
                until: now + Duration::from_secs(1),
                text: text.clone(),
            });
            text
        }
    })
}
