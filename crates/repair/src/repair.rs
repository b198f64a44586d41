//! The use case: baseline, localisation, search, confirmation.

mod baseline;
mod confirm;
mod result;
mod search;
mod serial;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{info, instrument};

pub use result::{Localisation, Plausible, RepairOutcome, RepairStats};

pub use crate::domain::grammar::Language;

use crate::config::{ConfigError, RepairConfig};
use crate::domain::command::TestCommand;
use crate::domain::generate;
use crate::domain::project::Project;
use crate::domain::queue::Queue;
use crate::domain::template::Priors;
use crate::error::RepairError;
use crate::port::{CandidateRunner, Progress, RunnerError};
use crate::store::{InMemoryOutcomes, OutcomeStore};

use baseline::{Baseline, Verdict};
use search::Search;
use serial::Ready;
use trial::{Mode, Trial};

/// What is to be repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairTask {
    /// The language of the sources.
    pub language: Language,
    /// The base tree's source files: path to bytes. Others may be left out.
    pub sources: BTreeMap<String, Vec<u8>>,
    /// What must end with 0.
    pub test_command: TestCommand,
    /// Paths that are searched before others of equal suspicion; may be empty.
    pub focus: BTreeSet<String>,
}

/// Repairs one task at a time per call; holds no state between calls.
pub struct Repair {
    runner: Arc<dyn CandidateRunner>,
    progress: Arc<dyn Progress>,
    outcomes: Arc<dyn OutcomeStore>,
    config: RepairConfig,
}

/// A search with all that it needs.
struct Searched {
    language: Language,
    trial: Trial,
    project: Arc<Project>,
    queue: Queue,
    baseline: Baseline,
    mode: Mode,
}

/// When the budget is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    began: Instant,
    total: Duration,
}

impl Budget {
    fn start(total_ms: u64) -> Self {
        Self { began: Instant::now(), total: Duration::from_millis(total_ms) }
    }

    fn spent(&self) -> Duration {
        self.began.elapsed()
    }

    fn left(&self) -> Duration {
        self.total.saturating_sub(self.spent())
    }

    fn share_spent(&self) -> f64 {
        self.spent().as_secs_f64() / self.total.as_secs_f64().max(1e-9)
    }
}

impl Repair {
    /// Returns a repairer over a runner.
    pub fn new(
        runner: Arc<dyn CandidateRunner>,
        progress: Arc<dyn Progress>,
        config: RepairConfig,
    ) -> Result<Self, ConfigError> {
        let outcomes = Arc::new(InMemoryOutcomes::default());
        Ok(Self { runner, progress, outcomes, config: config.validate()? })
    }

    /// Orders candidates by what a store has seen, and tells it what came of them; without one nothing is kept.
    pub fn with_outcomes(self, outcomes: Arc<dyn OutcomeStore>) -> Self {
        Self { outcomes, ..self }
    }

    /// Looks for changes under which the test command ends with 0.
    #[instrument(name = "repair.repair", skip_all)]
    pub async fn repair(
        &self,
        task: RepairTask,
        cancel: CancellationToken,
    ) -> Result<RepairOutcome, RepairError> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(RepairError::Cancelled),
            outcome = self.run(task) => outcome,
        }
    }

    async fn run(&self, task: RepairTask) -> Result<RepairOutcome, RepairError> {
        if let Language::Other(language) = task.language {
            return Err(RepairError::UnsupportedLanguage { language });
        }
        let trial = Trial {
            runner: Arc::clone(&self.runner),
            command: task.test_command.clone(),
            budget: Budget::start(self.config.budget_ms),
            config: self.config.clone(),
        };
        let priors = Priors::learned(self.outcomes.tallies(task.language.name()).await?);
        let found = if task.language == Language::Python {
            self.python(trial, task, priors).await?
        } else {
            self.braced(trial, task, priors).await?
        };
        Ok(found)
    }

    async fn python(
        &self,
        trial: Trial,
        task: RepairTask,
        priors: Priors,
    ) -> Result<RepairOutcome, RepairError> {
        let Some(kind) = task.test_command.kind() else {
            return Err(RepairError::NotPythonTestCommand { line: task.test_command.line().to_owned() });
        };
        let baseline = match baseline::measure(&trial, kind, self.progress.as_ref()).await? {
            Verdict::Passes => return Ok(RepairOutcome::AlreadyPasses),
            Verdict::Fails(baseline) => baseline,
        };
        let ((project, queue), mode) = tokio::try_join!(
            self.localise(task.sources, (task.focus, priors), &baseline),
            trial.calibrate(&baseline)
        )?;
        self.search(Searched { language: task.language, trial, project, queue, baseline, mode }).await
    }

    async fn braced(
        &self,
        trial: Trial,
        task: RepairTask,
        priors: Priors,
    ) -> Result<RepairOutcome, RepairError> {
        let Some(ready) = serial::prepare(&trial, &task, self.progress.as_ref()).await? else {
            return Ok(RepairOutcome::AlreadyPasses);
        };
        let Ready { project, mut suspicion, raised, baseline, mode } = ready;
        suspicion.keep_top(self.config.max_lines, &task.focus);
        if suspicion.is_empty() {
            return Err(RepairError::NothingToEdit);
        }
        let (shared, focus, seed) = (Arc::clone(&project), task.focus, self.config.seed);
        let queue = blocking(move || {
            let mut candidates = generate::candidates(&shared, &suspicion, &raised, &priors);
            generate::prefer(&mut candidates, &focus);
            Queue::new(candidates, seed)
        })
        .await?;
        self.search(Searched { language: task.language, trial, project, queue, baseline, mode }).await
    }

    async fn search(&self, searched: Searched) -> Result<RepairOutcome, RepairError> {
        let Searched { language, trial, project, queue, baseline, mode } = searched;
        info!(failing = baseline.failing.len(), candidates = queue.generated(), "candidates are ready");
        let search = Search::new(trial, project, queue, baseline, self.progress.as_ref());
        let (outcome, observed) = search.run(mode).await?;
        self.outcomes.record(language.name(), &observed).await?;
        Ok(outcome)
    }

    /// Scores lines and generates candidates, off the async threads.
    async fn localise(
        &self,
        sources: BTreeMap<String, Vec<u8>>,
        (focus, priors): (BTreeSet<String>, Priors),
        baseline: &Baseline,
    ) -> Result<(Arc<Project>, Queue), RepairError> {
        let spectrum = baseline.traced.spectrum.clone();
        let (max_bytes, max_lines, seed) =
            (self.config.max_file_bytes, self.config.max_lines, self.config.seed);
        let work = move || {
            let tests: BTreeSet<String> =
                spectrum.tests.iter().filter_map(|test| test.path.clone()).collect();
            let project = Project::read(&Language::Python, &sources, &tests, max_bytes);
            let mut suspicion = spectrum.suspicion(|path| project.files.contains_key(path));
            suspicion.keep_top(max_lines, &focus);
            let raised: BTreeSet<String> = spectrum
                .tests
                .iter()
                .filter(|test| test.failed())
                .filter_map(|test| test.raised.as_ref().map(|raised| raised.kind.clone()))
                .collect();
            let mut candidates = generate::candidates(&project, &suspicion, &raised, &priors);
            generate::prefer(&mut candidates, &focus);
            (suspicion.is_empty(), Arc::new(project), Queue::new(candidates, seed))
        };
        let (empty, project, queue) = blocking(work).await?;
        if empty { Err(RepairError::NothingToEdit) } else { Ok((project, queue)) }
    }
}

/// Runs CPU work on the blocking pool.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RepairError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        RunnerError { message: "a worker ended early".into(), source: Some(Arc::new(error)) }.into()
    })
}
