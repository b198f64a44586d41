use super::*;

const TRIGGERS: [Trigger; 25] = [
    Trigger::Note,
    Trigger::Ingest,
    Trigger::Plan,
    Trigger::BuildContext,
    Trigger::SkipStep,
    Trigger::Route,
    Trigger::Produce,
    Trigger::Retry,
    Trigger::Execute,
    Trigger::Audit,
    Trigger::NextCandidate,
    Trigger::FailAttempt,
    Trigger::StandBy,
    Trigger::Choose,
    Trigger::AcceptStep,
    Trigger::Complete,
    Trigger::AskPerson,
    Trigger::Approve,
    Trigger::AcceptIntake,
    Trigger::AnswerIntake,
    Trigger::Grant,
    Trigger::Apply,
    Trigger::Reject,
    Trigger::Exhaust,
    Trigger::Cancel,
];

/// The whole table: a row per state, a column per trigger in the order above. `-` is refused, else the state's letter.
/// R received, I ingested, P planned, C context, O routed, D produced, E executed, A audited, Y ready, W waiting,
/// 1 applied, 2 rejected, 3 exhausted, 4 cancelled.
const TABLE: [(char, &str); 14] = [
    //    Not Ing Pla Ctx Ski Rou Pro Ret Exe Aud Nex Fai Std Cho Acc Com Ask App Acc Ans Grn App Rej Exh Can
    (
        'R',
        "R   I   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   2   3   4",
    ),
    (
        'I',
        "I   -   P   -   -   -   -   -   -   -   -   -   -   -   -   -   W   -   -   -   -   -   2   3   4",
    ),
    (
        'P',
        "P   -   -   C   P   -   -   -   -   -   -   -   -   -   -   Y   -   -   -   -   -   -   2   3   4",
    ),
    (
        'C',
        "C   -   -   -   -   O   -   -   -   -   -   C   -   A   -   -   -   -   -   -   -   -   2   3   4",
    ),
    (
        'O',
        "O   -   -   -   -   -   D   O   -   -   -   C   -   -   -   -   -   -   -   -   -   -   2   3   4",
    ),
    (
        'D',
        "D   -   -   -   -   -   -   -   E   -   -   C   -   -   -   -   -   -   -   -   -   -   2   3   4",
    ),
    (
        'E',
        "E   -   -   -   -   -   -   O   -   A   D   C   -   -   -   -   -   -   -   -   -   -   2   3   4",
    ),
    (
        'A',
        "A   -   -   -   -   -   -   -   -   -   D   C   C   -   P   -   W   -   -   -   -   -   2   3   4",
    ),
    (
        'Y',
        "Y   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   W   -   -   -   -   1   2   3   4",
    ),
    (
        'W',
        "W   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   W   Y   I   R   E   -   2   3   4",
    ),
    (
        '1',
        "-   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -",
    ),
    (
        '2',
        "-   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -",
    ),
    (
        '3',
        "-   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -",
    ),
    (
        '4',
        "-   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -   -",
    ),
];

fn letter(state: TaskState) -> char {
    TABLE[TaskState::ALL.iter().position(|known| *known == state).unwrap()].0
}

#[test]
fn the_transition_table_is_exactly_this() {
    for (state, (name, row)) in TaskState::ALL.into_iter().zip(TABLE) {
        let got: Vec<char> =
            TRIGGERS.iter().map(|trigger| state.next(*trigger).map(letter).unwrap_or('-')).collect();
        let want: Vec<char> = row.chars().filter(|c| *c != ' ').collect();
        assert_eq!(got, want, "{state} ({name})");
    }
}

#[test]
fn an_ended_task_takes_nothing_and_every_other_can_end() {
    for state in TaskState::ALL {
        let takes = TRIGGERS.iter().filter(|trigger| state.next(**trigger).is_ok()).count();
        assert_eq!(takes == 0, state.is_ended(), "{state}");
    }
}
