//! Every refusal, held against the rules that hold for all of them.

use super::*;

const CAUSES: [Cause; 16] = [
    Cause::BadAnswer(WireFault::BadChunk),
    Cause::BadBody(WireFault::BadChunk),
    Cause::BodyTooLarge,
    Cause::ClientGone,
    Cause::ClientStalled,
    Cause::Closed,
    Cause::ConnectRefused,
    Cause::ConnectTimeout,
    Cause::Drained,
    Cause::NoEndpoint,
    Cause::OutsideNetworks,
    Cause::Overloaded,
    Cause::ResponseTimeout,
    Cause::Tls,
    Cause::Unresolved,
    Cause::WrongRegion,
];

fn all() -> Vec<Refusal> {
    let plain = [
        Refusal::BadAuthority,
        Refusal::BadMessage(WireFault::BadStartLine),
        Refusal::BadMessage(WireFault::TargetTooLong),
        Refusal::BadMessage(WireFault::HeadTooLarge),
        Refusal::BadPath,
        Refusal::BadPin,
        Refusal::BodyTimeout,
        Refusal::BodyTooLarge,
        Refusal::CredentialsWithoutRegion,
        Refusal::CrossSite,
        Refusal::Denied,
        Refusal::Draining,
        Refusal::ExpectationFailed,
        Refusal::HeadTimeout,
        Refusal::LookUpBudget,
        Refusal::LookUpUnclear,
        Refusal::Loop,
        Refusal::MethodNotAllowed,
        Refusal::MethodNotOfPage,
        Refusal::MethodNotOfRobots,
        Refusal::MethodUnknown,
        Refusal::Misdirected,
        Refusal::PinContradictsHost,
        Refusal::PinRepeated,
        Refusal::TooBusy,
        Refusal::TooManyAtOnce,
    ];
    let too_many = Kind::ALL.map(|kind| Refusal::TooMany(kind, 1));
    plain
        .into_iter()
        .chain(too_many)
        .chain(CAUSES.map(|cause| Refusal::Region(Failure::unsent(cause))))
        .chain(FormFault::ALL.map(Refusal::BadChoice))
        .collect()
}

#[test]
fn a_client_error_is_the_clients_fault_and_no_other() {
    for refusal in all() {
        // 501, 505 and 508 are the caller's doing although they begin with a 5.
        let clients =
            (400..500).contains(&refusal.status()) || matches!(refusal.status(), 501 | 505 | 508);
        assert_eq!(clients, refusal.fault() == Fault::Client, "{refusal:?}");
    }
}

#[test]
fn a_region_that_may_have_acted_is_never_called_not_sent() {
    let failure = Failure {
        cause: Cause::Closed,
        delivery: Delivery::MaybeExecuted,
    };
    assert_eq!(
        Refusal::Region(failure).delivery().label(),
        "maybe-executed"
    );
}

#[test]
fn every_405_says_what_is_allowed() {
    for refusal in all() {
        assert_eq!(
            refusal.status() == 405,
            refusal.allow().is_some(),
            "{refusal:?}"
        );
    }
}

#[test]
fn trying_again_is_advised_only_where_nothing_was_sent() {
    for refusal in all() {
        let maybe = match refusal {
            Refusal::Region(failure) => Refusal::Region(Failure {
                delivery: Delivery::MaybeExecuted,
                ..failure
            }),
            other => other,
        };
        assert_ne!(refusal.advice(), Some(Advice::LookFirst), "{refusal:?}");
        if refusal.advice() == Some(Advice::TryAgain) && maybe != refusal {
            assert_eq!(maybe.advice(), Some(Advice::LookFirst), "{refusal:?}");
        }
    }
    assert_eq!(Refusal::BadPin.advice(), None);
    assert_eq!(Refusal::TooBusy.advice(), Some(Advice::TryAgain));
}

#[test]
fn every_503_and_429_says_when_to_come_back() {
    for refusal in all() {
        assert_eq!(
            matches!(refusal.status(), 429 | 503),
            refusal.retry_after().is_some(),
            "{refusal:?}"
        );
    }
}
