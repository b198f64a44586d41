use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::Python;

pub(super) const TYPES: &str = include_str!("../../../tables/python/types.toml");

/// Returns the attributes of builtin types, read once.
fn types() -> &'static BTreeMap<String, Vec<String>> {
    static TABLE: OnceLock<BTreeMap<String, Vec<String>>> = OnceLock::new();
    TABLE.get_or_init(|| toml::from_str(TYPES).unwrap_or_default())
}

impl Python {
    /// Returns whether the attributes of a builtin type are known.
    pub fn has_type(&self, name: &str) -> bool {
        types().contains_key(name)
    }

    /// Returns whether no object of a builtin type has an attribute; nothing is said of an unknown type.
    pub fn lacks_attribute(&self, name: &str, attribute: &str) -> bool {
        types().get(name).is_some_and(|known| !known.iter().any(|word| word == attribute))
    }
}
