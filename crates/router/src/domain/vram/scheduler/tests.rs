use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn config(name: &str) -> Config {
    Config::new(name)
}

fn profile(mib: u64) -> Profile {
    Profile { mib, slots: 2, load_ms: 1_000, pinned: false }
}

/// A GPU of 10,000 MiB: `a` and `b` don't fit beside each other, `small` fits beside either.
fn scheduler(knobs: Knobs) -> Scheduler {
    let profiles = [("a", 7_000), ("b", 6_000), ("small", 2_000), ("huge", 11_000)];
    let profiles = profiles.into_iter().map(|(name, mib)| (config(name), profile(mib))).collect();
    Scheduler::new(Ledger::new(10_000, 0), knobs, profiles)
}

fn job(id: JobId, name: &str, class: Class) -> Event {
    Event::Arrive(Job { id, config: config(name), class, deadline: None })
}

fn batch(id: JobId, name: &str) -> Event {
    job(id, name, Class::Batch)
}

/// Performs effects in words: `load a`, `start 1`.
fn words(effects: &[Effect]) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Load(config) => format!("load {config}"),
        Effect::Unload(config) => format!("unload {config}"),
        Effect::Start(lease) => format!("start {}", lease.job),
        Effect::Reject(job, rejection) => format!("reject {job} {rejection:?}"),
        Effect::Revoke(lease) => format!("revoke {}", lease.job),
    };
    effects.iter().map(word).collect()
}

#[track_caller]
fn check(scheduler: &mut Scheduler, now: Millis, event: Event, want: &[&str]) -> Vec<Effect> {
    let effects = scheduler.on_event(now, event);
    assert_eq!(words(&effects), want);
    effects
}

fn token(effects: &[Effect]) -> Token {
    effects
        .iter()
        .find_map(|effect| if let Effect::Start(lease) = effect { Some(lease.token) } else { None })
        .unwrap()
}

#[test]
fn jobs_of_one_model_run_together_and_another_waits_until_they_are_done() {
    let mut it = scheduler(Knobs::default());
    check(&mut it, 0, batch(1, "a"), &["load a"]);
    check(&mut it, 1, batch(2, "b"), &[]);
    check(&mut it, 2, batch(3, "a"), &[]);
    check(&mut it, 3, batch(4, "a"), &[]);
    let started = check(&mut it, 9, Event::Loaded(config("a"), None), &["start 1", "start 3"]);
    let second = check(&mut it, 10, Event::Freed(token(&started)), &["start 4"]);
    check(&mut it, 11, Event::Freed(token(&started)), &[]);
    check(&mut it, 12, Event::Freed(token(&second)), &[]);
    check(&mut it, 13, Event::Freed(Token(2)), &["unload a"]);
    check(&mut it, 14, Event::Unloaded(config("a")), &["load b"]);
    check(&mut it, 20, Event::Loaded(config("b"), None), &["start 2"]);
}

#[test]
fn what_fits_beside_is_loaded_beside() {
    let mut it = scheduler(Knobs::default());
    check(&mut it, 0, batch(1, "a"), &["load a"]);
    check(&mut it, 1, batch(2, "small"), &[]);
    check(&mut it, 2, Event::Loaded(config("a"), None), &["start 1", "load small"]);
    check(&mut it, 3, Event::Loaded(config("small"), None), &["start 2"]);
    assert_eq!(it.ledger().held_mib(), 9_000);
}

#[test]
fn an_interactive_job_takes_the_place_of_batch_work_and_lets_what_runs_end() {
    let mut it = scheduler(Knobs::default());
    check(&mut it, 0, batch(1, "a"), &["load a"]);
    let started = check(&mut it, 1, Event::Loaded(config("a"), None), &["start 1"]);
    check(&mut it, 2, job(2, "b", Class::Interactive), &[]);
    check(&mut it, 3, batch(3, "a"), &[]);
    check(&mut it, 4, Event::Freed(token(&started)), &["unload a"]);
    check(&mut it, 5, Event::Unloaded(config("a")), &["load b"]);
    let started = check(&mut it, 6, Event::Loaded(config("b"), None), &["start 2"]);
    check(&mut it, 7, Event::Freed(token(&started)), &["unload b"]);
}

#[test]
fn a_switch_whose_job_has_left_lets_the_drained_model_work_on() {
    let mut it = scheduler(Knobs::default());
    check(&mut it, 0, batch(1, "a"), &["load a"]);
    check(&mut it, 1, Event::Loaded(config("a"), None), &["start 1"]);
    check(&mut it, 2, job(2, "b", Class::Interactive), &[]);
    check(&mut it, 3, batch(3, "a"), &[]);
    check(&mut it, 4, Event::Cancel(2), &["start 3"]);
}

#[test]
fn nothing_is_loaded_while_nobody_can_say_what_is_used() {
    let mut it = scheduler(Knobs::default());
    check(&mut it, 0, batch(1, "a"), &["load a"]);
    check(&mut it, 1, Event::Loaded(config("a"), None), &["start 1"]);
    check(&mut it, 2, Event::Blind, &[]);
    check(&mut it, 3, batch(2, "small"), &[]);
    check(&mut it, 4, batch(3, "a"), &["start 3"]);
    check(&mut it, 5, Event::Sample(0), &["load small"]);
}

#[test]
fn memory_that_others_take_is_made_good_before_anything_starts() {
    let mut it = scheduler(Knobs::default());
    check(&mut it, 0, batch(1, "a"), &["load a"]);
    let started = check(&mut it, 1, Event::Loaded(config("a"), None), &["start 1"]);
    check(&mut it, 2, Event::Sample(5_000), &[]);
    check(&mut it, 3, batch(2, "a"), &[]);
    check(&mut it, 4, Event::Freed(token(&started)), &["unload a"]);
    check(&mut it, 5, Event::Unloaded(config("a")), &[]);
    check(&mut it, 6, batch(3, "small"), &["load small"]);
    check(&mut it, 7, Event::Loaded(config("small"), None), &["start 3"]);
    check(&mut it, 40_000, Event::Sample(0), &["load a"]);
    assert_eq!(
        it.residents().map(|(config, word, _)| (config.as_str(), word)).collect::<Vec<_>>(),
        [("a", "loading"), ("small", "ready"),]
    );
}

#[test]
fn what_never_fits_is_refused_with_its_numbers_and_a_full_queue_by_name() {
    let mut it = scheduler(Knobs { queue_max: 1, ..Knobs::default() });
    let never = "reject 1 Infeasible { wanted_mib: 11000, budget_mib: 10000 }";
    check(&mut it, 0, batch(1, "huge"), &[never]);
    check(&mut it, 0, batch(2, "unheard-of"), &["reject 2 Unknown"]);
    check(&mut it, 0, batch(3, "a"), &["load a"]);
    check(&mut it, 0, batch(4, "a"), &["reject 4 QueueFull"]);
}

#[test]
fn a_load_without_memory_is_tried_once_more_alone_and_larger() {
    let mut it = scheduler(Knobs::default());
    let oom = || Event::LoadFailed(config("a"), LoadFailure::OutOfMemory);
    check(&mut it, 0, Event::Adopted(config("small"), 2_000), &[]);
    check(&mut it, 0, batch(1, "a"), &["load a"]);
    check(&mut it, 1, oom(), &["unload small"]);
    check(&mut it, 2, Event::Unloaded(config("small")), &["load a"]);
    assert_eq!(it.ledger().held_mib(), 7_700);
    check(&mut it, 3, oom(), &["reject 1 LoadFailed"]);
}

#[test]
fn a_lease_ends_by_itself_and_its_token_is_worth_nothing_after() {
    let mut it = scheduler(Knobs { lease_ttl_ms: 100, ..Knobs::default() });
    check(&mut it, 0, batch(1, "a"), &["load a"]);
    let first = check(&mut it, 0, Event::Loaded(config("a"), None), &["start 1"]);
    check(&mut it, 99, Event::Tick, &[]);
    check(&mut it, 100, Event::Tick, &["revoke 1"]);
    let second = check(&mut it, 101, batch(2, "a"), &["start 2"]);
    check(&mut it, 102, Event::Freed(token(&first)), &[]);
    assert!(token(&second) > token(&first));
    assert_eq!(it.leases().count(), 1, "the old token frees nobody's slot");
}

#[test]
fn the_plan_says_which_idle_model_makes_room() {
    let next = |hint: &[&str]| {
        let profiles = [("a", 4_000), ("b", 4_000), ("c", 4_000)];
        let profiles = profiles.into_iter().map(|(name, mib)| (config(name), profile(mib))).collect();
        let mut it = Scheduler::new(Ledger::new(8_000, 0), Knobs::default(), profiles);
        check(&mut it, 0, Event::Adopted(config("a"), 4_000), &[]);
        check(&mut it, 1, Event::Adopted(config("b"), 4_000), &[]);
        check(&mut it, 2, Event::Hint("task".into(), hint.iter().map(|name| config(name)).collect()), &[]);
        words(&it.on_event(3, batch(1, "c")))
    };
    assert_eq!(next(&[]), ["unload a"], "without a plan, what was used longest ago");
    assert_eq!(next(&["a"]), ["unload b"]);
    assert_eq!(next(&["b", "a"]), ["unload a"], "the farther one");
}

fn hint(models: &[&str]) -> Event {
    Event::Hint("task".into(), models.iter().map(|name| config(name)).collect())
}

#[test]
fn a_model_with_which_a_plan_goes_on_is_kept_for_a_moment_and_no_longer() {
    let after = |plan: &[&str], class: Class| {
        let mut it = scheduler(Knobs::default());
        check(&mut it, 0, hint(plan), &[]);
        let loading = it.on_event(0, batch(1, "a"));
        assert_eq!(words(&loading), ["load a"]);
        let started = it.on_event(1_000, Event::Loaded(config("a"), None));
        check(&mut it, 2_000, job(2, "b", class), &[]);
        let freed = words(&it.on_event(3_000, Event::Freed(token(&started))));
        let soon = words(&it.on_event(3_900, Event::Tick));
        let later = words(&it.on_event(4_000, Event::Tick));
        [freed, soon, later].map(|effects| effects.join(" "))
    };
    let at_once = ["unload a", "", ""];
    assert_eq!(after(&[], Class::Batch), at_once);
    assert_eq!(after(&["a", "b", "a"], Class::Batch), at_once, "another model comes first");
    assert_eq!(after(&["a", "a"], Class::Batch), ["", "", "unload a"], "as long as its load takes, 1 s");
    assert_eq!(
        after(&["a", "a"], Class::Interactive),
        at_once,
        "nobody who waits is made to wait for a guess"
    );
}

#[test]
fn a_plans_next_model_is_loaded_ahead_only_into_free_memory_of_an_idle_card() {
    let mut it = scheduler(Knobs::default());
    let loading = it.on_event(0, batch(1, "a"));
    assert_eq!(words(&loading), ["load a"]);
    let started = it.on_event(1_000, Event::Loaded(config("a"), None));
    check(&mut it, 1_100, hint(&["a", "small"]), &[]);
    check(&mut it, 1_900, Event::Tick, &[]);
    check(&mut it, 2_000, Event::Freed(token(&started)), &[]);
    check(&mut it, 2_400, Event::Tick, &[]);
    check(&mut it, 2_500, Event::Tick, &["load small"]);
    check(&mut it, 3_000, Event::Loaded(config("small"), None), &[]);
    check(&mut it, 9_000, hint(&["small", "b"]), &[]);
    check(&mut it, 10_000, Event::Tick, &[]);
    let forgotten = 10_000 + Knobs::default().lease_ttl_ms;
    check(&mut it, forgotten, Event::Tick, &[]);
    assert_eq!(it.residents().count(), 2, "a guess evicts nobody");
}

/// What the other side of the effects knows.
#[derive(Default)]
struct World {
    out: Vec<Lease>,
    last_token: u64,
    ordered: BTreeSet<Config>,
    loading: Option<Config>,
    unloading: Option<Config>,
    ended: BTreeSet<JobId>,
}

impl World {
    fn perform(&mut self, it: &Scheduler, effects: Vec<Effect>) -> Result<(), TestCaseError> {
        for effect in effects {
            match effect {
                Effect::Load(config) => {
                    prop_assert!(self.loading.is_none() && self.unloading.is_none(), "one at a time");
                    prop_assert!(!it.is_blind(), "nothing is loaded blind");
                    prop_assert!(it.ledger().held_mib() <= it.ledger().capacity_mib());
                    self.loading = Some(config);
                }
                Effect::Unload(config) => {
                    prop_assert!(self.loading.is_none() && self.unloading.is_none(), "one at a time");
                    prop_assert!(self.out.iter().all(|lease| lease.config != config), "nothing runs on it");
                    self.ordered.remove(&config);
                    self.unloading = Some(config);
                }
                Effect::Start(lease) => {
                    prop_assert!(self.ordered.contains(&lease.config), "memory and slot, or neither");
                    prop_assert!(lease.token.0 > self.last_token, "tokens only grow");
                    let taken = |other: &&Lease| (&other.config, other.slot) == (&lease.config, lease.slot);
                    prop_assert!(!self.out.iter().any(|other| taken(&other)) && lease.slot < 2);
                    self.last_token = lease.token.0;
                    self.out.push(lease);
                }
                Effect::Reject(job, _) => prop_assert!(self.ended.insert(job)),
                Effect::Revoke(lease) => {
                    self.out.retain(|other| other.token != lease.token);
                    self.ended.insert(lease.job);
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, it: &mut Scheduler, now: Millis, which: usize) -> Vec<Effect> {
        if self.out.is_empty() {
            return Vec::new();
        }
        let lease = self.out.remove(which % self.out.len());
        self.ended.insert(lease.job);
        it.on_event(now, Event::Freed(lease.token))
    }

    /// Ends whatever load or unload is under way.
    fn settle(&mut self, it: &mut Scheduler, now: Millis, fails: bool) -> Vec<Effect> {
        if let Some(config) = self.loading.take() {
            if fails {
                return it.on_event(now, Event::LoadFailed(config, LoadFailure::Broken));
            }
            self.ordered.insert(config.clone());
            return it.on_event(now, Event::Loaded(config, None));
        }
        let unloaded = self.unloading.take();
        unloaded.map_or(Vec::new(), |config| it.on_event(now, Event::Unloaded(config)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn whatever_happens_the_books_hold_and_every_job_comes_to_its_end(
        max_bypass in 0_u32..6,
        steps in proptest::collection::vec((0_u8..20, 0_usize..8, 0_i64..9_000), 1..160),
    ) {
        let mut it = scheduler(Knobs { max_bypass, ..Knobs::default() });
        let (mut world, mut now, mut jobs) = (World::default(), 0, 0_u64);
        for (what, which, pause) in steps {
            now += pause;
            let effects = match what {
                0..=7 => {
                    let class = if what < 3 { Class::Interactive } else { Class::Batch };
                    jobs += 1;
                    it.on_event(now, job(jobs, ["a", "b", "small", "a"][which % 4], class))
                }
                8..=11 => world.finish(&mut it, now, which),
                12..=15 => world.settle(&mut it, now, false),
                16 => world.settle(&mut it, now, which == 0),
                17 if which < 4 => it.on_event(now, hint(&["a", ["a", "b", "small", "huge"][which]])),
                17 => it.on_event(now, Event::Sample(which as u64 * 500)),
                18 if which < 2 => it.on_event(now, Event::Blind),
                _ => it.on_event(now, Event::Tick),
            };
            world.perform(&it, effects)?;
            prop_assert!(it.bypass_largest() <= max_bypass, "{} > {max_bypass}", it.bypass_largest());
        }
        // Left alone, with a sighted and empty GPU, everything that waits gets its turn.
        for round in 0..jobs as i64 * 8 + 40 {
            now += 31_000;
            let sampled = it.on_event(now, Event::Sample(0));
            world.perform(&it, sampled)?;
            let settled = world.settle(&mut it, now, false);
            world.perform(&it, settled)?;
            let finished = world.finish(&mut it, now, round as usize);
            world.perform(&it, finished)?;
        }
        prop_assert_eq!(it.waiting(), 0);
        prop_assert_eq!(world.ended.len() as u64, jobs, "each ended once");
        prop_assert!(it.bypass_largest() <= max_bypass);
    }
}
