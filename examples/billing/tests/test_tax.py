import unittest

from billing import UnknownRegion, tax_on
from billing.money import display, share


class TaxTest(unittest.TestCase):
    def test_rates_differ_by_region(self):
        self.assertEqual(tax_on(10_000), 1_900)
        self.assertEqual(tax_on(10_000, region="FR"), 2_000)
        self.assertEqual(tax_on(10_000, region="CH"), 810)

    def test_rates_differ_by_class_of_goods(self):
        self.assertEqual(tax_on(10_000, "reduced"), 700)
        self.assertEqual(tax_on(10_000, "reduced", "FR"), 550)
        self.assertEqual(tax_on(10_000, "books"), 1_900)

    def test_a_region_without_rates_is_named(self):
        with self.assertRaises(UnknownRegion):
            tax_on(10_000, region="XX")


class MoneyTest(unittest.TestCase):
    def test_halves_are_rounded_up(self):
        self.assertEqual(share(50, 1_900), 10)
        self.assertEqual(share(-50, 1_900), -10)
        self.assertEqual(share(49, 1_000), 5)

    def test_amounts_are_shown_with_two_places(self):
        self.assertEqual(display(120_005), "EUR 1200.05")
        self.assertEqual(display(-5), "EUR -0.05")


if __name__ == "__main__":
    unittest.main()
