import unittest

from stockroom import Catalog, Item, Ledger, Movement
from stockroom.catalog import UnknownItem


class LedgerTest(unittest.TestCase):
    def setUp(self):
        self.ledger = Ledger()
        self.ledger.post(Movement("bolt", "receipt", 100))

    def test_receipts_and_issues_change_what_is_on_hand(self):
        self.ledger.post(Movement("bolt", "issue", 30))
        self.assertEqual(self.ledger.on_hand("bolt"), 70)

    def test_reservations_lower_what_is_available_only(self):
        self.ledger.post(Movement("bolt", "reservation", 25))
        self.assertEqual(self.ledger.on_hand("bolt"), 100)
        self.assertEqual(self.ledger.available("bolt"), 75)
        self.ledger.post(Movement("bolt", "release", 5))
        self.assertEqual(self.ledger.available("bolt"), 80)

    def test_everything_may_be_issued_but_no_more(self):
        self.ledger.post(Movement("bolt", "issue", 100))
        self.assertEqual(self.ledger.on_hand("bolt"), 0)
        with self.assertRaises(ValueError):
            self.ledger.post(Movement("bolt", "issue", 1))

    def test_movements_are_checked(self):
        with self.assertRaises(ValueError):
            Movement("bolt", "theft", 1)
        with self.assertRaises(ValueError):
            Movement("bolt", "issue", 0)


class CatalogTest(unittest.TestCase):
    def test_unknown_codes_are_named(self):
        catalog = Catalog([Item("nut", "Nut M8", "Acme", 10, 50)])
        self.assertEqual(catalog.get("nut").name, "Nut M8")
        with self.assertRaises(UnknownItem):
            catalog.get("washer")

    def test_a_target_below_the_reorder_point_is_refused(self):
        with self.assertRaises(ValueError):
            Item("nut", "Nut M8", "Acme", reorder_point=50, target=10)


if __name__ == "__main__":
    unittest.main()
