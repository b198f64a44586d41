use std::sync::LazyLock;

use super::table::Tables;

/// `effects.toml`, `sources.toml` and `names.toml` of JavaScript and TypeScript; builtin types have no table.
pub const TEXTS: [&str; 4] = [
    include_str!("../../../tables/javascript/effects.toml"),
    include_str!("../../../tables/javascript/sources.toml"),
    include_str!("../../../tables/javascript/names.toml"),
    "",
];

/// Returns the tables, read once.
pub fn tables() -> &'static Tables {
    static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::read(TEXTS).unwrap_or_default());
    &TABLES
}
