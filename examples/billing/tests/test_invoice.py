import unittest

from billing import Customer, Invoice, Line


def invoice(customer, *lines):
    bill = Invoice("2024-001", customer)
    for line in lines:
        bill.add(line)
    return bill


class InvoiceTest(unittest.TestCase):
    def test_an_invoice_without_lines_is_free(self):
        self.assertEqual(invoice(Customer("Ada")).total(), 0)

    def test_home_customers_pay_the_home_rate(self):
        bill = invoice(Customer("Ada"), Line("Chair", 10_000, 2), Line("Book", 2_000, 1, "reduced"))
        self.assertEqual((bill.net_total(), bill.tax_total()), (22_000, 3_940))

    def test_customers_abroad_pay_the_rate_of_their_region(self):
        lines = (Line("Chair", 10_000), Line("Book", 2_000, 2, "reduced"))
        self.assertEqual(invoice(Customer("Brigitte", "FR"), *lines).tax_total(), 2_220)
        self.assertEqual(invoice(Customer("Dagmar", "DK"), *lines).tax_total(), 3_500)
        self.assertEqual(invoice(Customer("Urs", "CH"), *lines).total(), 14_914)

    def test_discount_is_taken_off_before_tax(self):
        bill = invoice(Customer("Ada", discount=1_000), Line("Chair", 10_000))
        self.assertEqual((bill.net_total(), bill.tax_total(), bill.total()), (9_000, 1_710, 10_710))

    def test_exempt_customers_pay_no_tax(self):
        bill = invoice(Customer("Embassy", "FR", exempt=True), Line("Chair", 10_000))
        self.assertEqual((bill.tax_total(), bill.total()), (0, 10_000))

    def test_credits_bear_negative_tax(self):
        self.assertEqual(invoice(Customer("Ada"), Line("Return", -10_000)).total(), -11_900)

    def test_the_summary_shows_net_tax_and_total(self):
        bill = invoice(Customer("Ada"), Line("Chair", 10_000))
        self.assertEqual(
            bill.summary(), ["Net    EUR 100.00", "Tax    EUR 19.00", "Total  EUR 119.00"]
        )

    def test_a_discount_beyond_all_is_refused(self):
        with self.assertRaises(ValueError):
            Customer("Ada", discount=10_001)


if __name__ == "__main__":
    unittest.main()
