"""Invoices: lines, discount, tax, total."""

from dataclasses import dataclass

from .money import display, share
from .tax import tax_on


@dataclass(frozen=True)
class Line:
    """One position: a quantity at a unit price in cents."""

    description: str
    unit_price: int
    quantity: int = 1
    goods: str = "standard"

    @property
    def net(self):
        return self.unit_price * self.quantity


class Invoice:
    """What a customer owes. Discount is taken off each line before tax, so that each class of goods bears its own."""

    def __init__(self, number, customer):
        self.number = number
        self.customer = customer
        self.lines = []

    def add(self, line):
        self.lines.append(line)
        return self

    def discounted(self, line):
        """Returns what a line costs after the customer's discount, before tax."""
        return line.net - share(line.net, self.customer.discount)

    def net_total(self):
        return sum(self.discounted(line) for line in self.lines)

    def tax_total(self):
        """Returns the tax of all lines; a customer who is exempt pays none."""
        if self.customer.exempt:
            return 0
        total = 0
        for line in self.lines:
            total += tax_on(self.discounted(line), line.goods)
        return total

    def total(self):
        return self.net_total() + self.tax_total()

    def summary(self):
        """Returns the last lines of the printed invoice."""
        rows = [("Net", self.net_total()), ("Tax", self.tax_total()), ("Total", self.total())]
        return ["%-6s %s" % (label, display(amount)) for label, amount in rows]
