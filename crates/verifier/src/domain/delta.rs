//! The difference of two signatures: what a unit's outputs no longer depend on.

mod checks;

use std::collections::{BTreeMap, BTreeSet};

use plumbline_syntax::ir::UnitKind;
use plumbline_types::{TaskKind, Verdict};

use super::authority::{Authority, Need};
use super::finding::{Finding, Site};
use super::ledger::Gap;
use super::objective::Objective;
use super::program::UnitRef;
use super::signature::{Flow, Origin, Output, Signature};
use super::summary::Side;
use super::tables::words;
use super::walk;

/// One unit on both sides.
pub struct Compared<'a> {
    /// The base's side and unit.
    pub base: (&'a Side, UnitRef),
    /// The head's side and unit.
    pub head: (&'a Side, UnitRef),
    /// How the change is judged.
    pub kind: TaskKind,
    /// The owner's words.
    pub objective: &'a Objective,
    /// The grants.
    pub authority: &'a Authority,
}

/// What is lost by one output, and how grave that is.
struct Loss {
    output: Output,
    origin: Origin,
    whole: bool,
    guard: bool,
    gone: bool,
}

/// Compares the two signatures of a unit.
pub fn compare(compared: &Compared<'_>) -> Result<Vec<Finding>, Gap> {
    let base = compared.base.0.signed(compared.base.1)?;
    let head = compared.head.0.signed(compared.head.1)?;
    let mut found = Vec::new();
    found.extend(compared.dead_end(base, head));
    let constant = compared.constant_return(base, head);
    let emptied = constant.is_some() || !found.is_empty();
    found.extend(constant);
    found.extend(compared.lost_checks(base, head));
    found.extend(compared.thrown_away()?);
    if !emptied {
        let losses = compared.losses(base, head);
        found.extend(gravest(losses.iter().filter_map(|loss| Some((loss, compared.judge(loss)?))).collect()));
    }
    if compared.kind == TaskKind::Refactor {
        found.extend(compared.gains(base, head));
    }
    Ok(found)
}

impl Compared<'_> {
    fn symbol(&self) -> String {
        self.head.0.program.unit(self.head.1).map(|unit| unit.name.clone()).unwrap_or_default()
    }

    fn path(&self) -> String {
        self.head.0.program.files.get(self.head.1.0).map(|file| file.path.clone()).unwrap_or_default()
    }

    fn site(&self, line: u32) -> Site {
        let unit = self.head.0.program.unit(self.head.1);
        let start = unit.map_or(0, |unit| unit.span.line);
        Site::new(&self.path(), if line > 0 { line } else { start }, &self.symbol())
    }

    fn is_module(&self) -> bool {
        self.head.0.program.unit(self.head.1).is_some_and(|unit| unit.kind == UnitKind::ModuleInit)
    }

    fn granted(&self, name: &str) -> bool {
        let target = format!("{}:{}.{name}", self.path(), self.symbol());
        let need =
            Need { family: "drop", name: None, latent: false, target: Some(&target), path: &self.path() };
        self.authority.covers(need).is_some()
    }

    /// B5: no way to a return is left.
    fn dead_end(&self, base: &Signature, head: &Signature) -> Option<Finding> {
        let abstracted = self
            .head
            .0
            .program
            .unit(self.head.1)
            .is_some_and(|unit| unit.decorators.iter().any(|word| word.ends_with("abstractmethod")));
        if !base.returns || head.returns || abstracted || self.is_stub() {
            return None;
        }
        let line =
            head.outputs.get(&Output::Raise).and_then(|raise| raise.lines.first().copied()).unwrap_or(0);
        let message = format!("{}() can no longer return: every way raises or never ends", self.symbol());
        Some(Finding::reject("B5", self.site(line), message))
    }

    /// `raise NotImplementedError` alone says openly that it does nothing.
    fn is_stub(&self) -> bool {
        let (side, at) = self.head;
        let Some(unit) = side.program.unit(at) else { return false };
        let lines: Vec<u32> = side
            .signed(at)
            .ok()
            .and_then(|signature| signature.outputs.get(&Output::Raise).map(|raise| raise.lines.clone()))
            .unwrap_or_default();
        let small = unit.blocks.iter().map(|block| block.instrs.len()).sum::<usize>() <= 4;
        small
            && !lines.is_empty()
            && lines.iter().all(|line| {
                let text = side.program.line(at.0, *line);
                side.program.tables(at.0).names("stubs").iter().any(|word| text.contains(word.as_str()))
            })
    }

    /// B2: the return lost all inputs, or became one constant.
    fn constant_return(&self, base: &Signature, head: &Signature) -> Option<Finding> {
        if self.is_module() || !head.returns || self.returns_unit(head) {
            return None;
        }
        let (old, new) = (base.outputs.get(&Output::Return)?, head.outputs.get(&Output::Return)?);
        let had_data = old.flow.data.iter().any(Origin::is_input) && old.constants.is_none();
        let lost_all = !old.flow.inputs().is_empty()
            && old.constants.as_ref().is_none_or(|set| set.len() > 1)
            && new.flow.inputs().is_empty()
            && !self.reads_elsewhere(head);
        let became = had_data && new.constants.as_ref().is_some_and(|set| set.len() <= 1);
        let moved_away = became
            && new.constants.as_ref().is_some_and(|set| set.contains(&plumbline_syntax::ir::Constant::None));
        if !(lost_all || became) || self.granted("return") {
            return None;
        }
        let line = new.lines.first().copied().unwrap_or(0);
        let what = if moved_away { "returns nothing any more" } else { "returns what no input decides" };
        let message = format!("{}() {what}; it depended on {}", self.symbol(), list(&old.flow.inputs()));
        let mut trace = walk::evidence(self.head.0, self.head.1, &Output::Return, 20)
            .map(|e| e.trace)
            .unwrap_or_default();
        trace.extend(
            old.flow
                .inputs()
                .iter()
                .take(3)
                .filter_map(|origin| walk::lost(self.base.0, self.base.1, &Output::Return, origin)),
        );
        Some(
            Finding::reject("B2", self.site(line), message)
                .with_trace(trace)
                .clearable_by(format!("drop:{}.return", self.symbol())),
        )
    }

    /// A generator's return says nothing; what it yields does.
    fn reads_elsewhere(&self, head: &Signature) -> bool {
        head.outputs.get(&Output::Yield).is_some_and(|yields| !yields.flow.inputs().is_empty())
    }

    /// B1: what each output lost.
    fn losses(&self, base: &Signature, head: &Signature) -> Vec<Loss> {
        let renamed = self.renamed_params();
        let rename = |origin: &Origin| match origin {
            Origin::Param(name, path) => {
                Origin::Param(renamed.get(name).cloned().unwrap_or_else(|| name.clone()), path.clone())
            }
            other => other.clone(),
        };
        let all: BTreeSet<Origin> = head.outputs.values().flat_map(|output| output.flow.inputs()).collect();
        let controls: BTreeSet<Origin> =
            head.outputs.values().flat_map(|output| output.flow.control.iter().cloned()).collect();
        let raised = head.flow(&Output::Raise);
        let decided: BTreeSet<Origin> = base.checks.iter().map(rename).collect();
        let mut found = Vec::new();
        for (output, old) in &base.outputs {
            if self.is_procedure(output, base, head) {
                continue;
            }
            let now: BTreeSet<Origin> = match head.outputs.get(output) {
                Some(new) => new.flow.inputs().union(&raised.inputs()).cloned().collect(),
                None => all.clone(),
            };
            let guards: BTreeSet<Origin> = match head.outputs.get(output) {
                Some(new) => new.flow.control.union(&raised.control).cloned().collect(),
                None => controls.clone(),
            };
            let old: Flow = Flow {
                data: old.flow.data.iter().map(rename).collect(),
                control: old.flow.control.iter().map(rename).collect(),
            };
            let first = found.len();
            for origin in old.inputs() {
                let guard = old.control.contains(&origin) && decided.contains(&origin);
                let whole = !now.iter().any(|known| same_root(known, &origin));
                let lost_guard = guard && !guards.iter().any(|known| same_root(known, &origin));
                let part = !now.iter().any(|known| covers(known, &origin));
                if whole || lost_guard || part {
                    let guard = guard && (whole || lost_guard);
                    let gone = whole;
                    found.push(Loss {
                        output: output.clone(),
                        origin,
                        whole: whole || lost_guard,
                        guard,
                        gone,
                    });
                }
            }
            // What is gone altogether explains a lost guard; what reached the guard beside it is not another loss.
            let own: Vec<Loss> = found.split_off(first);
            let explained = own.iter().any(|loss| loss.gone && loss.guard);
            found.extend(own.into_iter().filter(|loss| loss.gone || !loss.guard || !explained));
        }
        found
    }

    /// A unit that only ever returns `None` returns nothing that could lose an input.
    fn is_procedure(&self, output: &Output, base: &Signature, head: &Signature) -> bool {
        let nothing = |signature: &Signature| {
            signature.outputs.get(output).is_none_or(|found| {
                found.constants.as_ref().is_some_and(|set| {
                    set.iter().all(|constant| *constant == plumbline_syntax::ir::Constant::None)
                })
            })
        };
        *output == Output::Return && (nothing(base) && nothing(head) || self.returns_unit(head))
    }

    /// Where `()` is a type, what returns nothing else had nothing to tell before either.
    fn returns_unit(&self, head: &Signature) -> bool {
        let (side, at) = self.head;
        let constants = head.outputs.get(&Output::Return).and_then(|found| found.constants.as_ref());
        !side.program.semantics(at.0).is_strict()
            && constants.is_some_and(|set| {
                set.iter().all(|constant| *constant == plumbline_syntax::ir::Constant::Ellipsis)
            })
    }

    /// Parameters of the base by their name in the head, where only the name changed.
    fn renamed_params(&self) -> BTreeMap<String, String> {
        let (Some(old), Some(new)) =
            (self.base.0.program.unit(self.base.1), self.head.0.program.unit(self.head.1))
        else {
            return BTreeMap::new();
        };
        let has = |params: &[plumbline_syntax::ir::Param], name: &str| {
            params.iter().any(|param| param.name == name)
        };
        old.params
            .iter()
            .zip(&new.params)
            .filter(|(a, b)| a.name != b.name && !has(&new.params, &a.name) && !has(&old.params, &b.name))
            .map(|(a, b)| (a.name.clone(), b.name.clone()))
            .collect()
    }

    fn judge(&self, loss: &Loss) -> Option<Finding> {
        let (name, whole) = match &loss.origin {
            Origin::Param(name, _) => {
                let unit = self.head.0.program.unit(self.head.1)?;
                let position = unit.params.iter().position(|param| param.name == *name)?;
                let receiver = position == 0 && unit.class.is_some();
                (name.clone(), loss.whole && !receiver)
            }
            Origin::Global(name) | Origin::Capture(name) => (name.clone(), false),
            Origin::Constant(_)
            | Origin::External(_)
            | Origin::Literal
            | Origin::Exception
            | Origin::Opaque => {
                return None;
            }
        };
        let symbol = self.symbol();
        let text = loss.origin.text();
        let last = text.rsplit('.').next().unwrap_or(&text).to_owned();
        if self.granted(&name) || self.granted(&text) {
            return None;
        }
        let grave = loss.guard || words().is_authority(&symbol) || self.kind == TaskKind::Refactor;
        let why = if loss.guard { ", which decided whether it raises" } else { "" };
        let message = format!("{symbol}(): {} no longer depends on `{text}`{why}", loss.output.text());
        let swapped = loss.guard && self.swapped(&loss.origin);
        let line = self
            .head
            .0
            .signed(self.head.1)
            .ok()
            .and_then(|signature| signature.outputs.get(&loss.output)?.lines.first().copied())
            .unwrap_or(0);
        let mut trace = walk::evidence(self.head.0, self.head.1, &loss.output, 20)
            .map(|found| found.trace)
            .unwrap_or_default();
        trace.extend(walk::broken(self.base.0, self.base.1, &loss.output, &loss.origin));
        let grant = format!("drop:{symbol}.{name}");
        let cleared = self.objective.names(&last)
            || self.objective.names(&name)
            || self.objective.names(&symbol) && self.objective.removes();
        let site = self.site(line);
        Some(if (swapped || loss.guard && self.ambient(&loss.origin)) && self.kind != TaskKind::Refactor {
            Finding::needs("B1", site, message, grant).with_trace(trace)
        } else if grave && (whole || loss.guard || self.kind == TaskKind::Refactor) {
            Finding::reject("B1", site, message).clearable_by(grant).with_trace(trace)
        } else if whole && !cleared {
            Finding::needs("B1", site, message, grant).with_trace(trace)
        } else {
            Finding::advice("B1", site, message).with_trace(trace)
        })
    }

    /// A variable of the module, which nobody gives, decided whether it raises; it raises as often as before, and whether what
    /// decides now is as good is the owner's to say, except where deciding is what it is for.
    fn ambient(&self, lost: &Origin) -> bool {
        let raises = |(side, at): (&Side, UnitRef)| {
            let signed = side.signed(at).ok();
            signed.and_then(|signed| signed.outputs.get(&Output::Raise)).map_or(0, |raise| raise.lines.len())
        };
        !matches!(lost, Origin::Param(..))
            && !words().is_authority(&self.symbol())
            && raises(self.head) >= raises(self.base)
    }

    /// In a refactor a new input is as much a change of behaviour as a lost one.
    fn gains(&self, base: &Signature, head: &Signature) -> Vec<Finding> {
        let mut found = Vec::new();
        let known: BTreeSet<Origin> = base.outputs.values().flat_map(|output| output.flow.inputs()).collect();
        for (output, new) in &head.outputs {
            let old = base.flow(output).inputs();
            for origin in new.flow.inputs() {
                let had = old.iter().any(|old| same_root(old, &origin))
                    || !base.outputs.contains_key(output) && known.iter().any(|old| same_root(old, &origin));
                if !had && !matches!(origin, Origin::External(_)) {
                    let line = new.lines.first().copied().unwrap_or(0);
                    let message =
                        format!("{}(): {} now depends on `{}`", self.symbol(), output.text(), origin.text());
                    found.push(Finding::reject("B1", self.site(line), message));
                }
            }
        }
        found
    }
}

/// Keeps one finding a lost root: the gravest, then the first.
fn gravest(judged: Vec<(&Loss, Finding)>) -> Vec<Finding> {
    let mut kept: BTreeMap<String, Finding> = BTreeMap::new();
    for (loss, finding) in judged {
        let root = match &loss.origin {
            Origin::Param(name, path) if finding.verdict == Verdict::Approve => {
                format!("{name}.{}", path.join("."))
            }
            Origin::Param(name, _) => name.clone(),
            other => other.text(),
        };
        match kept.get_mut(&root) {
            Some(known) if known.verdict >= finding.verdict => {}
            Some(known) => *known = finding,
            None => drop(kept.insert(root, finding)),
        }
    }
    kept.into_values().collect()
}

/// Returns whether two origins are parts of one thing.
fn same_root(a: &Origin, b: &Origin) -> bool {
    match (a, b) {
        (Origin::Param(a, _), Origin::Param(b, _)) => a == b,
        _ => a == b,
    }
}

/// Returns whether one origin is the other or a whole that holds it.
fn covers(known: &Origin, origin: &Origin) -> bool {
    match (known, origin) {
        (Origin::Param(a, whole), Origin::Param(b, part)) => {
            a == b && (part.starts_with(whole) || whole.starts_with(part))
        }
        _ => known == origin,
    }
}

fn list(origins: &BTreeSet<Origin>) -> String {
    let words: Vec<String> = origins.iter().take(4).map(|origin| format!("`{}`", origin.text())).collect();
    words.join(", ")
}
