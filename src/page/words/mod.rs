//! All that the pages say, one file for each language. What is added here is asked of every one of
//! them by the compiler. Texts hold no markup.

mod en;
mod fr;
mod pl;
mod sv;
mod uk;
mod zh;

pub use en::WORDS as EN;
pub use fr::WORDS as FR;
pub use pl::WORDS as PL;
pub use sv::WORDS as SV;
pub use uk::WORDS as UK;
pub use zh::WORDS as ZH;

use super::message::Message;
use crate::region::Reason;

/// The texts of one language.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// The region page's title.
    pub title: &'static str,
    /// Stands over the region.
    pub sent_to: &'static str,
    /// Stands before a jurisdiction.
    pub jurisdiction: &'static str,
    /// Stands over the choices.
    pub choose: &'static str,
    /// What a choice means.
    pub choose_note: &'static str,
    /// Marks the current choice.
    pub current: &'static str,
    /// Forgets the choice.
    pub forget: &'static str,
    /// What forgetting means.
    pub forget_note: &'static str,
    /// Leads back to where one was.
    pub back: &'static str,
    /// What programs do instead.
    pub programs: &'static str,
    /// Stands before a region's name.
    pub region: &'static str,
    /// Stands before all regions' names.
    pub regions: &'static str,
    /// Leads to the region page.
    pub see_regions: &'static str,
    /// Stands before a request's id.
    pub request: &'static str,
    /// Nothing was done.
    pub try_again: &'static str,
    /// Something may have been done.
    pub look_first: &'static str,
    /// Why one is sent there, as a sentence.
    pub reason: fn(Reason) -> &'static str,
    /// What went wrong, as a sentence without its full stop.
    pub message: fn(Message) -> &'static str,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::page::language::Language;

    fn all(words: &Words) -> Vec<&'static str> {
        let mut texts = vec![
            words.title,
            words.sent_to,
            words.jurisdiction,
            words.choose,
            words.choose_note,
            words.current,
            words.forget,
            words.forget_note,
            words.back,
            words.programs,
            words.region,
            words.regions,
            words.see_regions,
            words.request,
            words.try_again,
            words.look_first,
        ];
        texts.extend(Reason::ALL.map(words.reason));
        texts.extend(Message::ALL.map(words.message));
        texts
    }

    #[test]
    fn every_text_is_plain() {
        for language in Language::ALL {
            for text in all(language.words()) {
                assert!(!text.is_empty() && text.trim() == text, "{text:?}");
                assert!(!text.contains(['<', '>', '&', '"']), "{text}");
                assert!(!text.contains("  "), "{text}");
            }
        }
    }

    #[test]
    fn reasons_are_sentences_and_messages_lack_their_stop() {
        for language in Language::ALL {
            let words = language.words();
            for reason in Reason::ALL {
                assert!((words.reason)(reason).ends_with(['.', '。']));
            }
            for message in Message::ALL {
                assert!(!(words.message)(message).ends_with(['.', '。']));
            }
        }
    }

    /// A text that was copied and not translated is found, but for words that languages share.
    #[test]
    fn every_language_speaks_for_itself() {
        let english = all(Language::English.words());
        for language in Language::ALL.into_iter().skip(1) {
            for (one, other) in english.iter().zip(all(language.words())) {
                let shared = matches!(*one, "Region");
                assert!(shared || *one != other, "{language:?}: {one}");
            }
        }
    }

    #[test]
    fn reasons_and_messages_can_be_told_apart() {
        for language in Language::ALL {
            let words = language.words();
            let reasons: HashSet<_> = Reason::ALL.map(words.reason).into();
            assert_eq!(reasons.len(), Reason::ALL.len(), "{language:?}");
            let messages: HashSet<_> = Message::ALL.map(words.message).into();
            assert_eq!(messages.len(), Message::ALL.len(), "{language:?}");
        }
    }

    #[test]
    fn scripts_are_the_languages_own() {
        let is_cyrillic = |c: char| ('\u{400}'..='\u{4ff}').contains(&c);
        let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        for (language, own) in [
            (Language::Ukrainian, &is_cyrillic as &dyn Fn(char) -> bool),
            (Language::Chinese, &is_han),
        ] {
            for text in all(language.words()) {
                assert!(text.chars().any(own), "{text}");
            }
        }
        // Letters that Ukrainian does not have: a Russian word, or a Latin look-alike inside one.
        for text in all(Language::Ukrainian.words()) {
            assert!(!text.contains(['ы', 'э', 'ъ', 'ё']), "{text}");
            for word in text.split(|c: char| !c.is_alphabetic()) {
                let cyrillic = word.chars().filter(|c| is_cyrillic(*c)).count();
                assert!(cyrillic == 0 || cyrillic == word.chars().count(), "{word}");
            }
        }
    }
}
