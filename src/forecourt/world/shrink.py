"""A smaller play that breaks the same rule: fewer days, fewer stations, fewer kinds of happenings."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import msgspec

from forecourt.world.options import FAULTS, ORDINARY
from forecourt.world.play import DAY_S, Play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forecourt.world.options import Options
    from forecourt.world.play import Verdict


def shrink(verdict: Verdict, play: Callable[[Options], Verdict] | None = None) -> Verdict:
    """The smallest verdict with the same broken rule that was found by leaving out one thing after the other."""
    perform = play or (lambda options: Play(options).perform())
    found = True
    while found:
        found = False
        for options in _smaller(verdict):
            tried = perform(options)
            if tried.rule == verdict.rule:
                verdict, found = tried, True
                break
    return verdict


def _smaller(verdict: Verdict) -> Iterator[Options]:
    options = verdict.options
    days = ceil(verdict.at_s / DAY_S * 1000) / 1000
    if days < options.days:
        yield msgspec.structs.replace(options, days=days)
    if options.stations > 1:
        yield msgspec.structs.replace(options, stations=options.stations - 1, models=options.models[:-1])
    for name in (*FAULTS, *ORDINARY):
        if name in verdict.happened:
            yield msgspec.structs.replace(options, without=(*options.without, name))
