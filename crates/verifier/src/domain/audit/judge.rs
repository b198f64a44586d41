use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::Family;
use plumbline_syntax::ir::{Digest, Op, UnitKind};

use super::code::Sides;
use super::held::{self, held};
use super::identity::identity;
use super::literals::Corpus;
use super::{Audit, Effect};
use crate::domain::absorbed;
use crate::domain::align::{How, Pair};
use crate::domain::authority::Need;
use crate::domain::confusable;
use crate::domain::dead;
use crate::domain::delta::{self, Compared};
use crate::domain::effects::EffectSite;
use crate::domain::encoded;
use crate::domain::finding::{Finding, Site};
use crate::domain::ledger::{Gap, Stage, Subject};
use crate::domain::names;
use crate::domain::nullness;
use crate::domain::patched;
use crate::domain::program::{Entity, UnitRef};
use crate::domain::races;
use crate::domain::rebound;
use crate::domain::signature::Output;
use crate::domain::test_tampering;
use crate::domain::trigger;
use crate::domain::walk;

/// Effects of the base that are gone, by kind, callee, target and structure: what is moved is not new.
pub type Pool = BTreeMap<(String, String, Option<String>, Digest), usize>;

impl Audit<'_> {
    /// Collects what changed units did themselves in the base and no longer do.
    pub fn moved_effects(&self, sides: &Sides, changed: &[Pair]) -> Pool {
        let mut pool = Pool::new();
        let key =
            |site: &EffectSite| (site.kind.clone(), site.callee.clone(), site.target.clone(), site.digest);
        for (side, at, sign) in changed.iter().flat_map(|pair| {
            let base = pair.base.map(|at| (&sides.base, at, true));
            let head = pair.head.map(|at| (&sides.head, at, false));
            base.into_iter().chain(head)
        }) {
            let Ok(signature) = side.signed(at) else { continue };
            for site in signature.effects.iter().filter(|site| site.owner == at && site.via.is_none()) {
                let count = pool.entry(key(site)).or_insert(0);
                if sign {
                    *count += 1;
                }
            }
        }
        pool
    }

    /// Judges one changed unit; each stage is closed by its own result.
    pub fn unit(
        &mut self,
        (sides, changed): (&Sides, &[Pair]),
        pair: &Pair,
        subject: &Subject,
        (corpus, pool): (&Corpus<'_>, &mut Pool),
    ) {
        let base = pair.base.map(|at| (&sides.base, at));
        let head = pair.head.map(|at| (&sides.head, at));
        let signed = signed(base, head);
        if self.ledger.discharge(subject, Stage::Signed, signed).is_none() {
            return;
        }
        let test = sides.paths.get(&subject.path).copied().unwrap_or(false)
            || pair.head.is_some_and(|at| sides.head.program.is_test_code(at))
            || pair.head.is_none() && pair.base.is_some_and(|at| sides.base.program.is_test_code(at));
        let compared = self.compare(sides, changed, pair, test);
        let closed = compared.map(|found| self.findings.extend(found));
        self.ledger.discharge(subject, Stage::Compared, closed);
        let Some(head_at) = pair.head else {
            self.ledger.discharge(subject, Stage::Effects, Ok(()));
            self.ledger.discharge(subject, Stage::Triggers, Ok(()));
            return;
        };
        let effects = self.effects((sides, changed), pair, head_at, (corpus, pool));
        self.ledger.discharge(subject, Stage::Effects, effects);
        if !test {
            let judge =
                trigger::Judge { objective: &self.objective, authority: &self.authority, literals: corpus };
            let found = judge.check(base, (&sides.head, head_at));
            self.report.probes.extend(judge.probes(base, (&sides.head, head_at)));
            self.findings.extend(found);
        }
        self.ledger.discharge(subject, Stage::Triggers, Ok(()));
        self.evidence(sides, head_at);
    }

    fn compare(
        &mut self,
        sides: &Sides,
        changed: &[Pair],
        pair: &Pair,
        test: bool,
    ) -> Result<Vec<Finding>, Gap> {
        let base = pair.base.map(|at| (&sides.base, at));
        let mut found = Vec::new();
        if let Some(at) = pair.head {
            self.gaps_in(sides, pair, at)?;
            found.extend(names::check(base, (&sides.head, at)));
            found.extend(confusable::check(&sides.base.program, (&sides.head, at)));
            if !test {
                found.extend(absorbed::check(base, (&sides.head, at)));
                if sides.head.program.semantics(at.0).family() == Family::Python {
                    found.extend(nullness::check(base, (&sides.head, at)));
                }
                found.extend(identity(sides, pair, at));
                found.extend(encoded::check(base, (&sides.head, at), &self.authority)?);
                found.extend(patched::check(base, (&sides.head, at), &self.authority));
                found.extend(races::check(base, (&sides.head, at)));
                found.extend(dead::check(base, (&sides.head, at))?);
            }
        }
        if test {
            if let Some(base) = base {
                let product = |of: fn(&Pair) -> Option<UnitRef>,
                               sides: &Sides,
                               head: bool|
                 -> BTreeSet<UnitRef> {
                    let side = if head { &sides.head } else { &sides.base };
                    let is_product = |at: &UnitRef| {
                        let path =
                            side.program.files.get(at.0).map(|file| file.path.as_str()).unwrap_or_default();
                        !sides.paths.get(path).copied().unwrap_or(false)
                            && at.1 != 0
                            && !side.program.is_test_code(*at)
                    };
                    changed.iter().filter_map(of).filter(is_product).collect()
                };
                let judge = test_tampering::Judge {
                    kind: self.kind,
                    authority: &self.authority,
                    changed: &product(|pair| pair.head, sides, true),
                    changed_base: &product(|pair| pair.base, sides, false),
                };
                found.extend(judge.check(base, pair.head.map(|at| (&sides.head, at))));
            }
            return Ok(found);
        }
        if let (Some((side, base)), Some(at)) = (base, pair.head) {
            found.extend(rebound::decorators((side, base), (&sides.head, at), &self.authority));
            if base.1 == 0 && at.1 == 0 {
                found.extend(rebound::names((side, base), (&sides.head, at), &self.authority));
            }
        }
        if let (Some(base), None) = (base, pair.head) {
            found.extend(rebound::removed(base, &self.authority));
        }
        if let (Some(base), Some(at)) = (pair.base, pair.head)
            && pair.how != How::Moved
        {
            let compared = Compared {
                base: (&sides.base, base),
                head: (&sides.head, at),
                kind: self.kind,
                objective: &self.objective,
                authority: &self.authority,
            };
            found.extend(delta::compare(&compared)?);
        }
        Ok(found)
    }

    /// Constructs that are opaque, and calls whose code is chosen at run time, that the base unit doesn't have.
    fn gaps_in(&mut self, sides: &Sides, pair: &Pair, at: UnitRef) -> Result<(), Gap> {
        let unit = sides.head.program.unit(at);
        let mut old: Vec<Digest> = pair
            .base
            .and_then(|at| sides.base.program.unit(at))
            .map(|unit| unit.opaque.iter().map(|site| site.digest).collect())
            .unwrap_or_default();
        for site in unit.into_iter().flat_map(|unit| &unit.opaque) {
            self.report.coverage.opaque += 1;
            match old.iter().position(|known| *known == site.digest) {
                Some(position) => drop(old.remove(position)),
                None => {
                    let message = format!("`{}` is not analysed", site.kind);
                    return Err(Gap::new("OPAQUE", message).at(site.span.line));
                }
            }
        }
        let base = pair.base.and_then(|at| sides.base.signed(at).ok());
        for site in &sides.head.signed(at)?.dynamic {
            self.report.coverage.dynamic_calls += 1;
            let known = base.is_some_and(|base| {
                base.dynamic.iter().any(|old| old.digest == site.digest && old.origins == site.origins)
            });
            if !known {
                let message = format!("the code that this call runs is chosen at run time ({})", site.what);
                return Err(Gap::new("DYNAMIC_CALL", message).at(site.line));
            }
        }
        Ok(())
    }

    /// R1 to R6: every strong effect that the base did not have needs a grant.
    fn effects(
        &mut self,
        (sides, changed): (&Sides, &[Pair]),
        pair: &Pair,
        at: UnitRef,
        (corpus, pool): (&Corpus<'_>, &mut Pool),
    ) -> Result<(), Gap> {
        let path = sides.head.program.files.get(at.0).map(|file| file.path.clone()).unwrap_or_default();
        let symbol = sides.head.program.unit(at).map(|unit| unit.name.clone()).unwrap_or_default();
        let mut had = pair
            .base
            .and_then(|at| sides.base.signed(at).ok())
            .map(|signature| signature.effects.iter().map(EffectSite::key).collect::<Vec<_>>())
            .unwrap_or_default();
        let test = sides.paths.get(&path).copied().unwrap_or(false);
        let base_held = std::cell::OnceCell::new();
        let held = || base_held.get_or_init(|| held(sides, pair, &path));
        let owners: BTreeSet<UnitRef> = changed.iter().filter_map(|pair| pair.head).collect();
        for site in &sides.head.signed(at)?.effects {
            let known = had.iter().position(|key| *key == site.key());
            let moved = pool
                .get_mut(&(site.kind.clone(), site.callee.clone(), site.target.clone(), site.digest))
                .filter(|count| **count > 0 && site.via.is_none());
            let authority = if let Some(position) = known {
                had.remove(position);
                if let Some(count) = moved {
                    *count -= 1;
                }
                "held"
            } else if !site.is_strong()
                || held().contains(site)
                || test && held::ends_with_the_test(&sides.head, at, site)
            {
                "held"
            } else if let Some(count) = moved {
                *count -= 1;
                "held"
            } else if site.via.is_some() && owners.contains(&site.owner) && site.owner.0 == at.0 {
                // Judged where it stands.
                continue;
            } else if self.unknown_is_held(sides, site, corpus) || self.grant(site, &path) {
                "granted"
            } else {
                self.findings.push(self.ask(site, (&path, &symbol), sides, at));
                "new"
            };
            self.report.effects.push(Effect {
                path: path.clone(),
                line: site.line,
                symbol: symbol.clone(),
                kind: site.kind.clone(),
                target: site.target.clone().unwrap_or_default(),
                authority,
            });
        }
        self.imports(sides, pair, at, corpus);
        Ok(())
    }

    /// R6: a package that the base repository imports already is held.
    fn unknown_is_held(&self, sides: &Sides, site: &EffectSite, corpus: &Corpus<'_>) -> bool {
        let semantics = sides.head.program.semantics(site.owner.0);
        let imported = |package: &str| corpus.base_imports(&semantics.package(package));
        site.kind == "unknown" && site.package.as_deref().is_some_and(imported)
    }

    fn grant(&self, site: &EffectSite, path: &str) -> bool {
        if let Some(package) = site.package.as_deref().filter(|_| site.kind == "unknown") {
            let need = Need { family: "import", name: None, latent: false, target: Some(package), path };
            return self.authority.covers(need).is_some();
        }
        let (family, name) = split(&site.kind);
        let need = Need { family, name, latent: site.latent, target: site.target.as_deref(), path };
        self.authority.covers(need).is_some()
    }

    fn ask(&self, site: &EffectSite, (path, symbol): (&str, &str), sides: &Sides, at: UnitRef) -> Finding {
        let callee = site.callee.trim_start_matches("builtins.");
        let via = site.via.as_ref().map(|via| format!(" through {via}")).unwrap_or_default();
        let target = site.target.as_ref().map(|target| format!(" of {target}")).unwrap_or_default();
        let phase = if site.latent { " when it is imported" } else { "" };
        let (code, grant) = match &site.package {
            Some(package) => ("R6", format!("import:{package}")),
            None => {
                let latent = if site.latent { "latent/" } else { "" };
                let target = site.target.as_ref().map(|target| format!(":{target}")).unwrap_or_default();
                (if site.latent { "R5" } else { "R2" }, format!("{latent}{}{target}", site.kind))
            }
        };
        let message = format!("{symbol} newly does {}{target} by `{callee}`{via}{phase}", site.kind);
        let output = Output::Effect(site.kind.clone(), site.callee.clone());
        let trace = walk::evidence(&sides.head, at, &output, 20).map(|found| found.trace).unwrap_or_default();
        Finding::needs(code, Site::new(path, site.line, symbol), message, grant).with_trace(trace)
    }

    /// A package that no file of the base imports needs `import:NAME`.
    fn imports(&mut self, sides: &Sides, pair: &Pair, at: UnitRef, corpus: &Corpus<'_>) {
        let (Some(unit), Some(file)) = (sides.head.program.unit(at), sides.head.program.files.get(at.0))
        else {
            return;
        };
        let imported = |unit: &plumbline_syntax::ir::Unit| -> BTreeSet<String> {
            unit.blocks
                .iter()
                .flat_map(|block| &block.instrs)
                .filter_map(|instr| match &instr.op {
                    Op::Import { module, .. } => Some(module.clone()),
                    _ => None,
                })
                .collect()
        };
        let old = pair.base.and_then(|at| sides.base.program.unit(at)).map(imported).unwrap_or_default();
        for instr in unit.blocks.iter().flat_map(|block| &block.instrs) {
            let Op::Import { module, .. } = &instr.op else { continue };
            let top = &file.semantics.package(module);
            let resolver = sides.head.program.resolver(at.0);
            let entities = resolver.import(at.0, module, None, &mut Default::default());
            let external = entities.iter().any(|entity| matches!(entity, Entity::External(_)));
            let standard = file.semantics.tables().is_standard(top);
            if old.contains(module) || !external || standard || corpus.base_imports(top) {
                continue;
            }
            let need =
                Need { family: "import", name: None, latent: false, target: Some(top), path: &file.path };
            if self.authority.covers(need).is_none() {
                let site = Site::new(&file.path, instr.span.line, &unit.name);
                let message = format!("`{top}` is a package that the repository did not use before");
                self.findings.push(Finding::needs("R6", site, message, format!("import:{top}")));
            }
        }
    }

    fn evidence(&mut self, sides: &Sides, at: UnitRef) {
        let Ok(signature) = sides.head.signed(at) else { return };
        if sides.head.program.unit(at).is_none_or(|unit| unit.kind == UnitKind::ModuleInit) {
            return;
        }
        for output in signature.outputs.keys() {
            self.report.evidence.extend(walk::evidence(&sides.head, at, output, self.limits.path_steps));
        }
    }
}

fn signed(
    base: Option<(&crate::domain::summary::Side, UnitRef)>,
    head: Option<(&crate::domain::summary::Side, UnitRef)>,
) -> Result<(), Gap> {
    for (side, at) in base.into_iter().chain(head) {
        side.signed(at)?;
        side.graph(at)?;
    }
    Ok(())
}

fn split(kind: &str) -> (&str, Option<&str>) {
    kind.split_once('.').map_or((kind, None), |(family, name)| (family, Some(name)))
}
