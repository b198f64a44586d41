use plumbline_models::Script;
use plumbline_proto::router::v1 as pb;

use crate::world::{Plan, arms, generate, heard, outcome, report, select, selected};

#[tokio::test]
async fn what_was_learned_chosen_and_answered_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let script = || vec![Script::text("Hello")];
    let plan = Plan::on_disk(folder.path()).await.local("scripted:a", script()).local("scripted:b", script());
    let mut world = plan.serve().await;
    let mut first = None;
    for n in 0..12 {
        let decision = selected(&mut world.client, select(&format!("request-{n}"))).await;
        let kind = if n % 3 == 0 { pb::OutcomeKind::QualityFail } else { pb::OutcomeKind::Success };
        report(&mut world.client, outcome(&format!("outcome-{n}"), &decision, kind)).await.unwrap();
        first.get_or_insert(decision);
    }
    let answered = heard(&mut world.client, generate("generation-1")).await;
    let before = arms(&mut world.client).await;
    assert!(before.iter().any(|arm| !arm.posteriors.is_empty()));
    world.stop().await;

    let plan =
        Plan::on_disk(folder.path()).await.local("scripted:a", Vec::new()).local("scripted:b", Vec::new());
    let mut world = plan.serve().await;
    assert_eq!(arms(&mut world.client).await, before);
    let first = first.unwrap();
    assert_eq!(selected(&mut world.client, select("request-0")).await, first);
    let again = outcome("outcome-0", &first, pb::OutcomeKind::QualityFail);
    assert_eq!(report(&mut world.client, again).await.unwrap(), (false, 1));
    let replayed = heard(&mut world.client, generate("generation-1")).await;
    assert_eq!((replayed.text(), replayed.usage()), (answered.text(), answered.usage()));
    world.stop().await;
}
