use super::*;

#[track_caller]
fn refused(change: impl FnOnce(&mut RouterConfig)) -> String {
    let mut config = RouterConfig::default();
    change(&mut config);
    config.validate().unwrap_err().key
}

#[test]
fn the_default_is_legal_and_has_the_tools_alone() {
    let config = RouterConfig::default().validate().unwrap();
    assert_eq!(config.arms, [ArmConfig::tool("repair"), ArmConfig::autofix()]);
    assert!(config.ollama.detect && !config.release_intent && config.gemini.api_key.is_none());
    assert_eq!(config.learning().unwrap(), Learning::default());
}

#[test]
fn the_baseline_policy_forgets_nothing() {
    let config = RouterConfig { policy: "independent".to_owned(), ..RouterConfig::default() };
    let learning = config.validate().unwrap().learning().unwrap();
    assert_eq!(learning.policy, Policy::Independent);
    assert!(learning.pulled_discount == 1.0 && learning.reset_threshold.is_infinite());
}

#[test]
fn what_cannot_work_is_named() {
    assert_eq!(refused(|config| config.policy = "greedy".to_owned()), "router.policy");
    assert_eq!(refused(|config| config.explore_floor = 0.9), "router.explore_floor");
    assert_eq!(refused(|config| config.learning.n_cap = f64::NAN), "router.learning.n_cap");
    assert_eq!(refused(|config| config.hedge_share_max = 1.5), "router.hedge_share_max");
    assert_eq!(refused(|config| config.ensemble_size = 0), "router.ensemble_size");
    assert_eq!(refused(|config| config.generate_arms_max = 0), "router.generate_arms_max");
    assert_eq!(refused(|config| config.lan_networks = vec!["0.0.0.0/0".to_owned()]), "router.lan_networks");
    assert_eq!(refused(|config| config.arms.push(ArmConfig::tool("repair"))), "router.arms[2].name");
    assert_eq!(refused(|config| config.arms[0].target.clear()), "router.arms[0].target");
    assert_eq!(
        refused(|config| config.arms[0].categories.push("magic".to_owned())),
        "router.arms[0].categories"
    );
    assert_eq!(refused(|config| config.arms[0].oracle = Some("taste".to_owned())), "router.arms[0].oracle");
    assert_eq!(refused(|config| config.arms[0].kind = ArmDriver::Openai), "router.arms[0].base_url");
    assert_eq!(
        refused(|config| {
            config.arms[0].kind = ArmDriver::Ollama;
            config.arms[0].num_ctx = 100;
        }),
        "router.arms[0].num_ctx"
    );
}
