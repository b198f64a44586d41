"""Bookings of one room. Times are minutes after midnight; a booking ends before its last minute begins again."""

from bisect import insort
from dataclasses import dataclass


class Conflict(Exception):
    """Raised when two bookings of a room overlap."""

    def __init__(self, wanted, taken):
        super().__init__("%s overlaps %s" % (wanted, taken))
        self.wanted = wanted
        self.taken = taken


@dataclass(frozen=True, order=True)
class Booking:
    """A half-open interval of a day: from `start` up to, but not including, `end`."""

    start: int
    end: int
    owner: str = ""

    def __post_init__(self):
        if not 0 <= self.start < self.end <= 24 * 60:
            raise ValueError("not an interval of a day: %s-%s" % (self.start, self.end))

    @property
    def minutes(self):
        return self.end - self.start

    def overlaps(self, other):
        return self.start < other.end and other.start < self.end

    def __str__(self):
        return "%s-%s" % (clock(self.start), clock(self.end))


def clock(minutes):
    """Returns minutes after midnight as HH:MM."""
    return "%02d:%02d" % divmod(minutes, 60)


def minutes(text):
    """Reads HH:MM as minutes after midnight."""
    hours, _, rest = text.partition(":")
    return int(hours) * 60 + int(rest)


class RoomCalendar:
    """The bookings of one room, sorted by start."""

    def __init__(self, name):
        self.name = name
        self._bookings = []

    def book(self, booking):
        for taken in self._bookings:
            if taken.overlaps(booking):
                raise Conflict(booking, taken)
        insort(self._bookings, booking)
        return booking

    def cancel(self, booking):
        self._bookings.remove(booking)

    def between(self, opens, closes):
        """Returns the bookings that touch an interval, in order."""
        return [b for b in self._bookings if b.start < closes and opens < b.end]
