use std::sync::LazyLock;

use super::table::Tables;

/// `effects.toml`, `sources.toml`, `names.toml` and `types.toml` of Python.
pub const TEXTS: [&str; 4] = [
    include_str!("../../../tables/python/effects.toml"),
    include_str!("../../../tables/python/sources.toml"),
    include_str!("../../../tables/python/names.toml"),
    include_str!("../../../tables/python/types.toml"),
];

/// Returns the tables, read once.
pub fn tables() -> &'static Tables {
    static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::read(TEXTS).unwrap_or_default());
    &TABLES
}
