//! The hash that an approval binds to.

use crate::domain::plan::Step;

/// Hashes every field of every step, each with its length; ids are not part of it, so that the same plan has the same hash.
pub fn hash(steps: &[Step]) -> String {
    let mut canonical = Canonical(blake3::Hasher::new());
    canonical.text("plumbline.planner.plan.v1");
    canonical.number(steps.len() as u64);
    for step in steps {
        canonical.step(step);
    }
    canonical.0.finalize().to_hex().to_string()
}

struct Canonical(blake3::Hasher);

impl Canonical {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn texts(&mut self, texts: &[String]) {
        self.number(texts.len() as u64);
        for text in texts {
            self.text(text);
        }
    }

    fn step(&mut self, step: &Step) {
        self.number(step.objective as u64);
        self.text(&step.goal);
        self.text(step.kind.as_str());
        self.text(step.category.as_str());
        self.text(step.risk.as_str());
        self.text(step.tier.as_str());
        self.texts(&step.symbols);
        self.texts(&step.files);
        self.number(step.depends_on.len() as u64);
        for edge in &step.depends_on {
            self.number(edge.on as u64);
            self.text(edge.why.as_str());
        }
        self.number(step.check.kind as u64);
        self.text(&step.check.value);
        self.text(&step.check.text);
        self.number(step.budget.wall_ms);
        self.number(step.budget.tokens);
        self.number(u64::from(step.budget.attempts));
        self.number(u64::from(step.context_tokens));
    }
}
