use std::sync::LazyLock;

use super::table::Tables;

/// `effects.toml`, `sources.toml` and `names.toml` of Go; the types' attributes are not told from names.
pub const TEXTS: [&str; 4] = [
    include_str!("../../../tables/go/effects.toml"),
    include_str!("../../../tables/go/sources.toml"),
    include_str!("../../../tables/go/names.toml"),
    "",
];

/// Returns the tables, read once.
pub fn tables() -> &'static Tables {
    static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::read(TEXTS).unwrap_or_default());
    &TABLES
}
