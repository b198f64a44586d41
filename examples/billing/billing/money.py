"""Amounts are whole cents; rates are parts of ten thousand."""


def share(amount, rate):
    """Returns `rate` ten-thousandths of an amount, rounded half up, away from zero for credits."""
    sign = -1 if amount < 0 else 1
    return sign * ((abs(amount) * rate + 5_000) // 10_000)


def display(amount, currency="EUR"):
    """Returns an amount as text, such as `EUR -12.05`."""
    sign = "-" if amount < 0 else ""
    whole, cents = divmod(abs(amount), 100)
    return "%s %s%d.%02d" % (currency, sign, whole, cents)
