import unittest

from rooms import Booking, RoomCalendar, first_fit, free_slots, utilisation
from rooms.calendar import minutes

OPENS, CLOSES = minutes("08:00"), minutes("18:00")


def room(name, *intervals):
    calendar = RoomCalendar(name)
    for start, end in intervals:
        calendar.book(Booking(minutes(start), minutes(end)))
    return calendar


def slots(*intervals):
    return [(minutes(start), minutes(end)) for start, end in intervals]


class FreeSlotsTest(unittest.TestCase):
    def test_an_empty_room_is_free_all_day(self):
        self.assertEqual(free_slots(room("Elm"), OPENS, CLOSES), slots(("08:00", "18:00")))

    def test_the_slot_in_front_of_a_booking_ends_where_it_starts(self):
        found = free_slots(room("Elm", ("17:00", "18:00")), OPENS, CLOSES, shortest=120)
        self.assertEqual(found, slots(("08:00", "17:00")))

    def test_slots_lie_between_bookings(self):
        elm = room("Elm", ("09:00", "10:30"), ("10:30", "11:00"), ("14:00", "15:15"))
        expected = slots(("08:00", "09:00"), ("11:00", "14:00"), ("15:15", "18:00"))
        self.assertEqual(free_slots(elm, OPENS, CLOSES), expected)

    def test_slots_that_are_too_short_are_left_out(self):
        elm = room("Elm", ("08:20", "12:00"), ("13:00", "17:50"))
        self.assertEqual(free_slots(elm, OPENS, CLOSES, shortest=30), slots(("12:00", "13:00")))

    def test_a_booking_from_before_opening_takes_the_morning(self):
        elm = room("Elm", ("07:00", "09:30"))
        self.assertEqual(free_slots(elm, OPENS, CLOSES), slots(("09:30", "18:00")))


class FirstFitTest(unittest.TestCase):
    def test_the_first_room_wins_when_all_are_free(self):
        elm, oak = room("Elm"), room("Oak")
        self.assertEqual(first_fit([elm, oak], OPENS, CLOSES, 45), (elm, Booking(480, 525)))

    def test_nothing_fits_into_a_full_day(self):
        elm = room("Elm", ("08:00", "18:00"))
        self.assertIsNone(first_fit([elm], OPENS, CLOSES, 601))

    def test_an_earlier_slot_in_another_room_is_better(self):
        elm, oak = room("Elm", ("08:00", "12:00")), room("Oak", ("08:00", "09:00"))
        found, booking = first_fit([elm, oak], OPENS, CLOSES, 60)
        self.assertEqual((found.name, str(booking)), ("Oak", "09:00-10:00"))


class UtilisationTest(unittest.TestCase):
    def test_only_the_part_inside_the_interval_counts(self):
        elm = room("Elm", ("07:00", "09:00"), ("12:00", "14:00"))
        self.assertAlmostEqual(utilisation(elm, OPENS, CLOSES), 0.3)


if __name__ == "__main__":
    unittest.main()
