//! Swedish.

use super::Words;
use crate::page::message::Message;
use crate::region::Reason;

/// The texts.
pub const WORDS: Words = Words {
    title: "Din region",
    sent_to: "Du skickas till",
    jurisdiction: "Jurisdiktion",
    choose: "Välj en region",
    choose_note: "Varje region har sina egna konton och hemligheter och lyder under sin egen lag. Att \
                  välja en annan region flyttar ingenting. Den här webbläsaren minns ditt val i ett år, \
                  i en enda kaka.",
    current: "nuvarande",
    forget: "Glöm mitt val",
    forget_note: "Din region avgörs då åter av varifrån du kommer.",
    back: "Tillbaka till där du var",
    programs: "Program väljer med huvudfältet O-Region och kan läsa den här sidan som application/json.",
    region: "Region",
    regions: "Regionerna är",
    see_regions: "Se regionerna och välj en",
    request: "Begäran",
    try_again: "Ingenting har utförts. Det är säkert att försöka igen.",
    look_first: "Begäran kan ändå ha fått verkan. Kontrollera det innan du försöker igen.",
    reason,
    message,
};

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Host => "Adressen som du använde anger den här regionen.",
        Reason::Key => "Länken som du följde hör till den här regionen.",
        Reason::LookUp => "Den här regionen har det som länken leder till: den har bekräftat det.",
        Reason::PinHeader => "Ditt program begär den här regionen med huvudfältet O-Region.",
        Reason::PinCookie => "Du har valt den här regionen, och webbläsaren minns det.",
        Reason::Credentials => "Anrop med inloggningsuppgifter skickas till den här regionen.",
        Reason::Sticky => "Webbläsaren minns att du har skickats till den här regionen förut.",
        Reason::Network => "Nätet som du kommer från är knutet till den här regionen.",
        Reason::Geo => "Den här regionen betjänar den del av världen som du kommer från.",
        Reason::NoCountry => "Det är inte känt vilket land du kommer från.",
        Reason::Default => "Landet som du kommer från har ingen egen region.",
    }
}

fn message(message: Message) -> &'static str {
    match message {
        Message::Abandoned => "Begäran avbröts",
        Message::AmbiguousHost => "Begäran anger inte en enda värd",
        Message::AmbiguousChoice => "Formuläret väljer mer än en sak",
        Message::BadBody => "Begärans innehåll är felaktigt",
        Message::BadPath => "Sökvägen godtas inte",
        Message::BodyLate => "Begärans innehåll kom inte fram i tid",
        Message::BodyTooLarge => "Begärans innehåll är för stort",
        Message::CredentialsWithoutRegion => {
            "En begäran med inloggningsuppgifter måste ange sin region: använd regionens egen värd eller O-Region"
        }
        Message::CrossSite => "En region kan bara väljas på den här webbplatsens egen sida",
        Message::EmptyChoice => "Formuläret väljer ingen region",
        Message::Expectation => "Förväntningen kan inte uppfyllas",
        Message::GatewayBusy => "Gatewayen har för mycket att göra just nu",
        Message::HeadLate => "Begäran kom inte fram i tid",
        Message::HeadTooLarge => "Begärans huvud är för stort",
        Message::HttpVersion => "HTTP-versionen stöds inte",
        Message::Loop => "Begäran har redan passerat den här gatewayen",
        Message::Malformed => "Begäran är felaktig",
        Message::MethodNotAllowed => "Metoden är inte tillåten här",
        Message::MethodUnknown => "Metoden är inte känd",
        Message::Misdirected => "Den här värden betjänas inte här",
        Message::Mistake => "Gatewayen gjorde ett fel",
        Message::NoForm => "Ett val skickas som application/x-www-form-urlencoded",
        Message::NotFound => "Sidan finns inte",
        Message::OffSiteReturn => "Vägen tillbaka måste vara en sökväg på den här webbplatsen",
        Message::PinContradictsHost => "O-Region motsäger värden",
        Message::RegionBrokeOff => "Regionen bröt förbindelsen innan den svarade",
        Message::RegionBusy => "Regionen har för många anrop just nu",
        Message::RegionInsecure => "Ingen säker anslutning till regionen kunde upprättas",
        Message::RegionInvalid => "Regionen gav ett ogiltigt svar",
        Message::RegionSilent => "Regionen svarade inte i tid",
        Message::RegionUnavailable => "Regionen är inte tillgänglig",
        Message::RegionUndetermined => "Det gick inte att avgöra vilken region nyckeln tillhör",
        Message::RegionUnreachable => "Regionen kunde inte nås",
        Message::RegionUnreachableInTime => "Regionen kunde inte nås i tid",
        Message::TargetTooLong => "Adressen i begäran är för lång",
        Message::TooManyRequests => {
            "För många förfrågningar kom från den här adressen; försök igen senare"
        }
        Message::TransferCoding => "Överföringskodningen är inte känd",
        Message::RepeatedPin => "O-Region förekommer mer än en gång",
        Message::UnknownPin => "O-Region anger ingen region",
        Message::UnknownRegion => "Det finns ingen sådan region",
    }
}
