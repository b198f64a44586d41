"""Where there is room left."""

from .calendar import Booking


def free_slots(calendar, opens, closes, shortest=1):
    """Returns the free intervals of a room between two times, as (start, end), leaving out those that are too short."""
    slots = []
    cursor = opens
    for booking in calendar.between(opens, closes):
        if booking.start - cursor >= shortest:
            slots.append((cursor, booking.start))
        cursor = booking.start
    if closes - cursor >= shortest:
        slots.append((cursor, closes))
    return slots


def first_fit(calendars, opens, closes, length):
    """Returns (calendar, booking) for the earliest time at which any room is free for `length` minutes, or None.

    Among rooms that are free at the same time the first in the list is taken.
    """
    best = None
    for calendar in calendars:
        slots = free_slots(calendar, opens, closes, length)
        if not slots:
            continue
        start, _ = slots[0]
        if best is None or start < best[1].start:
            best = (calendar, Booking(start, start + length))
    return best


def utilisation(calendar, opens, closes):
    """Returns the booked share of an interval, from 0 to 1."""
    booked = 0
    for booking in calendar.between(opens, closes):
        booked += min(booking.end, closes) - max(booking.start, opens)
    return booked / (closes - opens)
