//! French.

use super::Words;
use crate::page::message::Message;
use crate::region::Reason;

/// The texts.
pub const WORDS: Words = Words {
    title: "Votre région",
    sent_to: "Cette adresse vous dirige vers",
    jurisdiction: "Juridiction",
    choose: "Choisir une région",
    choose_note: "Chaque région garde ses propres comptes et ses propres secrets, selon son propre droit. \
                  Choisir une autre région ne déplace rien. Ce navigateur retient votre choix pendant un \
                  an, dans un seul cookie.",
    current: "actuelle",
    forget: "Oublier mon choix",
    forget_note: "Votre région sera de nouveau déterminée d’après le lieu d’où vous venez.",
    back: "Retourner à la page où vous étiez",
    programs: "Les programmes choisissent avec l’en-tête O-Region et peuvent lire cette page en \
               application/json.",
    region: "Région",
    regions: "Les régions sont",
    see_regions: "Voir les régions et en choisir une",
    request: "Requête",
    try_again: "Rien n’a été fait. Vous pouvez réessayer sans risque.",
    look_first: "La demande a peut-être tout de même pris effet. Vérifiez avant de réessayer.",
    reason,
    message,
};

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Host => "L’adresse que vous avez utilisée désigne cette région.",
        Reason::Key => "Le lien que vous avez suivi appartient à cette région.",
        Reason::LookUp => "Cette région a ce à quoi mène le lien : elle l’a confirmé.",
        Reason::PinHeader => "Votre programme demande cette région par l’en-tête O-Region.",
        Reason::PinCookie => "Vous avez choisi cette région et ce navigateur s’en souvient.",
        Reason::Credentials => {
            "Les requêtes qui portent des identifiants sont envoyées à cette région."
        }
        Reason::Sticky => "Ce navigateur se souvient que cette région était déjà la vôtre.",
        Reason::Network => "Le réseau d’où vous venez est rattaché à cette région.",
        Reason::Geo => "Cette région dessert la partie du monde d’où vous venez.",
        Reason::NoCountry => "Le pays d’où vous venez n’est pas connu.",
        Reason::Default => "Le pays d’où vous venez n’a pas de région attitrée.",
    }
}

fn message(message: Message) -> &'static str {
    match message {
        Message::Abandoned => "La requête a été abandonnée",
        Message::AmbiguousHost => "La requête ne désigne pas un hôte unique",
        Message::AmbiguousChoice => "Le formulaire choisit plus d’une chose",
        Message::BadBody => "Le corps de la requête est mal formé",
        Message::BadPath => "Le chemin n’est pas acceptable",
        Message::BodyLate => "Le corps de la requête n’est pas arrivé à temps",
        Message::BodyTooLarge => "Le corps de la requête est trop grand",
        Message::CredentialsWithoutRegion => {
            "Une requête avec des identifiants doit nommer sa région, par l’hôte de la région ou par O-Region"
        }
        Message::CrossSite => "Une région ne se choisit que sur la page de ce site même",
        Message::EmptyChoice => "Le formulaire ne choisit aucune région",
        Message::Expectation => "L’attente exprimée ne peut pas être satisfaite",
        Message::GatewayBusy => "La passerelle est surchargée en ce moment",
        Message::HeadLate => "La requête n’est pas arrivée à temps",
        Message::HeadTooLarge => "L’en-tête de la requête est trop grand",
        Message::HttpVersion => "La version de HTTP n’est pas prise en charge",
        Message::Loop => "La requête est déjà passée par cette passerelle",
        Message::Malformed => "La requête est mal formée",
        Message::MethodNotAllowed => "La méthode n’est pas permise ici",
        Message::MethodUnknown => "La méthode n’est pas connue",
        Message::Misdirected => "Cet hôte n’est pas servi ici",
        Message::Mistake => "La passerelle a commis une erreur",
        Message::NoForm => "Un choix s’envoie en application/x-www-form-urlencoded",
        Message::NotFound => "Il n’y a rien à cette adresse",
        Message::OffSiteReturn => "Le chemin de retour doit mener à ce site",
        Message::PinContradictsHost => "O-Region contredit l’hôte",
        Message::RegionBrokeOff => "La région a interrompu l’échange avant de répondre",
        Message::RegionBusy => "La région a trop de requêtes en ce moment",
        Message::RegionInsecure => "Aucune connexion sûre avec la région n’a pu être établie",
        Message::RegionInvalid => "La région a donné une réponse non valable",
        Message::RegionSilent => "La région n’a pas répondu à temps",
        Message::RegionUnavailable => "La région n’est pas disponible",
        Message::RegionUndetermined => {
            "Impossible de déterminer la région à laquelle appartient cette clé"
        }
        Message::RegionUnreachable => "La région n’a pas pu être jointe",
        Message::RegionUnreachableInTime => "La région n’a pas pu être jointe à temps",
        Message::TargetTooLong => "La cible de la requête est trop longue",
        Message::TooManyRequests => {
            "Trop de requêtes sont venues de cette adresse ; réessayez plus tard"
        }
        Message::TransferCoding => "Le codage de transfert n’est pas connu",
        Message::RepeatedPin => "O-Region figure plus d’une fois",
        Message::UnknownPin => "O-Region ne désigne aucune région",
        Message::UnknownRegion => "Cette région n’existe pas",
    }
}
