"""How long stages may take: each its own deadline and, once two of a lab hung, one for all that
are left.
"""

from __future__ import annotations

_HANGS = 2  # stages, not runs
_LEAST_S = 5.0  # no stage gets less


class Patience:
    """Of the stages of one run. ``shared_s`` is the deadline that they share, 0 for none.

    A stage gets at most half of what is left, so that one more that hangs does not take the time of
    all behind it; with less than five seconds left, the rest are skipped. Building, and what a
    simulated cluster takes while it makes progress, is not counted: see ``World.extend``.
    """

    def __init__(self, shared_s: float) -> None:
        self._shared_s = self._left_s = shared_s
        self._hangs = 0

    @property
    def is_shared(self) -> bool:
        return self._shared_s > 0 and self._hangs >= _HANGS

    def reason_to_skip(self) -> str:
        """ "" while there is time for one more stage."""
        if self.is_shared and self._left_s < _LEAST_S:
            return f"behind stages that hung: the {self._shared_s:g} s that the rest share are over"
        return ""

    def seconds(self, own_s: float) -> float:
        """For a stage's first run."""
        if not self.is_shared:
            return own_s
        return min(own_s, max(round(self._left_s / 2, 1), _LEAST_S))

    def seconds_again(self, own_s: float) -> float:
        """For a second run, which decides nothing but whether the stage is called unstable."""
        return min(own_s, self._shared_s) if self._shared_s > 0 else own_s

    def judged(self, used_s: float, hung: bool) -> None:
        """A stage was run for the first time, and took so much of its deadline."""
        if self.is_shared:
            self._left_s -= used_s
        self._hangs += hung

    def words(self) -> str:
        """For a stage that hung since it had less than its own deadline."""
        return f"two stages before it hung, and all behind them share {self._shared_s:g} s"
