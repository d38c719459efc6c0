//! The languages of the gateway's pages, and which of them a caller's `Accept-Language` prefers.

use super::weight::weighted;
use super::words::{self, Words};

/// A language that the pages are written in.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Language {
    /// English: the language of all who asked for none of these.
    #[default]
    English,
    /// French.
    French,
    /// Polish.
    Polish,
    /// Swedish.
    Swedish,
    /// Ukrainian.
    Ukrainian,
    /// Chinese, in simplified characters.
    Chinese,
}

/// What was said of one language.
#[derive(Clone, Copy)]
enum Said {
    Nothing,
    /// Its weight, and its place in the list.
    Wanted(u16, usize),
    /// Weight 0 (RFC 9110 §12.4.2: "not acceptable").
    Refused,
}

impl Language {
    /// Every language, in the order in which equals are preferred.
    pub const ALL: [Self; 6] = [
        Self::English,
        Self::French,
        Self::Polish,
        Self::Swedish,
        Self::Ukrainian,
        Self::Chinese,
    ];

    /// The tag of `lang` and `Content-Language` (RFC 5646).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
            Self::Polish => "pl",
            Self::Swedish => "sv",
            Self::Ukrainian => "uk",
            Self::Chinese => "zh-Hans",
        }
    }

    /// The primary subtag: whoever asks for `fr-CA` reads French (RFC 4647 §3.4).
    const fn primary(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            other => other.tag(),
        }
    }

    /// All that the pages say in this language.
    #[must_use]
    pub const fn words(self) -> &'static Words {
        match self {
            Self::English => &words::EN,
            Self::French => &words::FR,
            Self::Polish => &words::PL,
            Self::Swedish => &words::SV,
            Self::Ukrainian => &words::UK,
            Self::Chinese => &words::ZH,
        }
    }

    /// The language that the values of all `Accept-Language` fields prefer (RFC 9110 §12.5.4): the
    /// greatest weight, of equals the first named. English where none of ours is wanted: an answer
    /// in it serves better than none.
    pub fn preferred<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut said = [Said::Nothing; Self::ALL.len()];
        let mut any = 0;
        for (place, range) in weighted(values).enumerate() {
            if range.item == b"*" {
                any = any.max(range.weight);
                continue;
            }
            let mut subtags = range.item.split(|byte| *byte == b'-');
            let primary = subtags.next().unwrap_or_default();
            let whole = subtags.next().is_none();
            for (language, said) in Self::ALL.into_iter().zip(&mut said) {
                if primary.eq_ignore_ascii_case(language.primary().as_bytes()) {
                    said.and(range.weight, place, whole);
                }
            }
        }
        let mut best = (Self::English, 0, false, 0);
        for (language, said) in Self::ALL.into_iter().zip(said) {
            let (weight, named, place) = match said {
                Said::Wanted(weight, place) => (weight, true, place),
                Said::Nothing => (any, false, usize::MAX),
                Said::Refused => continue,
            };
            // `*` stands for what is not named, and comes after what is named as dearly.
            let better = weight > best.1
                || (weight == best.1 && weight > 0 && (named && (!best.2 || place < best.3)));
            if better {
                best = (language, weight, named, place);
            }
        }
        best.0
    }
}

impl Said {
    fn and(&mut self, weight: u16, place: usize, whole: bool) {
        *self = match *self {
            Self::Refused => Self::Refused,
            // A variety that is not wanted says nothing of the language.
            unchanged if weight == 0 && !whole => unchanged,
            _ if weight == 0 => Self::Refused,
            Self::Wanted(earlier, place) if earlier >= weight => Self::Wanted(earlier, place),
            Self::Wanted(..) | Self::Nothing => Self::Wanted(weight, place),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(value: &str) -> Language {
        Language::preferred([value.as_bytes()].into_iter())
    }

    #[test]
    fn the_greatest_weight_wins_and_of_equals_the_first() {
        for (value, expected) in [
            ("", Language::English),
            ("de", Language::English),
            ("fr", Language::French),
            ("FR-ca", Language::French),
            ("de, pl;q=0.5, sv;q=0.6", Language::Swedish),
            ("uk, en;q=0.9", Language::Ukrainian),
            ("sv, pl", Language::Swedish),
            ("pl, sv", Language::Polish),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("zh-Hant-TW, en;q=0.5", Language::Chinese),
            ("*", Language::English),
            ("*, fr", Language::French),
            ("fr;q=0.5, *", Language::English),
            ("en;q=0, *", Language::French),
            ("en;q=0, *;q=0.5, uk", Language::Ukrainian),
            ("fr-CA;q=0, fr", Language::French),
            ("fr-CA, fr;q=0, pl;q=0.1", Language::Polish),
            ("fr;q=2, sv;q=0.1", Language::Swedish),
            ("fra, français, plx", Language::English),
        ] {
            assert_eq!(of(value), expected, "{value}");
        }
        assert_eq!(Language::preferred(std::iter::empty()), Language::English);
    }

    #[test]
    fn tags_are_unique() {
        let tags: std::collections::HashSet<_> =
            Language::ALL.into_iter().map(Language::tag).collect();
        assert_eq!(tags.len(), Language::ALL.len());
    }

    fn one() -> impl Strategy<Value = Language> {
        prop::sample::select(Language::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn the_only_one_that_is_wanted_is_given(language in one(), weight in 1u16..=1000, junk in "[a-z0-9;=*,. -]{0,20}") {
            let value = format!("{};q={}.{:03}", language.tag(), weight / 1000, weight % 1000);
            prop_assert_eq!(of(&value), language);
            // What is malformed or unknown beside it changes nothing.
            let beside = format!("x{}, {value}", junk.replace([',', ';', '*'], ""));
            prop_assert_eq!(of(&beside), language);
        }

        #[test]
        fn agrees_with_sorting(weights in prop::collection::vec((one(), 1u16..=1000), 1..8)) {
            let list: Vec<String> = weights
                .iter()
                .map(|(language, weight)| {
                    format!("{}-x;q={}.{:03}", language.primary(), weight / 1000, weight % 1000)
                })
                .collect();
            let mut sorted = weights;
            sorted.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
            prop_assert_eq!(of(&list.join(",")), sorted[0].0);
        }

        #[test]
        fn never_panics(value in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Language::preferred([value.as_slice()].into_iter());
        }
    }
}
