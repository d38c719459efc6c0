//! Creates a secret from a request's parameters, checked as the application checks them.

use std::rc::Rc;

use super::account::Caller;
use super::call::Call;
use crate::demo::region::without_port;
use crate::demo::store::{Draft, Kind};

const DAY: u64 = 24 * 3600;
const SHORTEST: u64 = 60;
const USUAL: u64 = 7 * DAY;

/// The longest secret of the current dialect, in bytes.
const LARGEST: usize = 10_000;

/// The longest generated value.
const LONGEST_VALUE: usize = 128;

/// What values are generated from: no letters that look alike.
const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// Why nothing was created. Without `Debug`: its words can name an address.
pub(super) enum Complaint {
    /// The parameters are at fault.
    Form(String),
    /// It needs an account.
    Account(&'static str),
    /// It needs another domain.
    Domain(String),
}

impl Complaint {
    /// The application's words.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Form(message) | Self::Domain(message) => message,
            Self::Account(message) => message,
        }
    }
}

/// What was created.
pub(super) struct Created {
    pub(super) receipt: Rc<str>,
    /// The value, if it was generated.
    pub(super) generated: Option<String>,
}

/// Stores what the parameters say. `name` turns the application's parameter name into the name in
/// the request (`ttl` or `secret[ttl]`).
pub(super) fn create(
    call: &Call<'_>,
    kind: Kind,
    name: impl Fn(&str) -> String,
) -> Result<Created, Complaint> {
    let text = |what: &str| call.params.text(&name(what)).to_owned();
    let value = match kind {
        Kind::Conceal => text("secret"),
        Kind::Generate => generate(call, call.params.get(&name("length")))?,
    };
    if call.region.current() && value.len() > LARGEST {
        return Err(Complaint::Form(format!(
            "Secret value exceeds the maximum size of {LARGEST} bytes"
        )));
    }
    let recipients = recipients(call, &name("recipient"))?;
    refuse_foreign_domain(call, &text("share_domain"))?;
    let passphrase = text("passphrase");
    check_passphrase(&passphrase, if call.region.current() { 4 } else { 8 })?;
    if value.is_empty() {
        let words = "You did not provide anything to share";
        return Err(Complaint::Form(words.to_owned()));
    }
    let generated = (kind == Kind::Generate).then(|| value.clone());
    let receipt = call.region.store.borrow_mut().create(
        call.now,
        Draft {
            secret_key: call.region.keys.mint(),
            receipt_key: call.region.keys.mint(),
            value,
            passphrase,
            ttl: ttl(call.params.get(&name("ttl")), call.caller),
            kind,
            owned: call.caller == Caller::Account,
            recipients,
        },
    );
    Ok(Created { receipt, generated })
}

/// Silently clamped: a minute to seven days, or fourteen for the account.
fn ttl(asked: Option<&str>, caller: Caller) -> u64 {
    let longest = match caller {
        Caller::Account => 14 * DAY,
        Caller::Anonymous | Caller::Refused => 7 * DAY,
    };
    asked.map_or(USUAL, leading_number).clamp(SHORTEST, longest)
}

/// The number that a text begins with, 0 if none, as the application's language reads it.
fn leading_number(text: &str) -> u64 {
    let text = text.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.get(..digits) {
        None | Some("") => 0,
        Some(digits) => digits.parse().unwrap_or(u64::MAX),
    }
}

fn generate(call: &Call<'_>, length: Option<&str>) -> Result<String, Complaint> {
    let length = length.map_or(12, leading_number);
    let length = usize::try_from(length).unwrap_or(usize::MAX).max(1);
    if length > LONGEST_VALUE {
        return Err(Complaint::Form(format!(
            "Generated password length must be no more than {LONGEST_VALUE} characters"
        )));
    }
    let random = call.region.random.bytes::<LONGEST_VALUE>();
    let letters = random.iter().take(length).map(|byte| {
        let letter = ALPHABET.get(usize::from(*byte) % ALPHABET.len());
        char::from(letter.copied().unwrap_or(b'x'))
    });
    Ok(letters.collect())
}

/// The addressees, obscured: nothing is mailed in a demo.
fn recipients(call: &Call<'_>, name: &str) -> Result<Vec<String>, Complaint> {
    let asked: Vec<&str> = call
        .params
        .all(name)
        .filter(|one| !one.is_empty())
        .collect();
    if !asked.is_empty() && call.caller != Caller::Account {
        return Err(Complaint::Account("An account is required to send emails."));
    }
    asked
        .into_iter()
        .map(|address| match address.split_once('@') {
            Some((local, domain)) if !local.is_empty() && domain.contains('.') => {
                let shown: String = local.chars().take(2).collect();
                let first: String = domain.chars().take(1).collect();
                let last = domain.rsplit('.').next().unwrap_or_default();
                Ok(format!("{shown}*****@{first}*****.{last}"))
            }
            _ => Err(Complaint::Form(format!(
                "Undeliverable email address: {address}"
            ))),
        })
        .collect()
}

/// A demo region serves no custom domains: its own name is ignored, a foreign one refused.
fn refuse_foreign_domain(call: &Call<'_>, domain: &str) -> Result<(), Complaint> {
    let site = call.region.site();
    let own = domain == &*site || domain == without_port(&site);
    if own || !domain.contains('.') {
        return Ok(());
    }
    if !call.region.current() || call.caller == Caller::Account {
        return Err(Complaint::Form(format!("Unknown domain: {domain}")));
    }
    Err(Complaint::Domain(format!(
        "You do not have permission to use domain: {domain}"
    )))
}

fn check_passphrase(passphrase: &str, shortest: usize) -> Result<(), Complaint> {
    let length = passphrase.chars().count();
    if length > 0 && length < shortest {
        return Err(Complaint::Form(format!(
            "Passphrase must be at least {shortest} characters long"
        )));
    }
    if length > 128 {
        let words = "Passphrase must be no more than 128 characters long";
        return Err(Complaint::Form(words.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_ttl_is_clamped() {
        for (asked, anonymous, account) in [
            (None, 7 * DAY, 7 * DAY),
            (Some("1"), 60, 60),
            (Some("3600"), 3600, 3600),
            (Some("3600.9"), 3600, 3600),
            (Some(" +90x"), 90, 90),
            (Some("-5"), 60, 60),
            (Some("soon"), 60, 60),
            (Some("99999999"), 7 * DAY, 14 * DAY),
            (Some("99999999999999999999999"), 7 * DAY, 14 * DAY),
        ] {
            assert_eq!(ttl(asked, Caller::Anonymous), anonymous, "{asked:?}");
            assert_eq!(ttl(asked, Caller::Account), account, "{asked:?}");
        }
    }

    #[test]
    fn passphrases_have_bounds() {
        assert!(check_passphrase("", 4).is_ok());
        assert!(check_passphrase("abc", 4).is_err());
        assert!(check_passphrase("äöüß", 4).is_ok());
        assert!(check_passphrase(&"a".repeat(128), 8).is_ok());
        assert!(check_passphrase(&"a".repeat(129), 8).is_err());
    }

    proptest! {
        #[test]
        fn any_ttl_is_within_the_bounds(asked in ".{0,30}") {
            let ttl = ttl(Some(&asked), Caller::Anonymous);
            prop_assert!((SHORTEST..=USUAL).contains(&ttl));
        }
    }
}
