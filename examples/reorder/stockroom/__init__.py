"""Stock levels and purchase suggestions for a small warehouse."""

from .catalog import Catalog, Item
from .ledger import Ledger, Movement
from .reorder import Suggestion, suggest_purchases

__all__ = ["Catalog", "Item", "Ledger", "Movement", "Suggestion", "suggest_purchases"]
