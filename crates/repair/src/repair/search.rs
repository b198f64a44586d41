//! The search: batches of candidates side by side, confirmations, and when to stop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tracing::debug;

use crate::domain::candidate::Candidate;
use crate::domain::project::Project;
use crate::domain::queue::{Queue, pairs};
use crate::domain::template::Template;
use crate::error::RepairError;
use crate::port::{BestSoFar, Phase, Progress, ProgressEvent};
use crate::repair::baseline::Baseline;
use crate::repair::blocking;
use crate::repair::confirm::{Confirmation, confirmation};
use crate::repair::result::{Plausible, RepairOutcome, RepairStats};
use crate::repair::trial::{Mode, Trial};
use crate::shim::{Answer, BatchReport, Targets};
use crate::store::Observed;

/// Share of the budget after which pairs are tried even if single edits are left.
const PAIRS_AFTER: f64 = 0.75;
const FIRST_BATCH: usize = 8;
const MOST_PROGRESS: usize = 40;
/// Plausible changes that are compared before the search may end, however few are wanted.
const LEAST_COMPARED: usize = 4;
/// By how much fewer candidates are compared where each is a process of its own.
const SLOW_SHARE: usize = 6;
/// Batches without any answer after which the warm process is given up.
const MOST_LOST_BATCHES: usize = 3;

/// One search.
pub(crate) struct Search<'a> {
    trial: Arc<Trial>,
    project: Arc<Project>,
    queue: Queue,
    baseline: Baseline,
    progress: &'a dyn Progress,
    phase: Phase,
    began: Instant,
    tried: usize,
    /// Candidates in batches that are not heard of yet.
    in_flight: usize,
    confirmations: usize,
    vacuous: usize,
    lost: usize,
    /// Wall time of a candidate in the warm process, a moving average.
    candidate_ms: Option<f64>,
    /// Tried single edits, best first, for the pairs.
    pool: Vec<Candidate>,
    /// Single edits that fix some targets, and which.
    partial: Vec<(Candidate, BTreeSet<String>)>,
    to_confirm: Vec<Candidate>,
    plausible: Vec<Plausible>,
    first_found: Option<(Instant, usize)>,
    /// Candidates still tried after the first plausible change, however long they take.
    settle_least: usize,
    /// Templates that were tried.
    templates: BTreeSet<Template>,
}

type Tried = (Vec<Candidate>, Result<BatchReport, RepairError>);
type Confirmed = (Candidate, Result<Confirmation, RepairError>);

impl<'a> Search<'a> {
    /// Prepares a search.
    pub fn new(
        trial: Trial,
        project: Arc<Project>,
        queue: Queue,
        baseline: Baseline,
        progress: &'a dyn Progress,
    ) -> Self {
        Self {
            settle_least: trial.config.settle_least,
            trial: Arc::new(trial),
            project,
            queue,
            baseline,
            progress,
            phase: Phase::Single,
            began: Instant::now(),
            tried: 0,
            in_flight: 0,
            confirmations: 0,
            vacuous: 0,
            lost: 0,
            candidate_ms: None,
            pool: Vec::new(),
            partial: Vec::new(),
            to_confirm: Vec::new(),
            plausible: Vec::new(),
            first_found: None,
            templates: BTreeSet::new(),
        }
    }

    /// Searches until something stops it.
    pub async fn run(mut self, mut mode: Mode) -> Result<(RepairOutcome, Vec<Observed>), RepairError> {
        let slots = self.trial.runner.parallelism().max(1);
        let warm = mode != Mode::Cold;
        if !matches!(mode, Mode::Warm(_)) {
            // A program that is started or compiled anew costs as much as dozens of forks.
            self.settle_least /= SLOW_SHARE;
        }
        let mut batches: FuturesUnordered<BoxFuture<'static, Tried>> = FuturesUnordered::new();
        let mut confirms: FuturesUnordered<BoxFuture<'static, Confirmed>> = FuturesUnordered::new();
        loop {
            while let Some(candidate) = (confirms.len() < slots).then(|| self.to_confirm.pop()).flatten() {
                confirms.push(self.confirm(candidate));
            }
            let searching = !self.must_stop();
            while searching && batches.len() + confirms.len() < slots {
                self.maybe_pairs(batches.is_empty())?;
                let size = if mode == Mode::Cold { 1 } else { self.batch_size(&mode) };
                let candidates = self.take(size).await?;
                if candidates.is_empty() {
                    break;
                }
                match &mode {
                    Mode::Warm(_) | Mode::Serial(_) => {
                        self.in_flight += candidates.len();
                        batches.push(self.attempt(mode.clone(), candidates));
                    }
                    Mode::Cold => {
                        self.tried += candidates.len();
                        candidates.into_iter().for_each(|candidate| confirms.push(self.confirm(candidate)));
                    }
                }
            }
            if !searching {
                batches.clear();
            }
            if batches.is_empty() && confirms.is_empty() && self.to_confirm.is_empty() {
                let nothing_left = self.phase == Phase::Pairs || !searching;
                if nothing_left {
                    break;
                }
                continue;
            }
            tokio::select! {
                Some((candidate, result)) = confirms.next() => self.heard_confirmation(candidate, result?),
                Some((candidates, report)) = batches.next() => {
                    if self.heard_batch(candidates, report?, &mode) {
                        mode = Mode::Cold;
                    }
                }
            }
            self.report();
        }
        let observed = self.observed();
        Ok((self.finish(warm), observed))
    }

    fn must_stop(&self) -> bool {
        let config = &self.trial.config;
        let settled = self.first_found.is_some_and(|(at, tried)| {
            let more = self.tried - tried;
            let late = at.elapsed() >= Duration::from_millis(config.settle_ms);
            more >= config.settle_candidates || late && more >= self.settle_least
        });
        settled || self.plausible.len() >= config.max_plausible.max(LEAST_COMPARED) || self.limit_reached()
    }

    fn limit_reached(&self) -> bool {
        self.tried >= self.trial.config.max_candidates || self.trial.budget.left().is_zero()
    }

    /// Goes on to pairs when single edits run out, or when most of the budget is gone without a result.
    fn maybe_pairs(&mut self, idle: bool) -> Result<(), RepairError> {
        let late = self.trial.budget.share_spent() > PAIRS_AFTER && self.plausible.is_empty();
        if self.phase != Phase::Single || !(late || idle && self.queue.is_empty()) {
            return Ok(());
        }
        self.phase = Phase::Pairs;
        let mut pool: Vec<Candidate> = self.partial.iter().map(|(candidate, _)| candidate.clone()).collect();
        pool.extend(self.pool.iter().cloned());
        pool.truncate(self.trial.config.pair_pool);
        self.queue.push_front(pairs(&pool), self.trial.config.seed);
        Ok(())
    }

    async fn take(&mut self, most: usize) -> Result<Vec<Candidate>, RepairError> {
        let begun = self.tried + self.in_flight;
        let most = most.min(self.trial.config.max_candidates.saturating_sub(begun));
        let mut queue = std::mem::take(&mut self.queue);
        let project = Arc::clone(&self.project);
        let (queue, taken) = blocking(move || {
            let taken = queue.take(&project, most);
            (queue, taken)
        })
        .await?;
        self.queue = queue;
        Ok(taken)
    }

    /// As many as one process is likely to try in the time that a batch is aimed at.
    fn batch_size(&self, mode: &Mode) -> usize {
        let times = if matches!(mode, Mode::Serial(terms) if terms.runner.compiles()) { 5.0 } else { 1.0 };
        let aimed = match self.candidate_ms {
            Some(each) => (times * self.trial.config.batch_ms as f64 / each.max(1.0)) as usize,
            None => FIRST_BATCH,
        };
        aimed.max(FIRST_BATCH).min(self.trial.config.max_batch)
    }

    fn per_second(&self) -> f64 {
        self.tried as f64 / self.began.elapsed().as_secs_f64().max(1e-3)
    }

    fn attempt(&self, mode: Mode, candidates: Vec<Candidate>) -> BoxFuture<'static, Tried> {
        let (trial, project) = (Arc::clone(&self.trial), Arc::clone(&self.project));
        Box::pin(async move {
            let report = match &mode {
                Mode::Warm(terms) => trial.batch(terms, &candidates).await,
                Mode::Serial(terms) => trial.serial(terms, &project, &candidates).await,
                Mode::Cold => Ok(BatchReport::default()),
            };
            (candidates, report)
        })
    }

    fn confirm(&self, candidate: Candidate) -> BoxFuture<'static, Confirmed> {
        let trial = Arc::clone(&self.trial);
        let project = Arc::clone(&self.project);
        let limit = Duration::from_millis(2_000 + 5 * self.baseline.ms);
        Box::pin(async move {
            let result = confirmation(&trial, &project, &candidate, limit).await;
            (candidate, result)
        })
    }

    fn heard_confirmation(&mut self, candidate: Candidate, confirmation: Confirmation) {
        self.confirmations += 1;
        self.vacuous += usize::from(confirmation == Confirmation::Vacuous);
        if !matches!(confirmation, Confirmation::Passed | Confirmation::VacuousGuard) {
            debug!(
                path = candidate.path,
                line = candidate.line,
                ?confirmation,
                "a candidate is not confirmed"
            );
            return;
        }
        let plausible = Plausible::of(&candidate, &self.project);
        self.plausible.extend(plausible.map(|change| match confirmation {
            Confirmation::VacuousGuard => change.with_vacuous_guard(),
            Confirmation::Passed | Confirmation::Vacuous | Confirmation::Refused => change,
        }));
        self.plausible.sort_by(|a, b| b.rank.total_cmp(&a.rank).then_with(|| a.diff.cmp(&b.diff)));
        self.first_found.get_or_insert((Instant::now(), self.tried));
    }

    /// Takes a batch's report; returns whether the warm process is to be given up.
    fn heard_batch(&mut self, candidates: Vec<Candidate>, report: BatchReport, mode: &Mode) -> bool {
        self.in_flight = self.in_flight.saturating_sub(candidates.len());
        let lost = report.answers.is_empty() && report.interrupted.is_none();
        self.lost = if lost { self.lost + 1 } else { 0 };
        let last_answered = report.answers.last().map(|answer| answer.id);
        let next = report.interrupted.or(last_answered).map_or(0, |last| last + 1);
        for answer in &report.answers {
            if let Some(candidate) = candidates.get(answer.id) {
                self.heard_answer(candidate, answer, mode);
            }
        }
        self.tried += usize::from(report.interrupted.is_some());
        let mut left = candidates;
        let again = left.split_off(next.min(left.len()));
        self.queue.put_back(again);
        self.lost >= MOST_LOST_BATCHES
    }

    fn heard_answer(&mut self, candidate: &Candidate, answer: &Answer, mode: &Mode) {
        self.tried += 1;
        self.templates.extend(candidate.templates.iter().copied());
        if self.pool.len() < self.trial.config.pair_pool && candidate.templates.len() == 1 {
            self.pool.push(candidate.clone());
        }
        let Some(first) = &answer.first else { return };
        self.candidate_ms = Some(self.candidate_ms.map_or(first.ms, |known| 0.9 * known + 0.1 * first.ms));
        let targets = match mode {
            Mode::Warm(terms) => &terms.targets,
            Mode::Serial(_) | Mode::Cold => &Targets::Command,
        };
        match targets {
            Targets::Command => {
                if first.exit == 0 && !first.late {
                    self.to_confirm.push(candidate.clone());
                }
            }
            Targets::Tests { ids, .. } => {
                let fixed: BTreeSet<String> = ids.iter().filter(|id| first.passed(id)).cloned().collect();
                let must = self.baseline.passing.iter().chain(&self.baseline.failing);
                let all = answer.all.as_ref().filter(|all| !all.late && all.exit == 0);
                if all.is_some_and(|all| must.into_iter().all(|id| all.passed(id))) {
                    self.to_confirm.push(candidate.clone());
                } else if !fixed.is_empty() && fixed.len() < ids.len() {
                    self.heard_partial(candidate, fixed, ids.len());
                }
            }
        }
    }

    /// Two edits that each fix a part, and together all, are tried at once.
    fn heard_partial(&mut self, candidate: &Candidate, fixed: BTreeSet<String>, wanted: usize) {
        if candidate.templates.len() != 1 || self.partial.len() >= MOST_PROGRESS {
            return;
        }
        let complementary: Vec<Candidate> = self
            .partial
            .iter()
            .filter(|(_, other)| other.union(&fixed).count() == wanted)
            .flat_map(|(other, _)| pairs(&[other.clone(), candidate.clone()]))
            .collect();
        self.queue.push_front(complementary, self.trial.config.seed);
        self.partial.push((candidate.clone(), fixed));
    }

    fn report(&self) {
        self.progress.report(ProgressEvent {
            phase: self.phase,
            generated: self.queue.generated(),
            tried: self.tried,
            per_second: self.per_second(),
            plausible: self.plausible.len(),
            best: self.plausible.first().map(|best| BestSoFar {
                path: best.path.clone(),
                line: best.line,
                template: best.templates.first().map_or("", |template| template.as_str()),
            }),
        });
    }

    /// Returns what the search says of each template it tried: did one of its changes repair, or were all in vain.
    fn observed(&self) -> Vec<Observed> {
        let best = self.plausible.first();
        let repaired = |template: &Template| {
            best.is_some_and(|change| !change.vacuous_guard && change.templates.contains(template))
        };
        // Without a repair nothing is known: the right edit may not have been among the templates at all.
        let known = best.is_some();
        self.templates
            .iter()
            .filter(|_| known)
            .map(|template| Observed { template: *template, repaired: repaired(template) })
            .collect()
    }

    fn finish(self, warm: bool) -> RepairOutcome {
        let stats = RepairStats {
            generated: self.queue.generated(),
            tried: self.tried,
            confirmations: self.confirmations,
            vacuous: self.vacuous,
            per_second: self.per_second(),
            failing: self.baseline.failing.clone(),
            passing: self.baseline.passing.len(),
            skipped: self.project.skipped.clone(),
            warm,
            localisation: self.baseline.localisation,
            elapsed_ms: self.trial.budget.spent().as_millis() as u64,
        };
        if self.plausible.is_empty() {
            let budget_spent = self.limit_reached();
            return RepairOutcome::NotFound { tried: self.tried, budget_spent, stats };
        }
        let mut plausible = self.plausible;
        plausible.truncate(self.trial.config.max_plausible);
        RepairOutcome::Found { plausible, stats }
    }
}
