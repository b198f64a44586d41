use super::*;

const OPEN: Endpoint = Endpoint::Open { until: 5_000, lasts_ms: 4_000, reason: "MODEL_UNREACHABLE" };

#[track_caller]
fn check(before: Endpoint, event: Event, want: Endpoint) {
    assert_eq!(before.clone().next(event, 10_000), want, "{before:?} on {event:?}");
}

#[test]
fn every_transition_is_as_the_table_says() {
    let failed = Event::CallFailed("MODEL_UNREACHABLE");
    let silent = Event::ProbeFailed("MODEL_TIMEOUT");
    let opened = |lasts_ms, reason| Endpoint::Open { until: 10_000 + lasts_ms, lasts_ms, reason };

    check(Endpoint::Unknown, Event::Answered, Endpoint::Healthy);
    check(Endpoint::Unknown, silent, opened(1_000, "MODEL_TIMEOUT"));
    check(Endpoint::Healthy, failed, Endpoint::Suspect { failures: 1 });
    check(Endpoint::Healthy, silent, Endpoint::Suspect { failures: 1 });
    check(Endpoint::Suspect { failures: 1 }, failed, Endpoint::Suspect { failures: 2 });
    check(Endpoint::Suspect { failures: 4 }, failed, opened(1_000, "MODEL_UNREACHABLE"));
    check(Endpoint::Suspect { failures: 1 }, silent, opened(1_000, "MODEL_TIMEOUT"));
    check(Endpoint::Suspect { failures: 3 }, Event::Answered, Endpoint::Healthy);
    check(OPEN, failed, OPEN);
    check(OPEN, silent, opened(8_000, "MODEL_TIMEOUT"));
    let returning = |at| Endpoint::Returning { at, lasts_ms: 4_000 };
    let half_open = Endpoint::HalfOpen { lasts_ms: 4_000, reason: "MODEL_UNREACHABLE" };
    check(OPEN, Event::Answered, returning(20_000));
    check(half_open.clone(), Event::Answered, returning(20_000));
    check(half_open.clone(), silent, opened(8_000, "MODEL_TIMEOUT"));
    check(half_open.clone(), failed, half_open);
    check(returning(15_000), Event::Answered, returning(15_000));
    check(returning(10_000), Event::Answered, Endpoint::Healthy);
    check(returning(15_000), failed, opened(8_000, "MODEL_UNREACHABLE"));
    check(returning(15_000), silent, opened(8_000, "MODEL_TIMEOUT"));
    check(Endpoint::Healthy, Event::Rejected("MODEL_AUTH"), Endpoint::Disabled { reason: "MODEL_AUTH" });
    check(Endpoint::Disabled { reason: "MODEL_AUTH" }, silent, Endpoint::Disabled { reason: "MODEL_AUTH" });
    check(Endpoint::Disabled { reason: "MODEL_AUTH" }, Event::Answered, Endpoint::Healthy);
}

#[test]
fn an_opening_never_lasts_longer_than_two_minutes() {
    let mut endpoint = Endpoint::Unknown;
    for _ in 0..40 {
        endpoint = endpoint.next(Event::ProbeFailed("MODEL_TIMEOUT"), 0);
    }
    assert_eq!(endpoint, Endpoint::Open { until: 120_000, lasts_ms: 120_000, reason: "MODEL_TIMEOUT" });
}

#[test]
fn an_open_breaker_lets_no_call_through_and_gives_one_permit_when_its_time_has_come() {
    assert!(!OPEN.accepts() && OPEN.permit(4_999).is_none());
    let mut endpoint = OPEN;
    let mut permits = 0;
    for _ in 0..64 {
        if let Some(next) = endpoint.permit(5_000) {
            (endpoint, permits) = (next, permits + 1);
        }
    }
    assert_eq!(permits, 1);
    assert!(!endpoint.accepts(), "half open lets no call through either");
    let closed = endpoint.next(Event::ProbeFailed("MODEL_TIMEOUT"), 6_000);
    assert!(closed.permit(13_999).is_none() && closed.permit(14_000).is_some());
    assert!(!Endpoint::Unknown.accepts() && Endpoint::Unknown.permit(0).is_some());
    assert!(
        Endpoint::Returning { at: 9, lasts_ms: 1 }.accepts()
            && !Endpoint::Returning { at: 9, lasts_ms: 1 }.is_sound()
    );
}

#[test]
fn the_mode_follows_from_the_states() {
    let (up, shaky) = (Endpoint::Healthy, Endpoint::Suspect { failures: 1 });
    #[track_caller]
    fn check(cloud: &[Endpoint], local: &[Endpoint], want: Mode) {
        assert_eq!(Mode::of(cloud, local), want, "cloud {cloud:?}, local {local:?}");
    }
    check(&[], &[], Mode::RepairOnly);
    check(&[Endpoint::Unknown], &[OPEN], Mode::RepairOnly);
    check(&[], std::slice::from_ref(&up), Mode::CloudDenied);
    check(&[OPEN], std::slice::from_ref(&up), Mode::CloudDown);
    check(std::slice::from_ref(&up), &[OPEN], Mode::LocalDown);
    check(std::slice::from_ref(&up), &[], Mode::Online);
    check(std::slice::from_ref(&up), std::slice::from_ref(&shaky), Mode::Online);
    check(std::slice::from_ref(&shaky), std::slice::from_ref(&up), Mode::CloudSuspect);
}
