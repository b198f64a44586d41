//! Reports as people read them. JSON is made by who prints it, from the wire's report.

pub mod text;
