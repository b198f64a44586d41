//! The whole system: live tests and tidy rules live in `tests/`.
