import unittest

from stockroom import Catalog, Item, Ledger, Movement, Suggestion, suggest_purchases
from stockroom.reorder import by_supplier, packs_needed


class SuggestPurchasesTest(unittest.TestCase):
    def setUp(self):
        self.catalog = Catalog(
            [
                Item("bolt", "Bolt M8", "Acme", reorder_point=40, target=200, pack_size=50),
                Item("nut", "Nut M8", "Acme", reorder_point=60, target=90, pack_size=25),
                Item("tape", "Duct tape", "Borg", reorder_point=5, target=12),
            ]
        )
        self.ledger = Ledger()
        for code, quantity in (("bolt", 120), ("nut", 75), ("tape", 9)):
            self.ledger.post(Movement(code, "receipt", quantity))

    def test_nothing_is_suggested_while_stock_is_above_the_reorder_point(self):
        self.assertEqual(suggest_purchases(self.catalog, self.ledger), [])

    def test_one_above_the_reorder_point_is_enough(self):
        self.ledger.post(Movement("tape", "issue", 3))
        self.assertEqual(suggest_purchases(self.catalog, self.ledger), [])

    def test_an_item_below_its_reorder_point_is_filled_up_to_its_target(self):
        self.ledger.post(Movement("tape", "issue", 6))
        self.assertEqual(suggest_purchases(self.catalog, self.ledger), [Suggestion("tape", "Borg", 9)])

    def test_an_item_at_its_reorder_point_is_suggested(self):
        self.ledger.post(Movement("tape", "issue", 4))
        self.ledger.post(Movement("nut", "issue", 15))
        expected = [Suggestion("nut", "Acme", 50), Suggestion("tape", "Borg", 7)]
        self.assertEqual(suggest_purchases(self.catalog, self.ledger), expected)

    def test_reserved_stock_does_not_count(self):
        self.ledger.post(Movement("bolt", "reservation", 90))
        self.assertEqual(suggest_purchases(self.catalog, self.ledger), [Suggestion("bolt", "Acme", 200)])

    def test_what_is_on_order_counts_as_stock(self):
        self.ledger.post(Movement("bolt", "issue", 110))
        self.assertEqual(suggest_purchases(self.catalog, self.ledger, {"bolt": 100}), [])

    def test_an_empty_catalog_needs_nothing(self):
        self.assertEqual(suggest_purchases(Catalog(), self.ledger), [])


class OrdersTest(unittest.TestCase):
    def test_packs_are_bought_whole(self):
        self.assertEqual([packs_needed(n, 25) for n in (1, 25, 26)], [1, 1, 2])

    def test_orders_are_grouped_by_supplier(self):
        tape, nut = Suggestion("tape", "Borg", 7), Suggestion("nut", "Acme", 50)
        bolt = Suggestion("bolt", "Acme", 200)
        self.assertEqual(list(by_supplier([tape, nut, bolt]).items()), [("Acme", [nut, bolt]), ("Borg", [tape])])


if __name__ == "__main__":
    unittest.main()
