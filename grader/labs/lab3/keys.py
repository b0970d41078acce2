"""Keys for a hash table: ordinary ones, and families that fall together where a hash is weak."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

_BITS = 16  # 2^16 keys a family

# 16 pairs one after the other: from its state so far, FNV-1a comes to one state by either of two.
# They were found by trying, birthday by birthday: all 32 bits are equal, and the lower 28 of 64.
_FNV_32 = "alCxh ap2la " + "azEnS aBcZa afCpj aB0ta ah3lh aDBxa akM8f aw2La afCxh az2la " * 3
_FNV_64 = "ah5Dc akahb " + "ae5tc afA8b " * 15


def numbers() -> list[bytes]:
    """2^17 keys as anybody may have them."""
    return [b"%d" % number for number in range(1 << 17)]


def _joined(*pairs: tuple[bytes, bytes]) -> list[bytes]:
    """The keys that have one of the two in each place."""
    return [b"".join(key) for key in product(*pairs)]


def _pairs(text: str) -> list[tuple[bytes, bytes]]:
    words = text.encode().split()
    return list(zip(words[::2], words[1::2], strict=True))


def _of_the_same_bytes() -> list[bytes]:
    swapped = bytes.maketrans(b"ab", b"ba")
    halves = map(bytes, product(b"ab", repeat=_BITS))
    return [half + half.translate(swapped) for half in halves]


def _thue_morse(size: int) -> tuple[bytes, bytes]:
    """Two strings, for whatever odd number a hash is multiplied by: where a bit of the place's
    number is 0, the difference has a factor 1 - m^(2^bit), which is even more often the higher the
    bit. With 32 bytes, 19 bits of the hashes are equal.
    """
    ones = [place.bit_count() & 1 for place in range(size)]
    return bytes(97 + one for one in ones), bytes(98 - one for one in ones)


def _alike_at_both_ends() -> list[bytes]:
    return [b"%b%05d%b" % (b"head" * 8, number, b"tail" * 8) for number in range(1 << 16)]


COLLIDING: dict[str, Callable[[], list[bytes]]] = {
    "keys that collide where a hash is multiplied by any odd number": lambda: _joined(
        *[_thue_morse(32)] * 16
    ),
    "keys that collide where a hash is multiplied by 31": lambda: _joined(*[(b"Aa", b"BB")] * 16),
    "keys that collide where a hash is multiplied by 33": lambda: _joined(*[(b"Ab", b"BA")] * 16),
    "keys of the same bytes": _of_the_same_bytes,
    "keys that differ in the middle only": _alike_at_both_ends,
    "keys that collide by FNV-1a of 32 bits": lambda: _joined(*_pairs(_FNV_32)),
    "keys that collide by FNV-1a of 64 bits": lambda: _joined(*_pairs(_FNV_64)),
}
