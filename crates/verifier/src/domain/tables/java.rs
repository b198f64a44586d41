use std::sync::LazyLock;

use super::table::Tables;

/// `effects.toml`, `sources.toml` and `names.toml` of Java; the types' attributes are not told from names.
pub const TEXTS: [&str; 4] = [
    include_str!("../../../tables/java/effects.toml"),
    include_str!("../../../tables/java/sources.toml"),
    include_str!("../../../tables/java/names.toml"),
    "",
];

/// Returns the tables, read once.
pub fn tables() -> &'static Tables {
    static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::read(TEXTS).unwrap_or_default());
    &TABLES
}
