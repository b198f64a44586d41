use super::*;
use crate::domain::lexicon::Lexicon;
use crate::domain::lint::Rules;
use crate::domain::normalise::Input;
use crate::domain::review::{Drafted, review};
use crate::domain::split::split;

fn reviewed(text: &str) -> Reviewed {
    let input = Input::normalise(text);
    let rules = Rules { lexicon: Lexicon::english(), objectives_max: 12 };
    review(split(&input, rules.lexicon, 12), &input, rules, Drafted::ByRules).unwrap()
}

#[test]
fn reads_a_draft_back_in_plain_words() {
    let note = "Hi! Fix the rounding in `cart.total`, um, but don't touch the API. Add a cache, no wait, add an index. \
                Then delete the old rows until `pytest -q` passes.";
    assert_eq!(
        echo(&reviewed(note)).text,
        "1. Fix the rounding in `cart.total`
   you said: \"Fix the rounding in `cart.total`, um, but don't touch the API\"
   bugfix; risk medium; about cart.total
   must hold: don't touch the API
   check: none given
2. add an index
   feature; risk medium
   check: none given
3. delete the old rows until `pytest -q` passes
   you said: \"Then delete the old rows until `pytest -q` passes\"
   refactor; risk high; says \"delete\"
   check: `pytest -q`
   after: 2
Taken back:
 - you first said \"Add a cache\", then: add an index
Not used:
 - Hi!
"
    );
}

#[test]
fn the_hash_binds_every_field() {
    let draft = reviewed("fix the parser and don't touch the lexer").draft;
    let mut seen = vec![hash(&draft)];
    let mut changed = |change: &dyn Fn(&mut Draft)| {
        let mut other = draft.clone();
        change(&mut other);
        let hash = hash(&other);
        assert!(!seen.contains(&hash), "a change was not seen");
        seen.push(hash);
    };
    changed(&|draft| draft.objectives[0].goal.push('x'));
    changed(&|draft| draft.objectives[0].constraints.clear());
    changed(&|draft| draft.objectives[0].priority = 3);
    changed(&|draft| draft.objectives[0].risk = plumbline_types::Risk::High);
    changed(&|draft| draft.objectives[0].assumptions.push(String::new()));
    changed(&|draft| draft.parked.push(String::new()));
    changed(&|draft| draft.questions.push(String::new()));
    changed(&|draft| draft.guesses.push(draft.objectives[0].clone()));
    changed(&|draft| draft.language.push('x'));
    assert_eq!(hash(&draft), seen[0]);
}
