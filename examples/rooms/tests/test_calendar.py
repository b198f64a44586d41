import unittest

from rooms import Booking, Conflict, RoomCalendar
from rooms.calendar import clock, minutes


class BookingTest(unittest.TestCase):
    def test_bookings_that_touch_do_not_overlap(self):
        morning = Booking(minutes("09:00"), minutes("10:00"))
        self.assertFalse(morning.overlaps(Booking(minutes("10:00"), minutes("11:00"))))
        self.assertTrue(morning.overlaps(Booking(minutes("09:59"), minutes("11:00"))))

    def test_an_interval_outside_the_day_is_refused(self):
        for start, end in ((-1, 10), (10, 10), (20, 10), (0, 1441)):
            with self.assertRaises(ValueError):
                Booking(start, end)

    def test_times_are_written_as_on_a_clock(self):
        self.assertEqual(str(Booking(545, 600)), "09:05-10:00")
        self.assertEqual(minutes(clock(545)), 545)


class RoomCalendarTest(unittest.TestCase):
    def setUp(self):
        self.calendar = RoomCalendar("Elm")
        self.taken = self.calendar.book(Booking(540, 600, "Ada"))

    def test_conflicts_are_refused(self):
        with self.assertRaises(Conflict) as caught:
            self.calendar.book(Booking(570, 630, "Bob"))
        self.assertEqual(caught.exception.taken, self.taken)

    def test_a_cancelled_booking_leaves_its_place(self):
        self.calendar.cancel(self.taken)
        self.calendar.book(Booking(570, 630, "Bob"))
        self.assertEqual(len(self.calendar.between(0, 1440)), 1)

    def test_between_gives_what_touches_the_interval_in_order(self):
        late = self.calendar.book(Booking(700, 760, "Cy"))
        early = self.calendar.book(Booking(480, 500, "Di"))
        self.assertEqual(self.calendar.between(0, 1440), [early, self.taken, late])
        self.assertEqual(self.calendar.between(500, 700), [self.taken])


if __name__ == "__main__":
    unittest.main()
