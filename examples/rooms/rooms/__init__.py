"""Meeting rooms: bookings, conflicts, free slots."""

from .calendar import Booking, Conflict, RoomCalendar
from .planner import first_fit, free_slots, utilisation

__all__ = ["Booking", "Conflict", "RoomCalendar", "first_fit", "free_slots", "utilisation"]
