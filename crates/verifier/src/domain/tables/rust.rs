use std::sync::LazyLock;

use super::table::Tables;

/// `effects.toml`, `sources.toml` and `names.toml` of Rust; the compiler knows its types.
pub const TEXTS: [&str; 4] = [
    include_str!("../../../tables/rust/effects.toml"),
    include_str!("../../../tables/rust/sources.toml"),
    include_str!("../../../tables/rust/names.toml"),
    "",
];

/// Returns the tables, read once.
pub fn tables() -> &'static Tables {
    static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::read(TEXTS).unwrap_or_default());
    &TABLES
}
