"""How often something comes from somebody: what may be told of it, and when it is too often."""

from __future__ import annotations

from collections import OrderedDict

WINDOW_S = 60.0
PLACES = 4096
"""So many callers at most are counted at once; the one that was quiet longest is forgotten first."""


class Throttle:
    """Counts in windows of a minute, each beginning with the first that is counted."""

    def __init__(self) -> None:
        self._windows: OrderedDict[tuple[str, ...], list[float]] = OrderedDict()

    def count(self, place: tuple[str, ...], now: float) -> tuple[int, int]:
        """Count one more: how many this window has now, and how many to tell of, which is 0 if it is not time yet.

        The first of a window is told of at once, together with those that were not told of in the window before.
        """
        window = self._windows.get(place)
        if window is None or now - window[0] >= WINDOW_S:
            untold = 0 if window is None else int(window[1]) - 1
            window = [now, 1]
            self._windows[place] = window
            self._windows.move_to_end(place)
            if len(self._windows) > PLACES:
                self._windows.popitem(last=False)
            return 1, 1 + untold
        window[1] += 1
        self._windows.move_to_end(place)
        return int(window[1]), 0
