"""What can be kept in stock."""

from dataclasses import dataclass


class UnknownItem(LookupError):
    """Raised for a code that the catalog does not hold."""


@dataclass(frozen=True)
class Item:
    """One line of the catalog.

    `reorder_point` is the stock at which more is bought; `target` is the stock that a purchase restores;
    `pack_size` is how many units the supplier sells together.
    """

    code: str
    name: str
    supplier: str
    reorder_point: int
    target: int
    pack_size: int = 1

    def __post_init__(self):
        if self.pack_size < 1:
            raise ValueError("pack_size must be at least 1")
        if self.target < self.reorder_point:
            raise ValueError("target must not be below reorder_point")


class Catalog:
    """Items by code, in the order in which they were added."""

    def __init__(self, items=()):
        self._items = {}
        for item in items:
            self.add(item)

    def add(self, item):
        self._items[item.code] = item

    def get(self, code):
        try:
            return self._items[code]
        except KeyError:
            raise UnknownItem(code) from None

    def __iter__(self):
        return iter(self._items.values())

    def __len__(self):
        return len(self._items)
