//! Ukrainian.

use super::Words;
use crate::page::message::Message;
use crate::region::Reason;

/// The texts.
pub const WORDS: Words = Words {
    title: "Ваш регіон",
    sent_to: "Вас спрямовано до регіону",
    jurisdiction: "Юрисдикція",
    choose: "Оберіть регіон",
    choose_note: "Кожен регіон зберігає власні облікові записи й секрети та підпорядкований власному \
                  праву. Вибір іншого регіону нічого не переносить. Цей браузер пам’ятатиме ваш вибір \
                  упродовж року в одному файлі cookie.",
    current: "поточний",
    forget: "Забути мій вибір",
    forget_note: "Регіон знову визначатиметься за місцем, звідки ви під’єднуєтеся.",
    back: "Повернутися туди, де ви були",
    programs: "Програми обирають регіон заголовком O-Region і можуть прочитати цю сторінку як \
               application/json.",
    region: "Регіон",
    regions: "Наявні регіони",
    see_regions: "Переглянути регіони й обрати один із них",
    request: "Запит",
    try_again: "Нічого не виконано. Можна безпечно спробувати ще раз.",
    look_first: "Запит усе одно міг бути виконаний. Перевірте це, перш ніж пробувати ще раз.",
    reason,
    message,
};

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Host => "Використана адреса вказує на цей регіон.",
        Reason::Key => "Посилання, яке ви відкрили, належить цьому регіону.",
        Reason::LookUp => "Цей регіон має те, на що веде посилання: він це підтвердив.",
        Reason::PinHeader => "Ваша програма просить цей регіон заголовком O-Region.",
        Reason::PinCookie => "Ви обрали цей регіон, і браузер пам’ятає ваш вибір.",
        Reason::Credentials => "Запити з обліковими даними надсилаються до цього регіону.",
        Reason::Sticky => "Браузер пам’ятає, що вас уже спрямовували до цього регіону.",
        Reason::Network => "Мережу, з якої ви під’єднуєтеся, приписано до цього регіону.",
        Reason::Geo => "Цей регіон обслуговує частину світу, з якої ви під’єднуєтеся.",
        Reason::NoCountry => "Невідомо, з якої країни ви під’єднуєтеся.",
        Reason::Default => "Країна, з якої ви під’єднуєтеся, не має власного регіону.",
    }
}

fn message(message: Message) -> &'static str {
    match message {
        Message::Abandoned => "Запит перервано",
        Message::AmbiguousHost => "Запит не вказує на один хост",
        Message::AmbiguousChoice => "Форма обирає більше ніж одне",
        Message::BadBody => "Тіло запиту неправильне",
        Message::BadPath => "Шлях неприйнятний",
        Message::BodyLate => "Тіло запиту не надійшло вчасно",
        Message::BodyTooLarge => "Тіло запиту завелике",
        Message::CredentialsWithoutRegion => {
            "Запит з обліковими даними має назвати свій регіон: власним хостом регіону або через O-Region"
        }
        Message::CrossSite => "Регіон можна обрати лише на сторінці самого цього сайту",
        Message::EmptyChoice => "Форма не обирає жодного регіону",
        Message::Expectation => "Очікування, вказане в запиті, не може бути виконане",
        Message::GatewayBusy => "Шлюз зараз перевантажений",
        Message::HeadLate => "Запит не надійшов вчасно",
        Message::HeadTooLarge => "Заголовок запиту завеликий",
        Message::HttpVersion => "Ця версія HTTP не підтримується",
        Message::Loop => "Запит уже проходив через цей шлюз",
        Message::Malformed => "Запит неправильний",
        Message::MethodNotAllowed => "Цей метод тут не дозволено",
        Message::MethodUnknown => "Цей метод невідомий",
        Message::Misdirected => "Цей хост тут не обслуговується",
        Message::Mistake => "Шлюз припустився помилки",
        Message::NoForm => "Вибір надсилають як application/x-www-form-urlencoded",
        Message::NotFound => "Такої сторінки немає",
        Message::OffSiteReturn => "Шлях назад має вести на цей самий сайт",
        Message::PinContradictsHost => "O-Region суперечить хосту",
        Message::RegionBrokeOff => "Регіон перервав з’єднання, не відповівши",
        Message::RegionBusy => "Регіон зараз має забагато запитів",
        Message::RegionInsecure => "Не вдалося встановити безпечне з’єднання з регіоном",
        Message::RegionInvalid => "Регіон дав недійсну відповідь",
        Message::RegionSilent => "Регіон не відповів вчасно",
        Message::RegionUnavailable => "Регіон недоступний",
        Message::RegionUndetermined => "Не вдалося визначити, до якого регіону належить цей ключ",
        Message::RegionUnreachable => "Не вдалося з’єднатися з регіоном",
        Message::RegionUnreachableInTime => "Не вдалося вчасно з’єднатися з регіоном",
        Message::TargetTooLong => "Адреса в запиті задовга",
        Message::TooManyRequests => "З цієї адреси надійшло забагато запитів; спробуйте пізніше",
        Message::TransferCoding => "Кодування передавання невідоме",
        Message::RepeatedPin => "O-Region трапляється більше одного разу",
        Message::UnknownPin => "O-Region не називає жодного регіону",
        Message::UnknownRegion => "Такого регіону немає",
    }
}
