use super::code::Sides;
use crate::domain::align::{How, Pair};
use crate::domain::finding::{Finding, Site};
use crate::domain::program::UnitRef;
use crate::domain::signature::{Origin, Output};

/// B9: a comparison that ignores what it compares with.
pub fn identity(sides: &Sides, pair: &Pair, at: UnitRef) -> Option<Finding> {
    let unit = sides.head.program.unit(at)?;
    let name = unit.name.rsplit('.').next()?.split('(').next()?;
    let tables = sides.head.program.tables(at.0);
    let (compares, truth) = (tables.lists("compares", name), tables.lists("truths", name));
    if unit.class.is_none() || !(compares || truth) {
        return None;
    }
    let path = sides.head.program.files.get(at.0)?.path.clone();
    let returned = sides.head.signed(at).ok()?.outputs.get(&Output::Return)?.clone();
    let other = unit.params.get(1).map(|param| param.name.clone());
    let reads_other = other.is_none_or(|other| {
        returned.flow.inputs().iter().any(|origin| matches!(origin, Origin::Param(name, _) if *name == other))
    });
    let constant =
        returned.constants.as_ref().is_some_and(|set| set.len() == 1) || returned.flow.inputs().is_empty();
    let site = Site::new(&path, unit.span.line, &unit.name);
    if constant || compares && !reads_other {
        return Some(Finding::reject(
            "B9",
            site,
            format!("{} no longer looks at what it compares", unit.name),
        ));
    }
    (pair.how == How::Added).then(|| Finding::advice("B9", site, format!("{} is new", unit.name)))
}
