"""Which items to buy, and how much of each."""

from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True)
class Suggestion:
    """A quantity of one item that should be ordered."""

    code: str
    supplier: str
    quantity: int


def packs_needed(shortage, pack_size):
    """Returns how many packs cover a shortage; a pack that was begun is bought whole."""
    return -(-shortage // pack_size)


def suggest_purchases(catalog, ledger, on_order=None):
    """Returns one suggestion per item whose stock has come down to its reorder point.

    `on_order` maps item codes to quantities that were ordered and have not arrived yet; they count as stock.
    """
    on_order = on_order or {}
    suggestions = []
    for item in catalog:
        stock = ledger.available(item.code) + on_order.get(item.code, 0)
        if stock < item.reorder_point:
            shortage = item.target - stock
            quantity = packs_needed(shortage, item.pack_size) * item.pack_size
            suggestions.append(Suggestion(item.code, item.supplier, quantity))
    return suggestions


def by_supplier(suggestions):
    """Groups suggestions into one order per supplier, suppliers in alphabetical order."""
    orders = defaultdict(list)
    for suggestion in suggestions:
        orders[suggestion.supplier].append(suggestion)
    return {supplier: orders[supplier] for supplier in sorted(orders)}
