"""Numbers and bytes that depend on a seed alone, whatever the version of Python."""

from __future__ import annotations

import hashlib

_MASK = (1 << 64) - 1


class Random:
    """SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014)."""

    def __init__(self, *seed: object) -> None:
        digest = hashlib.sha256("\0".join(map(str, seed)).encode()).digest()
        self._seed = digest
        self._state = int.from_bytes(digest[:8], "little")

    def next(self) -> int:
        """64 bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, bound: int) -> int:
        """0 to bound - 1; the bias is below bound / 2**64."""
        return self.next() % bound

    def between(self, low: int, high: int) -> int:
        """low to high, both included."""
        return low + self.below(high - low + 1)

    def bytes(self, count: int) -> bytes:
        """Bytes in which no longer part occurs twice, so that a part tells its place: SHAKE128 of
        the seed.
        """
        self._seed = hashlib.sha256(self._seed).digest()
        return hashlib.shake_128(self._seed).digest(count)

    def cuts(self, size: int, most: int) -> list[int]:
        """Lengths of 1 to ``most`` that add up to ``size``."""
        lengths = []
        while size > 0:
            lengths.append(min(size, self.between(1, most)))
            size -= lengths[-1]
        return lengths
