"""How facts of the security extension become rows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from forecourt.ocpp.types import given
from forecourt.supervision.facts import (
    CandidateKeyProven,
    CandidateKeySet,
    CertificateIssued,
    CertificateSettled,
    ProfileProven,
    SecuritySet,
    UpgradeNoted,
)
from forecourt.supervision.passwords import SALT_BYTES, digest_key
from forecourt.supervision.rows_upsert import upsert
from forecourt.supervision.schema import CERTIFICATES, SECURITY_EVENTS, SECURITY_UPGRADES, STATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from forecourt.supervision.facts import CertificateRequested, SecurityEventReported, SecurityNoted

FORGOTTEN_SECURITY = dict.fromkeys(
    (
        "security_profile",
        "proven_profile",
        "serial_number",
        "candidate_salt",
        "candidate_digest",
        "candidate_text_digest",
    )
)
"""Columns of a station that go with its registration."""


def key_columns(prefix: str, key: str | None) -> dict[str, bytes | None]:
    """The columns that keep a password: its digests, or nothing."""
    if key is None:
        return {f"{prefix}_salt": None, f"{prefix}_digest": None, f"{prefix}_text_digest": None}
    digests = digest_key(key, os.urandom(SALT_BYTES))
    return {
        f"{prefix}_salt": digests.salt,
        f"{prefix}_digest": digests.bytes_digest,
        f"{prefix}_text_digest": digests.text_digest,
    }


def _set_security(connection: Connection, edit: SecuritySet) -> None:
    values: dict[str, Any] = {
        "identity": edit.identity,
        "security_profile": edit.securityProfile,
        "serial_number": edit.serialNumber,
    }
    upsert(connection, STATIONS, ["identity"], [values])


def _prove_profile(connection: Connection, edit: ProfileProven) -> None:
    upsert(connection, STATIONS, ["identity"], [{"identity": edit.identity, "proven_profile": edit.securityProfile}])


def _set_candidate(connection: Connection, edit: CandidateKeySet) -> None:
    values = {"identity": edit.identity, **key_columns("candidate", edit.authorizationKey)}
    upsert(connection, STATIONS, ["identity"], [values])


def _prove_candidate(connection: Connection, edit: CandidateKeyProven) -> None:
    columns = STATIONS.c
    values = {
        "key_salt": columns.candidate_salt,
        "key_digest": columns.candidate_digest,
        "key_text_digest": columns.candidate_text_digest,
        **key_columns("candidate", None),
    }
    one = columns.identity == edit.identity
    there = columns.candidate_text_digest.is_not(None)
    connection.execute(update(STATIONS).where(one, there).values(values))


def _note_upgrade(connection: Connection, edit: UpgradeNoted) -> None:
    values = {
        "identity": edit.identity,
        "target": edit.target,
        "former": edit.former,
        "state": edit.state,
        "step": edit.step,
        "sentence": edit.sentence,
        "noted_s": edit.at_s,
    }
    upsert(connection, SECURITY_UPGRADES, ["identity"], [values])


def _issue(connection: Connection, edit: CertificateIssued) -> None:
    values = {
        "state": "issued",
        "serial": edit.serialNumber,
        "chain": edit.certificateChain,
        "not_after_s": edit.not_after_s,
    }
    connection.execute(update(CERTIFICATES).where(CERTIFICATES.c.request_id == edit.requestId).values(values))


def _settle(connection: Connection, edit: CertificateSettled) -> None:
    values = {"state": edit.state, "sentence": edit.sentence, "settled_s": edit.at_s}
    connection.execute(update(CERTIFICATES).where(CERTIFICATES.c.request_id == edit.requestId).values(values))


SECURITY_EDITS: dict[type, Callable[[Connection, Any], None]] = {
    SecuritySet: _set_security,
    ProfileProven: _prove_profile,
    CandidateKeySet: _set_candidate,
    CandidateKeyProven: _prove_candidate,
    UpgradeNoted: _note_upgrade,
    CertificateIssued: _issue,
    CertificateSettled: _settle,
}


def write_certificate_requests(connection: Connection, facts: Sequence[CertificateRequested]) -> None:
    """A request that comes again changes nothing once it is signed."""
    rows = [
        {
            "request_id": fact.requestId,
            "identity": fact.identity,
            "csr": fact.csr,
            "requested_s": fact.at_s,
            "state": "requested" if fact.refusal is None else "rejected",
            "sentence": fact.refusal,
        }
        for fact in facts
    ]
    statement = insert_or(CERTIFICATES)
    changed = {name: statement.excluded[name] for name in ("requested_s", "state", "sentence")}
    unsigned = CERTIFICATES.c.serial.is_(None)
    keyed = statement.on_conflict_do_update(index_elements=["request_id"], set_=changed, where=unsigned)
    connection.execute(keyed, rows)


def write_reported_security_events(connection: Connection, facts: Sequence[SecurityEventReported]) -> None:
    """What stations report."""
    rows = [
        {
            "identity": fact.identity,
            "own": False,
            "type": fact.request.type,
            "tech_info": given(fact.request.techInfo),
            "times": 1,
            "stated_s": fact.request.timestamp.timestamp(),
            "received_s": fact.at_s,
        }
        for fact in facts
    ]
    connection.execute(insert(SECURITY_EVENTS), rows)


def write_own_security_events(connection: Connection, facts: Sequence[SecurityNoted]) -> None:
    """What the supervision itself saw."""
    rows = [
        {
            "identity": fact.identity,
            "own": True,
            "type": fact.type,
            "tech_info": fact.techInfo,
            "times": fact.times,
            "stated_s": None,
            "received_s": fact.at_s,
        }
        for fact in facts
    ]
    connection.execute(insert(SECURITY_EVENTS), rows)
