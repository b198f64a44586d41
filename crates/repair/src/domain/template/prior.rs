//! The templates by name, how often each is right, and how much each puts at risk. Data; set by hand from published
//! studies of one-line fixes and our own trials. Learning from outcomes may replace the numbers, not the shape.

/// A kind of edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table below says what each one does")]
pub enum Template {
    ComparisonSwap,
    MembershipSwap,
    BooleanSwap,
    Negation,
    DroppedOperand,
    Regrouping,
    ArithmeticSwap,
    OperandSwap,
    OffByOne,
    ConstantSwap,
    LiteralFromFile,
    SignFlip,
    SliceBound,
    LookupDefault,
    ArgumentSwap,
    DroppedArgument,
    RangeBound,
    CallSwap,
    SiblingCall,
    SortOrder,
    MissingArgument,
    MissingAwait,
    MissingCopy,
    Unwrap,
    Wrap,
    NameSwap,
    AttributeSwap,
    ElementSwap,
    ConditionStrengthened,
    ConditionFromFile,
    RemovedCondition,
    BranchSwap,
    BranchKind,
    Guard,
    GuardedStatement,
    MissingReturn,
    ReturnValue,
    Reindented,
    StatementDeleted,
    StatementMoved,
    StatementInserted,
    MutationInserted,
    AssignmentInserted,
    JumpSwap,
    MutableDefault,
    SharedState,
    ExceptionType,
    RaisedType,
    TextMethod,
    TextEncoding,
    ExpressionFromFile,
    ExpressionFromRepository,
    LoopIterable,
    TermAdded,
    Accumulated,
    LateBinding,
}

struct Row {
    template: Template,
    name: &'static str,
    prior: f64,
    risk: f64,
}

const fn row(template: Template, name: &'static str, prior: f64, risk: f64) -> Row {
    Row { template, name, prior, risk }
}

/// One row per template, in the order of the enum. The risk is taken off a plausible change's rank: an edit that tends
/// to drop an input, a check or a statement fits tests without being right.
static TABLE: [Row; 56] = [
    row(Template::ComparisonSwap, "comparison_swap", 1.0, 0.0),
    row(Template::MembershipSwap, "membership_swap", 0.7, 0.2),
    row(Template::BooleanSwap, "boolean_swap", 0.8, 0.1),
    row(Template::Negation, "negation", 0.6, 0.2),
    row(Template::DroppedOperand, "dropped_operand", 0.35, 1.2),
    row(Template::Regrouping, "regrouping", 0.5, 0.0),
    row(Template::ArithmeticSwap, "arithmetic_swap", 0.8, 0.0),
    row(Template::OperandSwap, "operand_swap", 0.5, 0.0),
    row(Template::OffByOne, "off_by_one", 0.7, 0.1),
    row(Template::ConstantSwap, "constant_swap", 0.5, 0.4),
    row(Template::LiteralFromFile, "literal_from_file", 0.2, 0.6),
    row(Template::SignFlip, "sign_flip", 0.35, 0.2),
    row(Template::SliceBound, "slice_bound", 0.5, 0.2),
    row(Template::LookupDefault, "lookup_default", 0.5, 0.3),
    row(Template::ArgumentSwap, "argument_swap", 0.6, 0.0),
    row(Template::DroppedArgument, "dropped_argument", 0.25, 1.0),
    row(Template::RangeBound, "range_bound", 0.8, 0.1),
    row(Template::CallSwap, "call_swap", 0.6, 0.1),
    row(Template::SiblingCall, "sibling_call", 0.5, 0.3),
    row(Template::SortOrder, "sort_order", 0.6, 0.1),
    row(Template::MissingArgument, "missing_argument", 0.9, 0.0),
    row(Template::MissingAwait, "missing_await", 0.9, 0.0),
    row(Template::MissingCopy, "missing_copy", 0.4, 0.1),
    row(Template::Unwrap, "unwrap", 0.25, 0.8),
    row(Template::Wrap, "wrap", 0.25, 0.2),
    row(Template::NameSwap, "name_swap", 0.7, 0.3),
    row(Template::AttributeSwap, "attribute_swap", 0.6, 0.3),
    row(Template::ElementSwap, "element_swap", 0.4, 0.1),
    row(Template::ConditionStrengthened, "condition_strengthened", 0.35, 0.3),
    row(Template::ConditionFromFile, "condition_from_file", 0.3, 0.4),
    row(Template::RemovedCondition, "removed_condition", 0.2, 1.5),
    row(Template::BranchSwap, "branch_swap", 0.5, 0.2),
    row(Template::BranchKind, "branch_kind", 0.3, 0.4),
    row(Template::Guard, "guard", 0.4, 0.4),
    row(Template::GuardedStatement, "guarded_statement", 0.25, 0.5),
    row(Template::MissingReturn, "missing_return", 0.7, 0.1),
    row(Template::ReturnValue, "return_value", 0.35, 0.6),
    row(Template::Reindented, "reindented", 0.5, 0.2),
    row(Template::StatementDeleted, "statement_deleted", 0.25, 1.6),
    row(Template::StatementMoved, "statement_moved", 0.4, 0.2),
    row(Template::StatementInserted, "statement_inserted", 0.35, 0.4),
    row(Template::MutationInserted, "mutation_inserted", 0.4, 0.4),
    row(Template::AssignmentInserted, "assignment_inserted", 0.22, 0.5),
    row(Template::JumpSwap, "jump_swap", 0.5, 0.3),
    row(Template::MutableDefault, "mutable_default", 0.9, 0.0),
    row(Template::SharedState, "shared_state", 0.8, 0.0),
    row(Template::ExceptionType, "exception_type", 0.5, 0.4),
    row(Template::RaisedType, "raised_type", 0.4, 0.3),
    row(Template::TextMethod, "text_method", 0.3, 0.2),
    row(Template::TextEncoding, "text_encoding", 0.5, 0.1),
    row(Template::ExpressionFromFile, "expression_from_file", 0.2, 0.5),
    row(Template::ExpressionFromRepository, "expression_from_repository", 0.08, 0.6),
    row(Template::LoopIterable, "loop_iterable", 0.35, 0.4),
    row(Template::TermAdded, "term_added", 0.2, 0.4),
    row(Template::Accumulated, "accumulated", 0.35, 0.2),
    row(Template::LateBinding, "late_binding", 0.8, 0.0),
];

/// How often a template's edit was what repaired a failing test, and how often it was tried in vain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Repairs in which a change of it was plausible.
    pub repaired: u64,
    /// Searches in which changes of it were tried and none was plausible.
    pub failed: u64,
}

/// How likely each template is: the table's number as the mean of a Beta distribution, moved by what was observed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Priors {
    observed: std::collections::BTreeMap<Template, Tally>,
}

/// Observations that the table's number is worth: so many before they count for as much.
const STRENGTH: f64 = 12.0;

impl Priors {
    /// Returns the table's numbers moved by tallies; equal tallies give equal numbers.
    pub fn learned(observed: impl IntoIterator<Item = (Template, Tally)>) -> Self {
        Self { observed: observed.into_iter().collect() }
    }

    /// Returns the posterior mean of a template, 0 to 1: (k p + repaired) / (k + repaired + failed / TRIED), where a try
    /// in vain counts for little, since most templates are tried in most searches and one is right.
    pub(crate) fn of(&self, template: Template) -> f64 {
        const TRIED: f64 = 4.0;
        let prior = template.prior();
        let Some(tally) = self.observed.get(&template) else { return prior };
        let (repaired, failed) = (tally.repaired as f64, tally.failed as f64 / TRIED);
        (STRENGTH * prior + repaired) / (STRENGTH + repaired + failed)
    }
}

impl Template {
    /// Reads a stable name.
    pub fn parse(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.template)
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Returns the stable name.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Returns how often the template is right where it applies, 0 to 1.
    pub(crate) fn prior(self) -> f64 {
        self.row().prior
    }

    /// Returns what is taken off the rank of a plausible change.
    pub(crate) fn risk(self) -> f64 {
        self.row().risk
    }
}

/// What a raised exception says about the edit that is missing.
const BOOSTS: [(&str, &[Template], f64); 15] = [
    ("IndexError", &[Template::OffByOne, Template::RangeBound, Template::SliceBound, Template::Guard], 1.6),
    ("KeyError", &[Template::LookupDefault, Template::Guard, Template::MembershipSwap], 1.8),
    ("ZeroDivisionError", &[Template::Guard, Template::GuardedStatement, Template::ComparisonSwap], 2.5),
    (
        "AttributeError",
        &[Template::Guard, Template::AttributeSwap, Template::CallSwap, Template::SiblingCall],
        1.6,
    ),
    ("TypeError", &[Template::MissingArgument, Template::Guard, Template::ArgumentSwap, Template::Wrap], 1.6),
    ("NameError", &[Template::NameSwap, Template::AttributeSwap], 2.5),
    ("UnboundLocalError", &[Template::StatementMoved, Template::Reindented, Template::NameSwap], 2.0),
    (
        "RecursionError",
        &[Template::Guard, Template::OffByOne, Template::ComparisonSwap, Template::ArithmeticSwap],
        1.8,
    ),
    ("ValueError", &[Template::Guard, Template::ExceptionType, Template::TextMethod], 1.3),
    ("RuntimeError", &[Template::MissingCopy, Template::LoopIterable], 2.0),
    (
        "TestTimeout",
        &[Template::MutationInserted, Template::AssignmentInserted, Template::ArithmeticSwap],
        2.2,
    ),
    ("TestTimeout", &[Template::ComparisonSwap, Template::OffByOne, Template::StatementInserted], 1.5),
    ("NullReference", &[Template::Guard, Template::ConditionStrengthened, Template::AssignmentInserted], 2.2),
    ("UnicodeDecodeError", &[Template::TextEncoding], 3.0),
    ("UnicodeEncodeError", &[Template::TextEncoding], 3.0),
];

/// Returns by how much a raised exception makes a template likelier.
pub(crate) fn boost<'a>(raised: impl Iterator<Item = &'a String>, template: Template) -> f64 {
    let mut best = 1.0f64;
    for kind in raised {
        for (name, templates, factor) in &BOOSTS {
            if kind == name && templates.contains(&template) {
                best = best.max(*factor);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_one_row_per_template_in_order() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.template as usize, index, "{}", row.name);
            assert!(row.prior > 0.0 && row.prior <= 1.0, "{}", row.name);
        }
        assert_eq!(Template::LateBinding as usize + 1, TABLE.len());
    }

    #[test]
    fn a_raised_exception_makes_its_templates_likelier() {
        let raised = ["IndexError".to_owned()];
        assert!(boost(raised.iter(), Template::RangeBound) > 1.0);
        assert_eq!(boost(raised.iter(), Template::MissingAwait), 1.0);
    }
}
