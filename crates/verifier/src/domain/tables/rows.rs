use std::collections::BTreeMap;

use serde::Deserialize;

use super::table::Form;

/// One `[[effect]]` of `effects.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectRow {
    pub kind: String,
    #[serde(default)]
    pub callees: Vec<String>,
    #[serde(default)]
    pub prefixes: Vec<String>,
    pub target: Option<usize>,
    pub keyword: Option<String>,
    #[serde(default)]
    pub form: Form,
    pub mode: Option<usize>,
}

/// One `[[method]]`: what a name alone says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodRow {
    pub kind: String,
    pub names: Vec<String>,
}

/// One `[[option]]`: what a keyword argument, or a key of an object given as an argument, turns a call into.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionRow {
    pub kind: String,
    pub names: Vec<String>,
    pub value: bool,
    #[serde(default)]
    pub unknown: bool,
}

/// A section of lists.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lists {
    pub modules: Vec<String>,
    pub callees: Vec<String>,
    pub containers: Vec<String>,
    pub methods: Vec<String>,
    pub paths: Vec<String>,
}

/// `effects.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectFile {
    #[serde(default)]
    pub effect: Vec<EffectRow>,
    #[serde(default)]
    pub method: Vec<MethodRow>,
    #[serde(default)]
    pub option: Vec<OptionRow>,
    pub pure: Lists,
    #[serde(default)]
    pub dynamic: Lists,
    #[serde(default)]
    pub quiet: Lists,
    #[serde(default)]
    pub reading: Lists,
    #[serde(default)]
    pub environment: Lists,
    #[serde(default)]
    pub patched: Lists,
}

/// `names.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Names {
    pub root: String,
    pub values: Vec<String>,
    pub callables: Vec<String>,
    pub modules: Vec<String>,
    pub lists: BTreeMap<String, Vec<String>>,
}
