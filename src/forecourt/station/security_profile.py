"""The security profile rises in operation (white paper A05; facts §10.6).

Theory of operation. ChangeConfiguration may only raise SecurityProfile, and only to what the station has the means for.
After the answer it disconnects and connects with the new profile: from then on this is a *trial*, which a record keeps
over power cuts. An open connection ends it. After `TRIES` attempts in a row that were refused, the former profile is
back. Once a connection was open there is no way down but the installer's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.evlink.keys import ValueRefused, find_key
from forecourt.ocpp.security_profiles import PROFILE_1_WARNING
from forecourt.station.effects import DeleteRecord, Effect, LogEvent, SaveRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecourt.station.certificates import Certificates
    from forecourt.station.configuration import Configuration

KIND = "security-profile"
KEY = "former"
TRIES = 3
"""Attempts with a new profile; the white paper speaks of a few."""
KEY_NAME = "SecurityProfile"


def require_rise(profile: int, configuration: Configuration, certificates: Certificates | None, clock_s: float) -> None:
    """Raise `ValueRefused` unless the supervision may set this profile now."""
    present = configuration.integer(KEY_NAME)
    if profile <= present:
        raise ValueRefused(f"expected a SecurityProfile above {present}, came {profile}")
    if profile in (1, 2) and not configuration.text("AuthorizationKey"):
        raise ValueRefused(f"expected an AuthorizationKey before SecurityProfile {profile}, none is set")
    if profile >= 2 and (certificates is None or not certificates.has_root_of_supervision(clock_s)):
        raise ValueRefused(f"expected a valid CentralSystemRootCertificate before SecurityProfile {profile}, none is")
    if profile == 3 and (certificates is None or certificates.shown(clock_s) is None):
        raise ValueRefused("expected a valid certificate of the station before SecurityProfile 3, there is none")


class ProfileTrial:
    """A profile that has not connected yet."""

    __slots__ = ("_effects", "_refusals", "former")

    def __init__(self, former: str, effects: list[Effect]) -> None:
        self.former = former
        """The profile to go back to."""
        self._effects = effects
        self._refusals = 0

    @classmethod
    def begin(cls, former: str, effects: list[Effect]) -> ProfileTrial:
        """A profile was raised."""
        effects.append(SaveRecord(KIND, KEY, former.encode()))
        return cls(former, effects)

    def refused(self) -> bool:
        """An attempt was refused; whether it was the last."""
        self._refusals += 1
        return self._refusals >= TRIES

    def end(self) -> None:
        """It has connected, or the former profile is back."""
        self._effects.append(DeleteRecord(KIND, KEY))


def warn_of(profile: int, effects: list[Effect]) -> None:
    """Say at each start and change what profile 1 is for (white paper A00.FR.201)."""
    if profile == 1:
        effects.append(LogEvent("For trusted networks only", PROFILE_1_WARNING))


def go_back(configuration: Configuration, former: str) -> None:
    """Set the profile that connected before."""
    key = find_key(KEY_NAME)
    assert key is not None, "SecurityProfile is a key of the guide"
    configuration.store(key, former)


def trial_in(records: Mapping[tuple[str, str], bytes], effects: list[Effect]) -> ProfileTrial | None:
    """The trial that an earlier life has begun, if it is not over."""
    data = records.get((KIND, KEY))
    if data is None:
        return None
    if data not in (b"0", b"1", b"2"):
        effects.append(LogEvent("Record ignored", f"{KIND} {KEY}: expected a profile, came {len(data)} bytes"))
        return None
    return ProfileTrial(data.decode(), effects)
