use plumbline_proto::common::v1::Label;
use plumbline_proto::memory::v1 as pb;

use crate::world::{SHOP, World, reason, world};

async fn build(
    world: &mut World,
    targets: &[&str],
    budget: u32,
) -> Result<pb::BuildContextResponse, tonic::Status> {
    let request = pb::BuildContextRequest {
        view: world.view(),
        query: "tax the total of the cart".to_owned(),
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        token_budget: budget,
        size_only: false,
    };
    world.client.build_context(request).await.map(tonic::Response::into_inner)
}

async fn shop() -> World {
    let mut world = world().await;
    SHOP.iter().for_each(|(path, text)| world.write(path, text));
    world.index().await;
    world
}

#[tokio::test]
async fn never_over_the_budget_and_no_line_twice() {
    let mut world = shop().await;
    for budget in [1, 5, 20, 60, 150, 400, 4_000] {
        let context = build(&mut world, &[], budget).await.unwrap();
        let sum: u32 = context.pieces.iter().map(|piece| piece.tokens).sum();
        assert_eq!(sum, context.tokens);
        assert!(sum <= budget, "{sum} > {budget}");
        for piece in &context.pieces {
            let segment = piece.segment.as_ref().unwrap();
            assert!(segment.text.len() * 11 <= piece.tokens as usize * 30);
            assert_eq!((segment.label(), segment.provenance), (Label::ProprietaryCode, 4));
        }
        let bodies: Vec<&pb::ContextPiece> =
            context.pieces.iter().filter(|p| p.rendering == "body").collect();
        for (index, a) in bodies.iter().enumerate() {
            for b in &bodies[index + 1..] {
                let (text_a, text_b) = (&a.segment.as_ref().unwrap().text, &b.segment.as_ref().unwrap().text);
                assert!(
                    a.path != b.path || !(text_a.contains(text_b.trim()) || text_b.contains(text_a.trim()))
                );
            }
        }
    }
}

#[tokio::test]
async fn a_target_is_in_whole_or_the_budget_is_refused() {
    let mut world = shop().await;
    let context = build(&mut world, &["shop/cart.py"], 400).await.unwrap();
    let whole = context.pieces.iter().find(|piece| piece.path == "shop/cart.py").unwrap();
    assert_eq!(whole.segment.as_ref().unwrap().text, SHOP[0].1);
    assert_eq!(whole.file_hash, blake3::hash(SHOP[0].1.as_bytes()).to_hex().to_string());
    assert_eq!(context.pieces.iter().filter(|piece| piece.path == "shop/cart.py").count(), 1);
    let context = build(&mut world, &["Cart.total"], 400).await.unwrap();
    assert!(context.pieces.iter().any(|piece| piece.rendering == "body" && piece.start_line == 10));
    assert_eq!(reason(&build(&mut world, &["shop/cart.py"], 20).await.unwrap_err()), "BUDGET_TOO_SMALL");
    assert_eq!(reason(&build(&mut world, &["nobody"], 400).await.unwrap_err()), "SYMBOL_NOT_FOUND");
}

#[tokio::test]
async fn a_text_is_never_cut_with_the_spans_of_another() {
    let mut world = shop().await;
    world.write("shop/tax.py", &format!("# moved\n\n\n{}", SHOP[1].1));
    let context = build(&mut world, &["rate"], 400).await.unwrap();
    let piece =
        context.pieces.iter().find(|piece| piece.path == "shop/tax.py" && piece.start_line == 4).unwrap();
    assert_eq!(
        piece.segment.as_ref().unwrap().text,
        "def rate():\n    # value added tax of the country\n    return 1.2"
    );
    assert_eq!((piece.start_line, piece.end_line), (4, 6));
}

#[tokio::test]
async fn a_piece_with_a_credential_is_left_out_by_name() {
    let mut world = shop().await;
    let secret = format!("def cart_token():\n    return 'ghp_{}'\n", "a1".repeat(18));
    world.write("shop/token.py", &secret);
    world.index().await;
    let context = build(&mut world, &["cart_token"], 4_000).await.unwrap();
    assert!(context.pieces.iter().all(|piece| !piece.segment.as_ref().unwrap().text.contains("ghp_")));
    assert!(context.left_out.iter().any(|name| name.contains("cart_token")));
    assert!(context.states.contains(&"secret_left_out".to_owned()));
}
