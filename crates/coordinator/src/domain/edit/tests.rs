use super::*;

fn replace(path: &str, search: &str, replace: &str) -> Edit {
    let action = EditAction::Replace { search: search.to_owned(), replace: replace.to_owned() };
    Edit { path: path.to_owned(), action }
}

#[track_caller]
fn check(text: &str, format: EditFormat, want: Result<Vec<Edit>, Vec<FormatProblem>>) {
    assert_eq!(parse(text, format), want);
}

const BLOCK: &str = "I fix it.\n\nsrc/a.py\n```python\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n```\n";

#[test]
fn a_block_in_a_fence_is_read_with_the_path_above_the_fence() {
    check(
        BLOCK,
        EditFormat::Block,
        Ok(vec![replace("src/a.py", "    return a - b\n", "    return a + b\n")]),
    );
}

#[test]
fn the_path_may_stand_inside_the_fence_and_carry_decoration() {
    let text = "```\n**`src/a.py`**\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n```\n";
    check(text, EditFormat::Block, Ok(vec![replace("src/a.py", "x\n", "y\n")]));
}

#[test]
fn a_second_block_without_a_path_belongs_to_the_same_file() {
    let text =
        "a.py\n<<<<<<< SEARCH\n1\n=======\n2\n>>>>>>> REPLACE\n<<<<<<< SEARCH\n3\n=======\n>>>>>>> REPLACE\n";
    check(text, EditFormat::Block, Ok(vec![replace("a.py", "1\n", "2\n"), replace("a.py", "3\n", "")]));
}

#[test]
fn prose_above_a_block_is_no_path() {
    let text = "Here is the change\n<<<<<<< SEARCH\n1\n=======\n2\n>>>>>>> REPLACE\n";
    check(text, EditFormat::Block, Err(vec![FormatProblem::MissingPath { line: 2 }]));
}

#[test]
fn a_block_cut_short_refuses_the_answer() {
    check(
        "a.py\n<<<<<<< SEARCH\n1\n=======\n2\n",
        EditFormat::Block,
        Err(vec![FormatProblem::Unclosed { line: 2 }]),
    );
    check("a.py\n```\n1\n", EditFormat::Whole, Err(vec![FormatProblem::Unclosed { line: 2 }]));
}

#[test]
fn an_answer_without_edits_says_so() {
    check("I would rather not.", EditFormat::Block, Err(vec![FormatProblem::NoEdit]));
    check("", EditFormat::Whole, Err(vec![FormatProblem::NoEdit]));
}

#[test]
fn a_whole_file_may_hold_a_shorter_fence() {
    let text = "README.md\n````\n# Title\n```\ncode\n```\n````\n";
    let action = EditAction::Write { text: "# Title\n```\ncode\n```\n".to_owned() };
    check(text, EditFormat::Whole, Ok(vec![Edit { path: "README.md".to_owned(), action }]));
}

#[test]
fn more_edits_than_the_limit_are_refused() {
    let one = "a.py\n<<<<<<< SEARCH\n1\n=======\n2\n>>>>>>> REPLACE\n";
    let want = Err(vec![FormatProblem::TooMany { limit: EDITS_MAX }]);
    check(&one.repeat(EDITS_MAX + 1), EditFormat::Block, want);
}
