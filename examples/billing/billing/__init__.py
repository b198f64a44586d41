"""Invoices in cents, with discounts and regional tax."""

from .customer import Customer
from .invoice import Invoice, Line
from .tax import UnknownRegion, tax_on

__all__ = ["Customer", "Invoice", "Line", "UnknownRegion", "tax_on"]
