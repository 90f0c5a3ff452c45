"""Who gets how many of the cabinet's power modules, and how much flows: the sharing rule.

Theory of operation. Modules are dealt in whole ones. Each gun at work *needs* as many as its wish takes, none while its
car takes nothing, one while it checks or is held at a setpoint of 0. Each has a *home share*: half of the modules in
service, an odd one for the first gun. A gun alone may have all of them. Of two the first gets the middle one of

- its home share,
- its need,
- what the need of the other leaves,

and the other the rest. So a gun never has less than its home share because of the other unless it needs less, what
one leaves the other has at once, and spare modules go home. A held gun keeps its home share at most.

The station's limit in watts is shared by the same rule with halves in place of home shares; it bites when ratings or
heat lower it below what the modules could give.

All of it happens at one instant: `settle` ends what flowed before `deal` lets anything flow, so a module is released
before it is taken, and what is dealt adds up to no more than there is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from forecourt.cabinet.gun import Closed
from forecourt.station.events import PowerGranted, PowerWithheld

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forecourt.cabinet.figures import CabinetFigures
    from forecourt.cabinet.gun import Gun
    from forecourt.station.events import Event

NO_EVENTS: tuple[Event, ...] = ()


class Supply(msgspec.Struct, frozen=True, gc=False):
    """What the guns have together at present."""

    limit_w: float
    modules: int
    """In service."""
    module_w: float
    residual_a: float

    @property
    def modules_w(self) -> float:
        """What the modules in service can give, whatever the limit."""
        return self.modules * self.module_w


@lru_cache(maxsize=256)
def whole_supply(figures: CabinetFigures) -> Supply:
    """All that the hardware can give; one for all cabinets that are alike."""
    return Supply(figures.station_limit_w, figures.modules, figures.module_w, figures.residual_a)


def deal(supply: Supply, guns: Sequence[Gun], now: float) -> Sequence[Event]:
    """Share what there is at `now`; events of guns that have lost their last module, or have one again."""
    for gun in guns:
        gun.settle(now)
    if len(guns) == 1:
        only = guns[0]
        _deal_alone(supply, only, supply.modules)
        return _told(only)
    first, second = guns
    if first.closed is Closed.NO:
        second_modules = supply.modules if second.closed is not Closed.NO else 0
        first_modules = 0
    elif second.closed is Closed.NO:
        first_modules, second_modules = supply.modules, 0
    else:
        first_modules, second_modules = _middle(supply, first, second)
    if first_modules == 0 or second_modules == 0:
        _deal_alone(supply, first, first_modules)
        _deal_alone(supply, second, second_modules)
    else:
        _deal_two(supply, first, first_modules, second, second_modules)
    if first.lacks_modules is first.was_told and second.lacks_modules is second.was_told:
        return NO_EVENTS
    return (*_told(first), *_told(second))


def deal_again(supply: Supply, guns: Sequence[Gun], gun: Gun, now: float) -> Sequence[Event]:
    """Share what there is at `now`, where nothing but a step of this gun's battery has happened, and it is settled.

    Mostly it keeps its modules, and then the other gun keeps what it has: only this one's flow is dealt.
    """
    modules = gun.modules
    is_simple = modules and gun.closed is Closed.DRAWING and gun.limit_w != 0.0 and supply.limit_w >= supply.modules_w
    if not is_simple or _modules_of(supply, guns, gun) != modules:
        return deal(supply, guns, now)
    _deal_alone(supply, gun, modules)
    return NO_EVENTS


def _modules_of(supply: Supply, guns: Sequence[Gun], gun: Gun) -> int:
    """How many modules the sharing rule gives to a gun that draws."""
    if len(guns) == 1:
        return supply.modules
    first, second = guns
    other = second if gun is first else first
    if other.closed is Closed.NO:
        return supply.modules
    return _middle(supply, first, second)[0 if gun is first else 1]


def _middle(supply: Supply, first: Gun, second: Gun) -> tuple[int, int]:
    """The sharing rule: the middle one of home share, need, and what the need of the other leaves."""
    home = (supply.modules + 1) // 2
    need, left = _need(supply, first), supply.modules - _need(supply, second)
    low, high = (need, left) if need < left else (left, need)
    modules = low if home < low else min(home, high)
    return modules, supply.modules - modules


def _need(supply: Supply, gun: Gun) -> int:
    """How many modules a gun could use."""
    if gun.closed is Closed.WITHOUT_NEED:
        return 0
    if gun.closed is Closed.UNDER_VOLTAGE or gun.limit_w == 0.0:
        return min(1, supply.modules)
    wanted_w = gun.wanted_w if gun.wanted_w < supply.limit_w else supply.limit_w
    gun.need = need = int(-(-wanted_w // supply.module_w))
    return need if need < supply.modules else supply.modules


def _deal_alone(supply: Supply, gun: Gun, modules: int) -> None:
    """Deal to a gun with nobody to share the limit with."""
    power_w = gun.take(supply, modules)
    limit_w = supply.limit_w
    offered_w, modules_w = gun.most_w(), modules * supply.module_w
    if offered_w > modules_w:
        offered_w = modules_w
    gun.offered_w = offered_w if offered_w < limit_w else limit_w
    gun.flow(power_w if power_w < limit_w else limit_w)


def _deal_two(supply: Supply, first: Gun, first_modules: int, second: Gun, second_modules: int) -> None:
    """Deal to two guns that share the limit: half each, or more if the other leaves it."""
    limit_w, module_w = supply.limit_w, supply.module_w
    first_w, second_w = first.take(supply, first_modules), second.take(supply, second_modules)
    half_w = limit_w / 2
    first_share_w, second_share_w = max(half_w, limit_w - second_w), max(half_w, limit_w - first_w)
    first.offered_w = min(first.most_w(), first_modules * module_w, first_share_w)
    second.offered_w = min(second.most_w(), second_modules * module_w, second_share_w)
    first.flow(min(first_w, first_share_w))
    second.flow(min(second_w, second_share_w))


def _told(gun: Gun) -> Sequence[Event]:
    if gun.lacks_modules is gun.was_told:
        return NO_EVENTS
    gun.was_told = gun.lacks_modules
    return (PowerWithheld(gun.connector) if gun.lacks_modules else PowerGranted(gun.connector),)
