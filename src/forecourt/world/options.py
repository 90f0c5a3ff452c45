"""What one seed decides before anything happens: the site, its keys, and how much of each fault there is.

Swarm style: every seed switches some kinds of happenings off wholly and weights the others wildly, because what never
happens together in an even mixture happens in a lopsided one.
"""

from __future__ import annotations

import msgspec

from forecourt.world.dice import Dice

ORDINARY: tuple[str, ...] = (
    "plug",
    "badge",
    "bad badge",
    "unplug",
    "pause",
    "remote start",
    "remote stop",
    "reserve",
    "cancel",
    "limit",
    "no limit",
    "availability",
    "key",
    "reset",
    "trigger",
    "list",
)
"""What drivers and operators do."""

FAULTS: tuple[str, ...] = (
    "link drops",
    "network down",
    "link falls silent",
    "jitter",
    "late notice",
    "power cut",
    "cut after effects",
    "power fades",
    "slow disk",
    "full disk",
    "mood",
    "supervision crashes",
    "supervision forgets",
    "slow ledger",
    "full ledger",
    "clock",
    "vendor error",
)
"""What goes wrong, each for a while at most."""

MODELS = ("EVD1S180TBB", "EVD1S60THB", "EVD2S240TBB", "EVD2S60TBB")


class Options(msgspec.Struct, frozen=True):
    """All that is decided before a world begins."""

    seed: int
    days: float
    stations: int
    models: tuple[str, ...]
    """One each station."""
    keys: dict[str, str]
    """Set by the installer at every station."""
    weights: dict[str, int]
    """By happening; one of 0 never happens."""
    gap_s: float
    """From one happening to the next, at most."""
    without: tuple[str, ...] = ()
    """Happenings that are left out: when their turn comes nothing happens, and all others come when they would have."""
    settle_s: float = 7200.0
    """How long everything may take to settle once the faults have ended."""

    def may(self, name: str) -> bool:
        """Whether this can happen at all."""
        return self.weights[name] > 0 and name not in self.without


def draw_options(seed: int, days: float, stations: int, without: tuple[str, ...] = ()) -> Options:
    """What a seed decides. `without` names happenings that are left out whatever the seed says."""
    dice = Dice(seed)
    keys = {
        "MinimumStatusDuration": dice.one_of(("0", "0", "10")),
        "MeterValueSampleInterval": dice.one_of(("60", "300", "900")),
        "WebSocketPingInterval": dice.one_of(("0", "20", "60")),
        "AllowOfflineTxForUnknownId": dice.one_of(("true", "false")),
        "StopTransactionOnInvalidId": dice.one_of(("true", "true", "false")),
        "CallMsgInOrder": dice.one_of(("true", "true", "false")),
        "OfflineTxMsgQueueEnable": dice.one_of(("true", "true", "false")),
        "TransactionMessageAttempts": dice.one_of(("1", "2", "3", "10")),
        "TransactionMessageRetryInterval": dice.one_of(("1", "10", "60")),
        "StopTxnSampledData": dice.one_of(("", "SoC")),
    }
    weights = {name: _weight(dice, off_percent=15) for name in ORDINARY}
    weights["plug"], weights["badge"] = 12 + dice.below(20), 12 + dice.below(20)
    weights["unplug"] = 4 + dice.below(12)
    weights |= {name: _weight(dice, off_percent=50) // 3 for name in FAULTS}
    gap_s = dice.one_of((120.0, 400.0, 1200.0))
    models = tuple(dice.one_of(MODELS) for _ in range(stations))  # last, so that fewer stations change nothing else
    return Options(seed, days, stations, models, keys, weights, gap_s, without)


def _weight(dice: Dice, off_percent: int) -> int:
    weight = 1 + dice.below(12)
    return 0 if dice.chance(off_percent) else weight
