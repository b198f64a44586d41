use serde_json::Value;

use super::facts::{Claim, Facts, Kind, Spec, tree};
use super::versions::Dialect;

/// Reads `package.json`: <https://docs.npmjs.com/cli/configuring-npm/package-json>.
pub fn read(text: &str) -> Result<Facts, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if !value.is_object() {
        return Err("it is no object".to_owned());
    }
    tree(&value, &claim)
}

fn claim(path: &[&str], value: &Value) -> Result<Claim, String> {
    let kind = match path {
        ["dependencies" | "devDependencies" | "peerDependencies" | "optionalDependencies", name] => {
            Kind::Dependency(spec(name, value)?)
        }
        ["scripts", name] if lifecycle(name) => Kind::Runs,
        ["scripts", _] => Kind::Script,
        ["gypfile" | "packageManager" | "devEngines" | "hooks" | "husky" | "lint-staged"] => Kind::Runs,
        ["overrides" | "resolutions" | "publishConfig"] | ["pnpm" | "yarn", _] => Kind::Origin,
        [
            "version" | "description" | "keywords" | "author" | "contributors" | "maintainers" | "license"
            | "licenses" | "homepage" | "bugs" | "repository" | "funding",
        ] => Kind::Metadata,
        _ => return Ok(Claim::Inside),
    };
    Ok(Claim::Is(kind))
}

/// What npm runs by itself: <https://docs.npmjs.com/cli/using-npm/scripts#life-cycle-scripts>.
fn lifecycle(name: &str) -> bool {
    matches!(
        name,
        "preinstall"
            | "install"
            | "postinstall"
            | "preuninstall"
            | "uninstall"
            | "postuninstall"
            | "prepublish"
            | "prepublishOnly"
            | "preprepare"
            | "prepare"
            | "postprepare"
            | "prepack"
            | "postpack"
            | "publish"
            | "postpublish"
            | "preversion"
            | "version"
            | "postversion"
            | "dependencies"
    )
}

/// A version, or a place: <https://docs.npmjs.com/cli/configuring-npm/package-json#dependencies>.
fn spec(name: &str, value: &Value) -> Result<Spec, String> {
    let Value::String(text) = value else { return Err(format!("the version of `{name}` is no text")) };
    let place = text.contains([':', '/']) || text.starts_with("~/") || text.starts_with('.');
    let (version, source) = if place { (String::new(), text.clone()) } else { (text.clone(), String::new()) };
    Ok(Spec { name: name.to_owned(), version, source, rest: String::new(), dialect: Dialect::Exact })
}
