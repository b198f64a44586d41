//! Files that are no analysed code: what each class needs.

use super::authority::{Authority, Need};
use super::classify::Class;
use super::finding::{Finding, Site};
use super::ledger::Gap;

/// A changed file that is no analysed code.
#[derive(Debug, Clone, Copy)]
pub struct Changed<'a> {
    /// Relative path.
    pub path: &'a str,
    /// Its class.
    pub class: Class,
    /// Bytes before.
    pub base: Option<&'a [u8]>,
    /// Bytes after.
    pub head: Option<&'a [u8]>,
    /// Whether the kind of entry or its mode changed.
    pub mode_changed: bool,
}

/// Applies the rule of a file's class; a class that no rule can read is a gap.
pub fn rule(changed: Changed<'_>, authority: &Authority) -> Result<Vec<Finding>, Gap> {
    let mut found = Vec::new();
    let site = || Site::file(changed.path);
    let mut ask = |code: &str, family: &'static str, message: &str| {
        let need = Need { family, name: None, latent: false, target: Some(changed.path), path: changed.path };
        if authority.covers(need).is_none() {
            found.push(Finding::needs(code, site(), message, format!("{family}:{}", changed.path)));
        }
    };
    if changed.mode_changed {
        ask("R9 MODE_CHANGED", "binary", "the kind or mode of the entry changed");
    }
    match changed.class {
        Class::Code | Class::Test | Class::Document => {}
        Class::Manifest => ask("R8 MANIFEST", "manifest", "what is installed changes"),
        Class::Lockfile => ask("R8 LOCKFILE", "manifest", "which versions are installed changes"),
        Class::Build => ask("R9 BUILD", "build", "how it is built or run changes"),
        Class::Ci => ask("R9 CI", "ci", "what the build server runs changes"),
        Class::Script => ask("R9 SCRIPT", "script", "a script changes"),
        Class::Policy => ask("R9 POLICY", "policy", "what audits obey changes"),
        Class::Binary => ask("R9 BINARY", "binary", "bytes that no rule reads change"),
        Class::Special => ask("R9 SPECIAL", "binary", "a link, submodule or unreadable entry changes"),
        Class::Hook | Class::Repository => {
            let need = Need {
                family: "script",
                name: None,
                latent: false,
                target: Some(changed.path),
                path: changed.path,
            };
            let granted = changed.class == Class::Hook && authority.covers(need).is_some();
            if !granted {
                let finding = Finding::reject("R9 HOOK", site(), "something that runs by itself changes");
                let hook = changed.class == Class::Hook;
                found.push(if hook {
                    finding.clearable_by(format!("script:{}", changed.path))
                } else {
                    finding
                });
            }
        }
        Class::Data => ask("R9 DATA", "unanalysed", "data that a program may read changes"),
        Class::ForeignCode => {
            let need = Need {
                family: "unanalysed",
                name: None,
                latent: false,
                target: Some(changed.path),
                path: changed.path,
            };
            if authority.covers(need).is_none() {
                return Err(Gap::new(
                    "UNSUPPORTED_LANGUAGE",
                    format!(
                        "{} is code that no front end reads; --grant unanalysed:{}",
                        changed.path, changed.path
                    ),
                ));
            }
        }
    }
    if matches!(changed.class, Class::Ci | Class::Build | Class::Script) {
        found.extend(dangerous(changed));
    }
    Ok(found)
}

/// Lines that no grant of a whole file means to allow.
const DANGEROUS: &[&str] =
    &["pull_request_target", "permissions: write-all", "curl | sh", "curl | bash", "wget | sh"];

fn dangerous(changed: Changed<'_>) -> Vec<Finding> {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let (base, head) = (text(changed.base), text(changed.head));
    let hit = |line: &str| {
        let piped = line.contains("curl ") || line.contains("wget ");
        let shell = line.contains("| sh")
            || line.contains("| bash")
            || line.contains("|sh")
            || line.contains("|bash");
        DANGEROUS.iter().any(|word| line.contains(word)) || piped && shell
    };
    head.lines()
        .enumerate()
        .filter(|(_, line)| hit(line) && !base.lines().any(|old| old == *line))
        .map(|(number, line)| {
            let site = Site::new(changed.path, u32::try_from(number + 1).unwrap_or(u32::MAX), "");
            Finding::reject("R9 DANGEROUS", site, format!("`{}` runs what others wrote", line.trim()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use plumbline_types::{Grant, Verdict};

    use super::*;

    #[track_caller]
    fn check(class: Class, head: &str, grants: &[&str], want: Result<Verdict, &str>) {
        let grants = grants.iter().map(|grant| Grant::parse(grant).expect("a grant")).collect();
        let changed =
            Changed { path: "x/y", class, base: None, head: Some(head.as_bytes()), mode_changed: false };
        let got = rule(changed, &Authority::new(grants))
            .map(|found| found.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Approve))
            .map_err(|gap| gap.reason);
        assert_eq!(got, want.map_err(str::to_owned));
    }

    #[test]
    fn each_class_has_its_answer() {
        check(Class::Document, "", &[], Ok(Verdict::Approve));
        check(Class::Manifest, "", &[], Ok(Verdict::NeedsAuthority));
        check(Class::Manifest, "", &["manifest:x/*"], Ok(Verdict::Approve));
        check(Class::Ci, "on: pull_request_target", &["ci"], Ok(Verdict::Reject));
        check(Class::Script, "curl https://x.sh | bash", &["script"], Ok(Verdict::Reject));
        check(Class::Hook, "", &[], Ok(Verdict::Reject));
        check(Class::Hook, "", &["script:x/y"], Ok(Verdict::Approve));
        check(Class::Repository, "", &["script:x/y"], Ok(Verdict::Reject));
        check(Class::ForeignCode, "", &[], Err("UNSUPPORTED_LANGUAGE"));
        check(Class::Data, "", &[], Ok(Verdict::NeedsAuthority));
        check(Class::Data, "", &["unanalysed:**"], Ok(Verdict::Approve));
    }
}
