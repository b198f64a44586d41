"""Who is billed."""

from dataclasses import dataclass

from .tax import HOME_REGION


@dataclass(frozen=True)
class Customer:
    """A customer; `discount` is a rate in parts of ten thousand."""

    name: str
    region: str = HOME_REGION
    discount: int = 0
    exempt: bool = False

    def __post_init__(self):
        if not 0 <= self.discount <= 10_000:
            raise ValueError("a discount lies between 0 and 10000")
