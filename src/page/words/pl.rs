//! Polish.

use super::Words;
use crate::page::message::Message;
use crate::region::Reason;

/// The texts.
pub const WORDS: Words = Words {
    title: "Twój region",
    sent_to: "Ten adres kieruje Cię do regionu",
    jurisdiction: "Jurysdykcja",
    choose: "Wybierz region",
    choose_note: "Każdy region przechowuje własne konta i sekrety oraz podlega własnemu prawu. Wybór \
                  innego regionu niczego nie przenosi. Ta przeglądarka zapamięta Twój wybór na rok, w \
                  jednym pliku cookie.",
    current: "obecny",
    forget: "Zapomnij mój wybór",
    forget_note: "Region będzie znów ustalany na podstawie miejsca, z którego się łączysz.",
    back: "Wróć do poprzedniej strony",
    programs: "Programy wybierają region nagłówkiem O-Region i mogą odczytać tę stronę jako \
               application/json.",
    region: "Region",
    regions: "Dostępne regiony",
    see_regions: "Zobacz regiony i wybierz jeden z nich",
    request: "Żądanie",
    try_again: "Nic nie zostało wykonane. Można bezpiecznie spróbować ponownie.",
    look_first: "Żądanie mogło mimo to zostać wykonane. Sprawdź to, zanim spróbujesz ponownie.",
    reason,
    message,
};

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Host => "Użyty adres wskazuje ten region.",
        Reason::Key => "Otwarty link należy do tego regionu.",
        Reason::LookUp => "Ten region ma to, do czego prowadzi link: potwierdził to.",
        Reason::PinHeader => "Twój program żąda tego regionu nagłówkiem O-Region.",
        Reason::PinCookie => "To Twój wybór, zapamiętany w tej przeglądarce.",
        Reason::Credentials => "Żądania z danymi uwierzytelniającymi są kierowane do tego regionu.",
        Reason::Sticky => "Ta przeglądarka pamięta, że ten region był już Twoim regionem.",
        Reason::Network => "Sieć, z której się łączysz, jest przypisana do tego regionu.",
        Reason::Geo => "Ten region obsługuje część świata, z której się łączysz.",
        Reason::NoCountry => "Nie wiadomo, z jakiego kraju się łączysz.",
        Reason::Default => "Kraj, z którego się łączysz, nie ma własnego regionu.",
    }
}

fn message(message: Message) -> &'static str {
    match message {
        Message::Abandoned => "Żądanie zostało przerwane",
        Message::AmbiguousHost => "Żądanie nie wskazuje jednego hosta",
        Message::AmbiguousChoice => "Formularz wybiera więcej niż jedną rzecz",
        Message::BadBody => "Treść żądania jest nieprawidłowa",
        Message::BadPath => "Ścieżka jest niedopuszczalna",
        Message::BodyLate => "Treść żądania nie dotarła na czas",
        Message::BodyTooLarge => "Treść żądania jest za duża",
        Message::CredentialsWithoutRegion => {
            "Żądanie z danymi uwierzytelniającymi musi wskazać region: hostem regionu lub nagłówkiem O-Region"
        }
        Message::CrossSite => "Region można wybrać tylko na stronie tego serwisu",
        Message::EmptyChoice => "Formularz nie wybiera żadnego regionu",
        Message::Expectation => "Nie można spełnić oczekiwania podanego w żądaniu",
        Message::GatewayBusy => "Brama jest w tej chwili przeciążona",
        Message::HeadLate => "Żądanie nie dotarło na czas",
        Message::HeadTooLarge => "Nagłówek żądania jest za duży",
        Message::HttpVersion => "Ta wersja HTTP nie jest obsługiwana",
        Message::Loop => "Żądanie przeszło już przez tę bramę",
        Message::Malformed => "Żądanie jest nieprawidłowe",
        Message::MethodNotAllowed => "Ta metoda nie jest tu dozwolona",
        Message::MethodUnknown => "Ta metoda nie jest znana",
        Message::Misdirected => "Ten host nie jest tu obsługiwany",
        Message::Mistake => "Brama popełniła błąd",
        Message::NoForm => "Wybór wysyła się jako application/x-www-form-urlencoded",
        Message::NotFound => "Nie ma takiej strony",
        Message::OffSiteReturn => "Droga powrotna musi być ścieżką tego serwisu",
        Message::PinContradictsHost => "O-Region jest sprzeczny z hostem",
        Message::RegionBrokeOff => "Region przerwał połączenie przed odpowiedzią",
        Message::RegionBusy => "Region ma w tej chwili za dużo żądań",
        Message::RegionInsecure => "Nie udało się nawiązać bezpiecznego połączenia z regionem",
        Message::RegionInvalid => "Region dał nieprawidłową odpowiedź",
        Message::RegionSilent => "Region nie odpowiedział na czas",
        Message::RegionUnavailable => "Region jest niedostępny",
        Message::RegionUndetermined => "Nie udało się ustalić, do którego regionu należy ten klucz",
        Message::RegionUnreachable => "Nie udało się połączyć z regionem",
        Message::RegionUnreachableInTime => "Nie udało się na czas połączyć z regionem",
        Message::TargetTooLong => "Adres w żądaniu jest za długi",
        Message::TooManyRequests => {
            "Z tego adresu przyszło zbyt wiele żądań; spróbuj ponownie później"
        }
        Message::TransferCoding => "Kodowanie transferu nie jest znane",
        Message::RepeatedPin => "O-Region występuje więcej niż raz",
        Message::UnknownPin => "O-Region nie wskazuje żadnego regionu",
        Message::UnknownRegion => "Nie ma takiego regionu",
    }
}
