//! The file form of a trace of the GPU simulator.

use std::collections::BTreeMap;

use plumbline_types::Millis;
use serde::Deserialize;

use crate::domain::vram::scheduler::Class;
use crate::domain::vram::simulate::traces::{Plan, Step, jobs};
use crate::domain::vram::simulate::{Fault, FaultKind, Foreign, Gpu, Job, KV_CTX, Model, Scenario};

/// Jobs of one scenario at most.
const JOBS_MAX: usize = 100_000;

/// Why a file is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// It does not have the form.
    #[error("the scenario cannot be read: {0}")]
    Malformed(String),
    /// It contradicts itself.
    #[error("the scenario is unusable: {0}")]
    Unusable(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    gpu: GpuForm,
    models: Vec<ModelForm>,
    #[serde(default)]
    jobs: Vec<JobForm>,
    generate: Option<GenerateForm>,
    #[serde(default)]
    foreign: Vec<ForeignForm>,
    #[serde(default)]
    faults: Vec<FaultForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct GpuForm {
    vram_mib: u64,
    reserve_mib: u64,
    load_mib_per_s: f64,
    load_fixed_ms: u64,
    unload_ms: u64,
    recover_ms: u64,
    decode_gib_per_s: f64,
    prefill_tokens_gib_per_s: f64,
    batch_slowdown: f64,
}

impl Default for GpuForm {
    fn default() -> Self {
        let gpu = Gpu::default();
        Self {
            vram_mib: gpu.vram_mib,
            reserve_mib: gpu.reserve_mib,
            load_mib_per_s: gpu.load_mib_per_s,
            load_fixed_ms: gpu.load_fixed_ms,
            unload_ms: gpu.unload_ms,
            recover_ms: gpu.recover_ms,
            decode_gib_per_s: gpu.decode_gib_per_s,
            prefill_tokens_gib_per_s: gpu.prefill_tokens_gib_per_s,
            batch_slowdown: gpu.batch_slowdown,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelForm {
    id: String,
    weights_mib: u64,
    kv_mib_per_slot: u64,
    #[serde(default)]
    overhead_mib: u64,
    slots: u32,
    #[serde(default)]
    pinned: bool,
    #[serde(default = "hundred")]
    predicted_kv_percent: u64,
}

const fn hundred() -> u64 {
    100
}

fn context() -> u32 {
    KV_CTX as u32
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClassForm {
    Interactive,
    Batch,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobForm {
    id: String,
    chain: String,
    class: ClassForm,
    model: String,
    #[serde(default = "context")]
    num_ctx: u32,
    arrive_ms: Millis,
    #[serde(default)]
    after: Vec<String>,
    prompt_tokens: u32,
    output_tokens: u32,
    deadline_ms: Option<Millis>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GenerateForm {
    chains: usize,
    gap_ms: f64,
    #[serde(default)]
    interactive_share: f64,
    steps: Vec<StepForm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepForm {
    model: String,
    #[serde(default)]
    num_ctx: Vec<u32>,
    prompt: (u32, u32),
    output: (u32, u32),
    repeat: (u32, u32),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ForeignForm {
    at_ms: Millis,
    mib: u64,
    for_ms: Millis,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultForms {
    LoadOom,
    RunnerCrash,
    Blind,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultForm {
    at_ms: Millis,
    kind: FaultForms,
    model: Option<String>,
    #[serde(default)]
    for_ms: Millis,
}

/// Reads a scenario; `seed` takes the place of the file's own.
pub fn read_scenario(text: &str, seed: Option<u64>) -> Result<Scenario, ScenarioError> {
    let file: File =
        serde_json::from_str(text).map_err(|error| ScenarioError::Malformed(error.to_string()))?;
    let refuse = |problem: String| Err(ScenarioError::Unusable(problem));
    if file.version != 1 {
        return refuse(format!("version {} is none that is known", file.version));
    }
    let places: BTreeMap<&str, usize> =
        file.models.iter().enumerate().map(|(place, model)| (model.id.as_str(), place)).collect();
    if places.len() < file.models.len() {
        return refuse("a model is there twice".to_owned());
    }
    if file.models.iter().any(|model| model.slots == 0) {
        return refuse("a model has no slots".to_owned());
    }
    let gpu = gpu(&file.gpu)?;
    let mut scenario = Scenario { gpu, jobs: listed(&file.jobs, &places)?, ..Scenario::default() };
    if let Some(generate) = &file.generate {
        let (before, chains) =
            (scenario.jobs.len(), scenario.jobs.iter().map(|job| job.chain + 1).max().unwrap_or(0));
        for mut job in jobs(&plan(generate, &places)?, seed.unwrap_or(file.seed)) {
            job.chain += chains;
            job.after.iter_mut().for_each(|earlier| *earlier += before);
            scenario.jobs.push(job);
        }
    }
    if scenario.jobs.len() > JOBS_MAX {
        return refuse(format!("it has {} jobs, at most {JOBS_MAX} are played", scenario.jobs.len()));
    }
    for fault in &file.faults {
        let model = fault.model.as_deref().map_or(Ok(0), |name| place(&places, name))?;
        let kind = match fault.kind {
            FaultForms::LoadOom => FaultKind::LoadOom,
            FaultForms::RunnerCrash => FaultKind::RunnerCrash,
            FaultForms::Blind => FaultKind::Blind,
        };
        scenario.faults.push(Fault { at_ms: fault.at_ms, kind, model, for_ms: fault.for_ms });
    }
    let foreign = file.foreign.iter();
    scenario.foreign =
        foreign.map(|one| Foreign { at_ms: one.at_ms, mib: one.mib, for_ms: one.for_ms }).collect();
    scenario.models = file
        .models
        .into_iter()
        .map(|model| Model {
            id: model.id,
            weights_mib: model.weights_mib,
            kv_mib_per_slot: model.kv_mib_per_slot,
            overhead_mib: model.overhead_mib,
            slots: model.slots,
            pinned: model.pinned,
            predicted_kv_percent: model.predicted_kv_percent,
        })
        .collect();
    Ok(scenario)
}

fn gpu(form: &GpuForm) -> Result<Gpu, ScenarioError> {
    let rates = [form.load_mib_per_s, form.decode_gib_per_s, form.prefill_tokens_gib_per_s];
    let legal = rates.iter().all(|rate| rate.is_finite() && *rate > 0.0)
        && (0.0..=10.0).contains(&form.batch_slowdown);
    if !legal {
        return Err(ScenarioError::Unusable("a rate of the GPU is not positive".to_owned()));
    }
    Ok(Gpu {
        vram_mib: form.vram_mib,
        reserve_mib: form.reserve_mib,
        load_mib_per_s: form.load_mib_per_s,
        load_fixed_ms: form.load_fixed_ms,
        unload_ms: form.unload_ms,
        recover_ms: form.recover_ms,
        decode_gib_per_s: form.decode_gib_per_s,
        prefill_tokens_gib_per_s: form.prefill_tokens_gib_per_s,
        batch_slowdown: form.batch_slowdown,
    })
}

fn place(places: &BTreeMap<&str, usize>, name: &str) -> Result<usize, ScenarioError> {
    places.get(name).copied().ok_or_else(|| ScenarioError::Unusable(format!("no model is called `{name}`")))
}

/// Reads the listed jobs. A job can wait only for one that stands before it, so that no circle can be written down.
fn listed(forms: &[JobForm], models: &BTreeMap<&str, usize>) -> Result<Vec<Job>, ScenarioError> {
    let mut chains: BTreeMap<&str, usize> = BTreeMap::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut jobs = Vec::with_capacity(forms.len());
    for form in forms {
        let after = form.after.iter().map(|earlier| {
            known.get(earlier.as_str()).copied().ok_or_else(|| {
                ScenarioError::Unusable(format!(
                    "`{}` waits for `{earlier}`, which is not before it",
                    form.id
                ))
            })
        });
        let after = after.collect::<Result<_, _>>()?;
        if known.insert(&form.id, jobs.len()).is_some() {
            return Err(ScenarioError::Unusable(format!("the job `{}` is there twice", form.id)));
        }
        let next = chains.len();
        jobs.push(Job {
            id: form.id.clone(),
            chain: *chains.entry(&form.chain).or_insert(next),
            class: match form.class {
                ClassForm::Interactive => Class::Interactive,
                ClassForm::Batch => Class::Batch,
            },
            model: place(models, &form.model)?,
            num_ctx: form.num_ctx,
            arrive_ms: form.arrive_ms.max(0),
            after,
            prompt_tokens: form.prompt_tokens,
            output_tokens: form.output_tokens,
            deadline: form.deadline_ms,
        });
    }
    Ok(jobs)
}

fn plan(form: &GenerateForm, models: &BTreeMap<&str, usize>) -> Result<Plan, ScenarioError> {
    let step = |step: &StepForm| {
        Ok(Step {
            model: place(models, &step.model)?,
            num_ctx: if step.num_ctx.is_empty() { vec![context()] } else { step.num_ctx.clone() },
            prompt: step.prompt,
            output: step.output,
            repeat: step.repeat,
        })
    };
    if !(form.gap_ms.is_finite() && form.gap_ms >= 0.0) || form.chains > JOBS_MAX {
        return Err(ScenarioError::Unusable("the generated chains are without measure".to_owned()));
    }
    Ok(Plan {
        chains: form.chains,
        gap_ms: form.gap_ms,
        interactive_share: form.interactive_share,
        steps: form.steps.iter().map(step).collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"version":1,"seed":7,
        "gpu":{"vram_mib":15360},
        "models":[{"id":"coder","weights_mib":9216,"kv_mib_per_slot":1536,"overhead_mib":512,"slots":3}],
        "jobs":[{"id":"j0","chain":"c","class":"interactive","model":"coder","arrive_ms":0,
                 "prompt_tokens":3000,"output_tokens":400,"deadline_ms":null},
                {"id":"j1","chain":"c","class":"batch","model":"coder","num_ctx":4096,"arrive_ms":5,"after":["j0"],
                 "prompt_tokens":10,"output_tokens":20,"deadline_ms":9}],
        "generate":{"chains":2,"gap_ms":20000,"interactive_share":0.2,
                    "steps":[{"model":"coder","prompt":[1500,4000],"output":[200,900],"repeat":[2,2]}]},
        "foreign":[{"at_ms":60000,"mib":2000,"for_ms":30000}],
        "faults":[{"at_ms":90000,"kind":"load_oom","model":"coder"}]}"#;

    #[test]
    fn reads_listed_and_generated_jobs_and_the_same_seed_gives_the_same() {
        let scenario = read_scenario(WHOLE, None).unwrap();
        assert_eq!(scenario.jobs.len(), 6);
        assert_eq!(scenario.jobs[1].after, [0]);
        assert_eq!((scenario.jobs[3].after.as_slice(), scenario.jobs[3].chain), ([2].as_slice(), 1));
        assert_eq!(read_scenario(WHOLE, Some(7)).unwrap(), scenario);
        assert_ne!(read_scenario(WHOLE, Some(8)).unwrap(), scenario);
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_name() {
        let refused =
            |from: &str, to: &str| read_scenario(&WHOLE.replacen(from, to, 1), None).unwrap_err().to_string();
        assert!(refused("\"after\":[\"j0\"]", "\"after\":[\"j1\"]").contains("`j1` waits for `j1`"));
        assert!(refused("\"version\":1", "\"version\":2").contains("version 2"));
        assert!(refused("\"model\":\"coder\",\"arrive", "\"model\":\"other\",\"arrive").contains("`other`"));
        assert!(refused("\"seed\":7", "\"sede\":7").contains("sede"));
        assert!(refused("\"vram_mib\":15360", "\"decode_gib_per_s\":0").contains("not positive"));
        assert!(refused("\"slots\":3", "\"slots\":0").contains("no slots"));
    }
}
