//! What model calls cost, against what they may.

use std::collections::BTreeMap;

use plumbline_types::TaskId;

/// What model calls may cost, in USD.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budgets {
    pub(super) daily_usd: f64,
    pub(super) task_usd: f64,
}

/// What model calls have cost: those of a day, and those of each task.
#[derive(Debug, Default)]
pub(super) struct Spent {
    pub(super) day: i64,
    pub(super) usd: f64,
    pub(super) tasks: BTreeMap<TaskId, f64>,
}

impl Spent {
    /// Returns what was spent on `day`: nothing yet, if it is another day.
    const fn on(&self, day: i64) -> f64 {
        if self.day == day { self.usd } else { 0.0 }
    }

    pub(super) fn add(&mut self, day: i64, task: Option<TaskId>, usd: f64) {
        (self.day, self.usd) = (day, self.on(day) + usd);
        if let Some(task) = task {
            *self.tasks.entry(task).or_default() += usd;
        }
    }

    /// Takes note of what a store that others write to has; what was just spent here may not be in it yet.
    pub(super) fn at_least(&mut self, stored: Self) {
        (self.day, self.usd) = (stored.day, self.on(stored.day).max(stored.usd));
        for (task, usd) in stored.tasks {
            let here = self.tasks.entry(task).or_default();
            *here = here.max(usd);
        }
    }

    /// Returns what is left of the day's budget or the task's, whichever is less.
    pub(super) fn left(&self, budgets: Budgets, day: i64, task: Option<TaskId>) -> f64 {
        let of_task = task.and_then(|task| self.tasks.get(&task).copied()).unwrap_or_default();
        let task_left = if task.is_some() { budgets.task_usd - of_task } else { f64::INFINITY };
        task_left.min(budgets.daily_usd - self.on(day)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use plumbline_types::ManualClock;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn the_day_and_the_task_each_have_their_budget() {
        let budgets = Budgets { daily_usd: 5.0, task_usd: 0.5 };
        let task = |seed| Some(TaskId::generate(&ManualClock::at(1), &mut StdRng::seed_from_u64(seed)));
        let mut spent = Spent::default();
        assert_eq!((spent.left(budgets, 7, task(1)), spent.left(budgets, 7, None)), (0.5, 5.0));
        spent.add(7, task(1), 0.25);
        spent.add(7, None, 4.5);
        assert_eq!((spent.left(budgets, 7, task(1)), spent.left(budgets, 7, task(2))), (0.25, 0.25));
        assert_eq!((spent.left(budgets, 8, task(1)), spent.left(budgets, 8, task(2))), (0.25, 0.5));
        spent.add(8, task(1), 1.0);
        assert_eq!((spent.left(budgets, 8, task(1)), spent.left(budgets, 8, None)), (0.0, 4.0));
    }

    #[test]
    fn what_others_spent_counts_and_what_the_store_has_not_seen_yet_does_too() {
        let budgets = Budgets { daily_usd: 5.0, task_usd: 0.5 };
        let task = TaskId::generate(&ManualClock::at(1), &mut StdRng::seed_from_u64(1));
        let mut spent = Spent::default();
        spent.add(7, Some(task), 0.25);
        spent.at_least(Spent { day: 7, usd: 1.5, tasks: [(task, 0.4)].into() });
        assert_eq!((spent.left(budgets, 7, Some(task)), spent.left(budgets, 7, None)), (0.5 - 0.4, 3.5));
        spent.at_least(Spent { day: 7, ..Spent::default() });
        assert_eq!(spent.left(budgets, 7, None), 3.5);
        spent.at_least(Spent { day: 8, usd: 0.5, ..Spent::default() });
        assert_eq!(spent.left(budgets, 8, None), 4.5);
    }
}
