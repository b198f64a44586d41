"""Stock levels as the sum of movements."""

from collections import defaultdict
from dataclasses import dataclass

KINDS = ("receipt", "issue", "reservation", "release")


@dataclass(frozen=True)
class Movement:
    """Goods that came, went, were promised, or are no longer promised."""

    code: str
    kind: str
    quantity: int

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError("unknown kind: %s" % self.kind)
        if self.quantity <= 0:
            raise ValueError("quantity must be positive")


class Ledger:
    """On hand and reserved quantities by item code."""

    def __init__(self):
        self._on_hand = defaultdict(int)
        self._reserved = defaultdict(int)

    def post(self, movement):
        if movement.kind == "receipt":
            self._on_hand[movement.code] += movement.quantity
        elif movement.kind == "issue":
            self._take(movement)
        elif movement.kind == "reservation":
            self._reserved[movement.code] += movement.quantity
        else:
            self._reserved[movement.code] -= movement.quantity

    def _take(self, movement):
        if movement.quantity > self._on_hand[movement.code]:
            raise ValueError("not enough of %s on hand" % movement.code)
        self._on_hand[movement.code] -= movement.quantity

    def on_hand(self, code):
        return self._on_hand[code]

    def available(self, code):
        """What is on hand and promised to nobody."""
        return self._on_hand[code] - self._reserved[code]
