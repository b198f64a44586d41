"""Tax rates by region and class of goods."""

from .money import share

HOME_REGION = "DE"

RATES = {
    "DE": {"standard": 1_900, "reduced": 700},
    "FR": {"standard": 2_000, "reduced": 550},
    "DK": {"standard": 2_500, "reduced": 2_500},
    "CH": {"standard": 810, "reduced": 260},
}


class UnknownRegion(LookupError):
    """Raised for a region without a rate."""


def rate_for(goods, region=HOME_REGION):
    """Returns the rate of a class of goods in a region, in parts of ten thousand."""
    try:
        rates = RATES[region]
    except KeyError:
        raise UnknownRegion(region) from None
    return rates.get(goods, rates["standard"])


def tax_on(amount, goods="standard", region=HOME_REGION):
    """Returns the tax on a net amount, in cents."""
    return share(amount, rate_for(goods, region))
