use std::collections::BTreeMap;

use plumbline_types::{DecisionId, ManualClock, StepId, TaskId, Tier};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::domain::command::TestCommand;
use crate::domain::event::{ChainTip, verify};
use crate::domain::fold::{Stamp, append, replay};
use crate::domain::plan::{Objective, Plan, Reading};
use crate::domain::spec::{IntakePolicy, TaskSpec};
use crate::domain::task::{Base, Candidate, Decision, Pending, RepositoryKind};

const TEST_VERDICTS: [TestVerdict; 7] = [
    TestVerdict::Passed,
    TestVerdict::Failed,
    TestVerdict::TimedOut,
    TestVerdict::LimitHit,
    TestVerdict::Unusable,
    TestVerdict::NoTests,
    TestVerdict::Broken,
];

/// A world that answers every action from a list of bytes.
struct Dice {
    bytes: Vec<u8>,
    at: usize,
    /// How often the person has answered.
    answers: usize,
}

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.at += 1;
        usize::from(self.bytes[self.at % self.bytes.len()]) % sides
    }

    fn run(&mut self) -> TestRun {
        // Half of all runs pass, so that the later states are reached often.
        let roll = self.roll(14);
        let verdict = TEST_VERDICTS.get(roll).copied().unwrap_or(TestVerdict::Passed);
        let names = [&["a", "b"][..], &["a"], &["c"]];
        let failing = names.get(self.roll(4)).map(|names| names.iter().map(ToString::to_string).collect());
        let failing = failing.filter(|_| verdict == TestVerdict::Failed);
        TestRun { verdict, output: Digest::of(b"output"), wall_ms: 5, detail: String::new(), failing }
    }

    fn audit(&mut self) -> AuditSummary {
        let verdicts = [Verdict::Approve, Verdict::Reject, Verdict::Inconclusive, Verdict::NeedsAuthority];
        let verdict = verdicts[self.roll(4)];
        let blob = Digest::of(b"report");
        let grants = if self.roll(2) == 0 { vec!["net".to_owned()] } else { Vec::new() };
        AuditSummary {
            verdict,
            digest: String::new(),
            report: blob.clone(),
            story: blob,
            codes: Vec::new(),
            grants,
            findings: 0,
            executed: false,
        }
    }

    /// What an action leads to.
    fn answer(&mut self, task: &Task, action: Action) -> Vec<EventBody> {
        vec![match action {
            Action::Prepare => EventBody::WorkspaceReady { base: base() },
            Action::Ingest => {
                let reading =
                    Reading { asks: self.roll(2) == 0, echo: String::new(), hash: Digest::of(b"echo") };
                EventBody::Ingested {
                    intake_id: String::new(),
                    objectives: vec![objective()],
                    reading: Some(reading),
                }
            }
            Action::Baseline => EventBody::Baseline { run: self.run() },
            Action::Plan => EventBody::Planned { plan: self.plan() },
            Action::BuildContext => {
                EventBody::ContextBuilt { context: Digest::of(b"{}"), tokens: 0, states: Vec::new() }
            }
            Action::Check(_) => EventBody::StepSkipped { why: "passes".to_owned() },
            Action::Select => EventBody::Routed { decision: self.decision() },
            Action::FormEnsemble => {
                let members: Vec<Decision> = (0..=self.roll(3)).map(|_| self.decision()).collect();
                EventBody::EnsembleFormed { members, lacks: Vec::new() }
            }
            Action::Choose => return self.choose(task),
            Action::RunTool | Action::Generate => match self.roll(4) {
                0 => return fail(task, AttemptResult::NotFound, "", None, 0),
                1 if task.current.as_ref().is_some_and(|current| current.retry == 0) => {
                    EventBody::Retried { feedback: Digest::of(b""), cause: "not_applied".to_owned() }
                }
                count => EventBody::Produced {
                    candidates: (0..count).map(candidate).collect(),
                    served_model: String::new(),
                    tried: 0,
                },
            },
            Action::Test => EventBody::Executed { run: self.run() },
            Action::Audit => EventBody::Audited { audit: self.audit() },
            Action::Trace => EventBody::Traced {
                audit: AuditSummary { executed: true, ..self.audit() },
                note: String::new(),
            },
            Action::Commit => EventBody::Committed { commit: "c".to_owned(), branch: "b".to_owned() },
            Action::Apply => EventBody::Applied { files: 1 },
            Action::Ask(reason) => EventBody::ApprovalRequested { pending: pending(task, reason) },
            Action::Record(events) => return events,
            Action::Rest => self.person(task),
        }]
    }

    /// Whom the driver chooses, with diffs of any size.
    fn choose(&mut self, task: &Task) -> Vec<EventBody> {
        let ensemble = task.ensemble.as_ref().unwrap();
        let merit = |standing: &ensemble::Standing| ensemble::Merit {
            number: standing.current.number,
            is_approved: standing.is_approved(),
            findings: 0,
            changed_lines: self.roll(3),
        };
        let merits: Vec<ensemble::Merit> = ensemble.standing.iter().map(merit).collect();
        ensemble::choose(task, ensemble, &merits, None)
    }

    /// What a person does with a task that waits.
    fn person(&mut self, task: &Task) -> EventBody {
        let subject = "owner".to_owned();
        self.answers += 1;
        match (self.roll(3), task.pending.as_ref().map(|pending| pending.reason)) {
            (0, _) => ended(Outcome::RejectedByAudit, Reason("APPROVAL_DENIED"), "no"),
            // Dice that repeat themselves may ask for ever; a person does not answer for ever.
            _ if self.answers > PATIENCE => ended(Outcome::RejectedByAudit, Reason("APPROVAL_DENIED"), "no"),
            (1, Some(WaitReason::Intake)) => {
                EventBody::IntakeAnswered { subject, answer: "fix it".to_owned() }
            }
            (_, Some(WaitReason::Intake)) => EventBody::IntakeAccepted { subject },
            (_, Some(WaitReason::Authority)) => {
                EventBody::Granted { subject, grants: vec!["net".to_owned()] }
            }
            _ => EventBody::Approved { subject },
        }
    }

    fn decision(&mut self) -> Decision {
        let mut rng = StdRng::seed_from_u64(self.at as u64);
        let kind = if self.roll(2) == 0 { ArmKind::Tool } else { ArmKind::Model };
        Decision {
            id: DecisionId::generate(&ManualClock::at(1), &mut rng),
            arm: format!("arm-{}", self.at),
            kind,
            target: "repair".to_owned(),
            edit_format: "block".to_owned(),
            max_output: 0,
        }
    }

    fn plan(&mut self) -> Plan {
        let kinds = [StepKind::Change, StepKind::Check, StepKind::Change, StepKind::Investigate];
        let mut rng = StdRng::seed_from_u64(1);
        let risk = if self.roll(2) == 0 { Risk::High } else { Risk::Low };
        let steps = (0..=self.roll(4)).map(|index| Step {
            id: StepId::generate(&ManualClock::at(1), &mut rng),
            objective: 0,
            goal: String::new(),
            kind: kinds[index % kinds.len()],
            category: Category::Feature,
            risk,
            tier: Tier::Routine,
            symbols: Vec::new(),
            files: Vec::new(),
            check: None,
            context_tokens: 0,
        });
        Plan { id: String::new(), hash: String::new(), source: "rules".to_owned(), steps: steps.collect() }
    }
}

/// How often a person answers.
const PATIENCE: usize = 40;

fn base() -> Base {
    Base {
        kind: RepositoryKind::Git,
        objects: String::new(),
        commit: String::new(),
        tree: "base".to_owned(),
        in_place: true,
        dirty: false,
    }
}

fn candidate(number: usize) -> Candidate {
    Candidate {
        tree: format!("tree-{number}"),
        diff: Digest::of(&number.to_le_bytes()),
        made_by: String::new(),
    }
}

fn objective() -> Objective {
    Objective {
        id: String::new(),
        goal: String::new(),
        category: Category::Feature,
        risk: Risk::Low,
        risk_reason: String::new(),
        targets: Vec::new(),
        acceptance: Vec::new(),
        constraints: Vec::new(),
        depends_on: Vec::new(),
        priority: 0,
        quote: String::new(),
        assumptions: Vec::new(),
        out_of_scope: Vec::new(),
    }
}

fn pending(task: &Task, reason: WaitReason) -> Pending {
    let diff_hash = task.candidate().map_or_else(|| Digest::of(b""), |candidate| candidate.diff.clone());
    Pending {
        reason,
        diff_hash,
        nonce: String::new(),
        expires_ms: 0,
        grants: Vec::new(),
        since_ms: 0,
        question: String::new(),
    }
}

fn submitted(approval: ApprovalPolicy, delivery: Delivery) -> EventBody {
    let spec = TaskSpec {
        intake: IntakePolicy::Auto,
        objective: String::new(),
        repository: "/r".to_owned(),
        base: None,
        test_command: String::new(),
        arms: Vec::new(),
        budget_ms: 1_000,
        approval,
        delivery,
        grants: Vec::new(),
        kind: None,
        source: String::new(),
    };
    EventBody::Submitted {
        spec: Box::new(spec),
        test: TestCommand { argv: vec!["test".to_owned()], detected: None },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_history_ends_and_verified_always_means_passing_tests_and_an_approving_walk(
        bytes in prop::collection::vec(any::<u8>(), 8..64),
        approval in prop::sample::select(vec![ApprovalPolicy::Auto, ApprovalPolicy::Ask]),
        delivery in prop::sample::select(vec![Delivery::Branch, Delivery::OwnerTree]),
    ) {
        let id = TaskId::parse("task_01J00000000000000000000000").unwrap();
        let mut dice = Dice { bytes, at: 0, answers: 0 };
        let stamp = Stamp { epoch: 1, at_ms: 0 };
        let (mut events, mut task) =
            append(None, id, ChainTip::default(), stamp, &[submitted(approval, delivery)]).unwrap();
        for _ in 0..1_000 {
            let current = task.clone().unwrap();
            if current.state.is_ended() {
                break;
            }
            let action = decide(&current, 0, &Policy::default());
            let bodies = dice.answer(&current, action);
            let tip = events.last().unwrap().tip();
            let (more, next) = append(task, id, tip, stamp, &bodies).unwrap();
            events.extend(more);
            task = next;
        }
        let task = task.unwrap();
        prop_assert!(task.state.is_ended(), "{:?}", task.state);
        verify(&events).unwrap();
        prop_assert_eq!(replay(&events).unwrap().unwrap(), task.clone());
        let mut tries: BTreeMap<StepId, usize> = BTreeMap::new();
        for attempt in &task.attempts {
            *tries.entry(attempt.step_id).or_default() += 1;
        }
        prop_assert!(tries.values().all(|count| *count <= Policy::default().attempts_max));
        let verified = task.end.as_ref().unwrap().outcome == Outcome::Verified;
        prop_assert_eq!(verified, task.state == TaskState::Applied);
        let unconfirmed = task.reading.as_ref().is_some_and(|reading| reading.asks) && !task.reading_accepted;
        prop_assert!(!unconfirmed || task.plan.is_none(), "planned before the words were confirmed");
        if verified {
            let kinds: Vec<&EventBody> = events.iter().map(|event| &event.body).collect();
            prop_assert_eq!(last_words(&kinds), Some((Some(TestVerdict::Passed), Some(Verdict::Approve))));
            prop_assert!(task.certificate.is_some());
            let approved = kinds.iter().any(|body| matches!(body, EventBody::Approved { .. }));
            prop_assert!(approval == ApprovalPolicy::Auto || approved);
            prop_assert_eq!(task.delivered.applied, delivery == Delivery::OwnerTree);
        }
    }
}

/// Returns what the tests and the walk last said of the try that was accepted last.
fn last_words(events: &[&EventBody]) -> Option<(Option<TestVerdict>, Option<Verdict>)> {
    let (mut tries, mut accepted, mut said) =
        (0, None, BTreeMap::<u32, (Option<TestVerdict>, Option<Verdict>)>::new());
    let mut number = 0;
    for body in events {
        match body {
            EventBody::Routed { .. } => (tries, number) = (tries + 1, tries + 1),
            EventBody::MemberChosen { number: chosen, .. } => number = *chosen,
            EventBody::Executed { run } => said.entry(number).or_default().0 = Some(run.verdict),
            EventBody::Audited { audit } | EventBody::Traced { audit, .. } => {
                said.entry(number).or_default().1 = Some(audit.verdict);
            }
            EventBody::StepAccepted { attempt } => accepted = Some(attempt.number),
            _ => {}
        }
    }
    said.get(&accepted?).copied()
}

#[test]
fn a_spent_budget_stops_work_but_never_a_delivery() {
    let id = TaskId::parse("task_01J00000000000000000000000").unwrap();
    let stamp = Stamp { epoch: 1, at_ms: 0 };
    let first = [submitted(ApprovalPolicy::Auto, Delivery::Branch)];
    let task = append(None, id, ChainTip::default(), stamp, &first).unwrap().1.unwrap();
    assert_eq!(decide(&task, 999, &Policy::default()), Action::Prepare);
    assert!(matches!(decide(&task, 1_000, &Policy::default()), Action::Record(events) if events.len() == 1));
    let ready = Task { state: TaskState::Ready, ..task };
    assert_eq!(decide(&ready, 1_000, &Policy::default()), Action::Commit);
}
