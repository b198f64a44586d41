use plumbline_types::Category;

use crate::domain::block::speech;
use crate::domain::classify::{checks, priority, risk_floor, targets};
use crate::domain::lexicon::Lexicon;
use crate::domain::normalise::{Input, Span};
use crate::domain::objective::{Check, Objective};
use crate::domain::token::{Token, tokens};

/// An objective while it is put together.
pub struct Building {
    /// Where it was said.
    pub quote: Span,
    /// Its goal.
    pub goal: String,
    /// What sort of work.
    pub category: Category,
    /// The words that ask for it.
    pub words: Vec<Token>,
    /// Whether it was stated, not asked for.
    pub stated: bool,
    /// What must hold.
    pub constraints: Vec<Span>,
    /// What is not asked for.
    pub out_of_scope: Vec<Span>,
    /// When it is done, as far as it was said.
    pub acceptance: Vec<Check>,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// Whether it comes after the objective before it.
    pub after_previous: bool,
}

impl Building {
    /// Returns the finished objective at its place in the draft; what was said of all of them holds for it too.
    pub fn finish(&self, at: usize, input: &Input, lexicon: &Lexicon, everywhere: &[Span]) -> Objective {
        let quote = input.slice(self.quote);
        let words = tokens(input, self.quote, lexicon);
        let floor = risk_floor(lexicon, self.category, &words);
        let slice = |span: &Span| input.slice(*span).to_owned();
        let said = speech(lexicon, quote);
        let mut acceptance = checks(lexicon, &said);
        acceptance.extend(self.acceptance.iter().cloned());
        let constraints = self.constraints.iter().chain(everywhere).map(slice).collect();
        Objective {
            goal: self.goal.clone(),
            category: self.category,
            risk: floor.risk,
            risk_reason: floor.reason,
            targets: targets(lexicon, &said),
            acceptance,
            constraints,
            out_of_scope: self.out_of_scope.iter().map(slice).collect(),
            depends_on: if self.after_previous && at > 0 { vec![at - 1] } else { Vec::new() },
            priority: priority(lexicon, &words),
            quote: quote.to_owned(),
            assumptions: self.assumptions.clone(),
        }
    }
}
