"""Who is let in at the handshake."""

from __future__ import annotations

import pytest

from forecourt.supervision.doors import (
    INVALID_CERTIFICATE,
    WRONG_A_MINUTE,
    Admission,
    CertificateSubject,
    Doors,
    Expectation,
    Knock,
    Refusal,
)
from forecourt.supervision.passwords import digest_key

KEY, OTHER = "00" * 16, "11" * 16
DIGEST, OTHER_DIGEST = digest_key(KEY, b"s" * 16), digest_key(OTHER, b"t" * 16)
RIGHT = {"user": "EVD-1", "password": bytes.fromhex(KEY)}
SUBJECT = CertificateSubject("3N1", "Forecourt", "AB")


def doors(**issued: str) -> Doors:
    return Doors("Forecourt", issued.get)


def knock(profile: int, **changes: object) -> Knock:
    """A station that uses this profile."""
    shown: dict[str, object] = {"identity": "EVD-1", "remote": "10.0.0.1:5", "secured": profile > 1}
    if profile in (1, 2):
        shown |= RIGHT
    if profile == 3:
        shown["certificate"] = SUBJECT
    return Knock(**(shown | changes))  # type: ignore[arg-type]


def judged(given: Knock, **expected: object) -> int:
    """The profile it is let in with, or the HTTP status."""
    verdict = doors().judge(given, Expectation(**expected), 0.0)  # type: ignore[arg-type]
    return verdict.profile if isinstance(verdict, Admission) else verdict.status


@pytest.mark.parametrize("wanted", range(4))
def test_station_of_which_a_profile_is_expected_is_let_in_with_that_one_only(wanted: int) -> None:
    given = [judged(knock(used), profile=wanted, key=DIGEST, serial_number="3N1") for used in range(4)]
    assert given[wanted] == wanted
    assert all(status in (401, 403) for used, status in enumerate(given) if used != wanted)


def test_station_without_an_expectation_may_use_any_profile_not_below_the_proven_one() -> None:
    assert [judged(knock(used), key=DIGEST, serial_number="3N1") for used in range(4)] == [401, 1, 2, 3]
    assert [judged(knock(used), key=DIGEST, serial_number="3N1", proven=2) for used in range(4)] == [403, 403, 2, 3]
    assert [judged(knock(used), key=DIGEST, serial_number="3N1", proven=3) for used in range(4)] == [403, 403, 403, 3]


def test_station_on_its_way_to_another_profile_may_use_both() -> None:
    given = [judged(knock(used), profile=1, target=3, key=DIGEST, serial_number="3N1") for used in range(4)]
    assert given == [401, 1, 403, 3]


def test_wss_without_password_and_certificate_is_profile_0() -> None:
    assert judged(knock(0, secured=True)) == 0
    assert judged(knock(0, secured=True), profile=0, key=DIGEST) == 0
    assert judged(knock(0, secured=True), profile=2, key=DIGEST) == 401


def test_station_led_from_profile_0_needs_no_password_until_it_comes_with_one() -> None:
    assert judged(knock(0), profile=0, target=1, key=DIGEST) == 0
    assert judged(knock(1), profile=0, target=1, key=DIGEST) == 1
    assert judged(knock(1, password=b"wrong"), profile=0, target=1, key=DIGEST) == 401
    assert judged(knock(1), profile=1) == 401, "no password is known that it could show"


def test_both_passwords_are_right_while_it_is_not_known_which_one_the_station_has() -> None:
    expected = Expectation(key=DIGEST, candidate=OTHER_DIGEST)
    assert doors().judge(knock(1), expected, 0.0) == Admission(1, proven=True)
    new = knock(1, password=bytes.fromhex(OTHER))
    assert doors().judge(new, expected, 0.0) == Admission(1, proven=True, by_candidate=True)
    assert judged(knock(1, password=b"third"), key=DIGEST, candidate=OTHER_DIGEST) == 401


def test_password_that_nobody_knows_proves_nothing() -> None:
    assert doors().judge(knock(1), Expectation(), 0.0) == Admission(1, proven=False)
    assert judged(knock(1, user="EVD-2"), key=DIGEST) == 401


@pytest.mark.parametrize(
    ("subject", "serial_number", "issued", "why"),
    [
        (CertificateSubject("3N1", "Other", "AB"), "3N1", {}, "O=Forecourt was expected"),
        (CertificateSubject("3N2", "Forecourt", "AB"), "3N1", {}, "CN=3N1, its serial number, was expected"),
        (CertificateSubject("EVD-1", "Forecourt", "AB"), "3N1", {}, "CN=3N1, its serial number, was expected"),
        (SUBJECT, "", {}, "not known"),
        (SUBJECT, "3N1", {"AB": ""}, "revoked"),
        (SUBJECT, "3N1", {"AB": "EVD-2"}, "issued to another"),
    ],
)
def test_certificate_of_somebody_else_is_refused(
    subject: CertificateSubject, serial_number: str, issued: dict[str, str], why: str
) -> None:
    given = knock(3, certificate=subject)
    verdict = doors(**issued).judge(given, Expectation(serial_number=serial_number), 0.0)
    assert isinstance(verdict, Refusal)
    assert (verdict.status, verdict.event, verdict.told) == (403, INVALID_CERTIFICATE, 1)
    assert why in verdict.sentence


def test_certificate_issued_to_the_station_lets_it_in() -> None:
    assert doors(AB="EVD-1").judge(knock(3), Expectation(serial_number="3N1"), 0.0) == Admission(3, proven=True)


def test_a_thousand_wrong_passwords_are_told_of_once_a_minute_and_the_right_one_is_let_in() -> None:
    ours = doors()
    expected = Expectation(key=DIGEST)
    verdicts = [ours.judge(knock(1, password=b"no"), expected, number / 100) for number in range(1000)]
    refusals = [verdict for verdict in verdicts if isinstance(verdict, Refusal)]
    assert [refusal.status for refusal in refusals] == [401] * WRONG_A_MINUTE + [429] * (1000 - WRONG_A_MINUTE)
    assert sum(refusal.told for refusal in refusals) == 1
    assert ours.judge(knock(1), expected, 10.0) == Admission(1, proven=True)
    later = ours.judge(knock(1, password=b"no"), expected, 61.0)
    assert isinstance(later, Refusal)
    assert (later.status, later.told) == (401, 1000)


def test_password_shows_in_no_knock() -> None:
    assert "secret" not in repr(knock(1, password=b"secret"))
