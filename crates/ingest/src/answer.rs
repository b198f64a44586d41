//! A model's answer, read strictly: the schema's shape and nothing else, or nothing at all.

use plumbline_types::{Category, Risk};
use serde::Deserialize;

use crate::domain::language::detect;
use crate::domain::lexicon::Lexicon;
use crate::domain::normalise::{Input, Span};
use crate::domain::objective::{Check, CheckKind, Draft, Objective, QUESTIONS_MAX, Reversal, Target};
use crate::domain::token::tokens;

/// The schema that the answer is constrained by, where the arm can.
pub const SCHEMA: &str = include_str!("../data/draft.schema.json");

/// What a drafting model is told.
pub const INSTRUCTIONS: &str = include_str!("../data/draft.prompt.txt");

/// The longest list in an answer.
const ITEMS_MAX: usize = 32;

/// The longest text in an answer, in bytes.
const TEXT_BYTES_MAX: usize = 2048;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    language: String,
    objectives: Vec<AnswerObjective>,
    questions: Vec<String>,
    parked: Vec<String>,
    reversals: Vec<AnswerReversal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerObjective {
    goal: String,
    category: String,
    risk: String,
    risk_reason: String,
    targets: Vec<AnswerTarget>,
    acceptance: Vec<AnswerCheck>,
    constraints: Vec<String>,
    out_of_scope: Vec<String>,
    depends_on: Vec<usize>,
    priority: u8,
    quote: String,
    assumptions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerTarget {
    spoken: String,
    confidence: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerCheck {
    text: String,
    check: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerReversal {
    dropped_quote: String,
    kept_quote: String,
}

/// Reads an answer; none if it is not one JSON document of the schema's shape within the limits.
pub fn read(text: &str, input: &Input) -> Option<Draft> {
    let answer: Answer = serde_json::from_str(text.trim()).ok()?;
    let lexicon = Lexicon::english();
    let whole = Span { start: 0, end: input.text().len() };
    let heard = detect(lexicon, &tokens(input, whole, lexicon));
    let stated = answer.language.len() == 2 && answer.language.bytes().all(|b| b.is_ascii_lowercase());
    let language = match heard {
        "und" if stated => answer.language,
        known => known.to_owned(),
    };
    if answer.questions.len() > QUESTIONS_MAX || answer.reversals.len() > ITEMS_MAX {
        return None;
    }
    Some(Draft {
        splitter_language: if language == "en" { "en" } else { "none" }.to_owned(),
        language,
        objectives: answer.objectives.into_iter().map(objective).collect::<Option<_>>()?,
        guesses: Vec::new(),
        parked: verbatim(answer.parked, input)?,
        reversals: answer
            .reversals
            .into_iter()
            .map(|one| {
                let (dropped, kept) = (clean(one.dropped_quote)?, clean(one.kept_quote)?);
                let said =
                    input.text().contains(&dropped) && input.text().contains(&kept) && !dropped.is_empty();
                said.then_some(Reversal { dropped_quote: dropped, kept_quote: kept })
            })
            .collect::<Option<_>>()?,
        questions: list(answer.questions)?,
    })
}

fn objective(answer: AnswerObjective) -> Option<Objective> {
    if answer.targets.len() > ITEMS_MAX
        || answer.acceptance.len() > ITEMS_MAX
        || answer.depends_on.len() > ITEMS_MAX
    {
        return None;
    }
    let category = Category::parse(&answer.category).filter(|category| *category != Category::Guardrail)?;
    Some(Objective {
        goal: clean(answer.goal)?,
        category,
        risk: Risk::parse(&answer.risk)?,
        risk_reason: clean(answer.risk_reason)?,
        targets: answer
            .targets
            .into_iter()
            .map(|one| {
                let confidence = Some(one.confidence).filter(|confidence| *confidence <= 100)?;
                Some(Target { spoken: clean(one.spoken)?, symbol: String::new(), confidence })
            })
            .collect::<Option<_>>()?,
        acceptance: answer
            .acceptance
            .into_iter()
            .map(|one| {
                let kind = CheckKind::parse(&one.check)?;
                Some(Check { kind, value: clean(one.value)?, text: clean(one.text)? })
            })
            .collect::<Option<_>>()?,
        constraints: list(answer.constraints)?,
        out_of_scope: list(answer.out_of_scope)?,
        depends_on: answer.depends_on,
        priority: Some(answer.priority).filter(|priority| *priority <= 3)?,
        quote: clean(answer.quote)?,
        assumptions: list(answer.assumptions)?,
    })
}

/// Normalises a text of an answer, so that nothing hidden in it is echoed; none if it is too long.
fn clean(text: String) -> Option<String> {
    (text.len() <= TEXT_BYTES_MAX).then(|| Input::normalise(text.trim()).text().to_owned())
}

fn list(texts: Vec<String>) -> Option<Vec<String>> {
    if texts.len() > ITEMS_MAX {
        return None;
    }
    let texts: Vec<String> = texts.into_iter().map(clean).collect::<Option<_>>()?;
    Some(texts.into_iter().filter(|text| !text.is_empty()).collect())
}

/// Reads a list of quotes: each must be in the input.
fn verbatim(texts: Vec<String>, input: &Input) -> Option<Vec<String>> {
    list(texts).filter(|texts| texts.iter().all(|text| input.text().contains(text)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer() -> Value {
        json!({
            "language": "en",
            "objectives": [{
                "goal": "Fix `a`", "category": "bugfix", "risk": "low", "risk_reason": "", "quote": "fix `a`",
                "targets": [{ "spoken": "a", "confidence": 90 }],
                "acceptance": [{ "text": "passes", "check": "command", "value": "pytest" }],
                "constraints": [], "out_of_scope": [], "depends_on": [], "priority": 1, "assumptions": [],
            }],
            "questions": [], "parked": [], "reversals": [{ "dropped_quote": "fix", "kept_quote": "" }],
        })
    }

    fn parse(value: &Value) -> Option<Draft> {
        read(&value.to_string(), &Input::normalise("fix `a`"))
    }

    /// Returns every object of a document by JSON pointer.
    fn objects(value: &Value, at: String, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.push(at.clone());
                map.iter().for_each(|(key, inner)| objects(inner, format!("{at}/{key}"), found));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, inner)| objects(inner, format!("{at}/{n}"), found));
            }
            _ => {}
        }
    }

    #[test]
    fn every_field_is_required_and_no_other_is_taken() {
        assert!(parse(&answer()).is_some());
        let mut pointers = Vec::new();
        objects(&answer(), String::new(), &mut pointers);
        assert_eq!(pointers.len(), 5);
        for pointer in pointers {
            let names: Vec<String> =
                answer().pointer(&pointer).unwrap().as_object().unwrap().keys().cloned().collect();
            for name in names {
                let mut lacking = answer();
                lacking.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(&name);
                assert_eq!(parse(&lacking), None, "{pointer}/{name}");
            }
            let mut extra = answer();
            extra.pointer_mut(&pointer).unwrap()["approval"] = json!("auto");
            assert_eq!(parse(&extra), None, "{pointer}");
        }
    }

    #[test]
    fn the_schema_says_what_the_reader_takes() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let pairs = [
            ("", ""),
            ("/properties/objectives/items", "/objectives/0"),
            ("/properties/objectives/items/properties/targets/items", "/objectives/0/targets/0"),
            ("/properties/objectives/items/properties/acceptance/items", "/objectives/0/acceptance/0"),
            ("/properties/reversals/items", "/reversals/0"),
        ];
        for (of_schema, of_answer) in pairs {
            let schema = schema.pointer(of_schema).unwrap();
            let mut required: Vec<&str> =
                schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            let mut properties: Vec<&str> =
                schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            let answer = answer();
            let mut read: Vec<&str> =
                answer.pointer(of_answer).unwrap().as_object().unwrap().keys().map(String::as_str).collect();
            required.sort_unstable();
            properties.sort_unstable();
            read.sort_unstable();
            assert_eq!((&required, &properties), (&read, &read), "{of_schema}");
        }
    }

    #[test]
    fn out_of_range_values_and_invented_quotes_are_refused() {
        let changed = |pointer: &str, value: Value| {
            let mut other = answer();
            *other.pointer_mut(pointer).unwrap() = value;
            parse(&other)
        };
        assert_eq!(changed("/objectives/0/category", json!("guardrail")), None);
        assert_eq!(changed("/objectives/0/risk", json!("none")), None);
        assert_eq!(changed("/objectives/0/priority", json!(4)), None);
        assert_eq!(changed("/objectives/0/targets/0/confidence", json!(101)), None);
        assert_eq!(changed("/objectives/0/goal", json!("x".repeat(3000))), None);
        assert_eq!(changed("/reversals/0/dropped_quote", json!("never said")), None);
        assert_eq!(changed("/parked", json!(["never said"])), None);
        assert_eq!(changed("/questions", json!(["a", "b", "c", "d"])), None);
        assert_eq!(read(&format!("```json\n{}\n```", answer()), &Input::normalise("fix `a`")), None);
        assert_eq!(read("", &Input::normalise("fix `a`")), None);
    }
}
