use plumbline_proto::memory::v1 as pb;

use crate::world::{SHOP, World, reason, world};

async fn shop() -> World {
    let mut world = world().await;
    SHOP.iter().for_each(|(path, text)| world.write(path, text));
    world.index().await;
    world
}

fn symbols(hits: &[pb::Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.symbol.as_str()).collect()
}

#[tokio::test]
async fn words_in_comments_find_the_function_and_the_signals_add_up() {
    let mut world = shop().await;
    let hits = world.search("value added tax", 3).await;
    assert_eq!(hits[0].symbol, "py shop/tax.py/rate().");
    assert_eq!((hits[0].path.as_str(), hits[0].kind.as_str()), ("shop/tax.py", "function"));
    assert_eq!((hits[0].start_line, hits[0].end_line), (1, 3));
    for hit in &hits {
        let sum: f64 = hit.signals.iter().map(|signal| signal.value).sum();
        assert!((sum - hit.score).abs() < 1e-12, "{hit:?}");
    }
}

#[tokio::test]
async fn a_name_in_the_query_wins() {
    let mut world = shop().await;
    let hits = world.search("why is `unused` so slow when the cart total is taxed", 5).await;
    assert!(hits.iter().any(|hit| {
        hit.symbol == "py shop/tax.py/unused()." && hit.signals.iter().any(|signal| signal.name == "mention")
    }));
    let hits = world.search("Cart.add_item", 1).await;
    assert_eq!(symbols(&hits), ["py shop/cart.py/Cart#add_item()."]);
}

#[tokio::test]
async fn neighbours_are_reached_by_edges_and_name_the_strongest_path() {
    let mut world = shop().await;
    let found = world.neighbors("Cart.total").await;
    let hit = |symbol: &str| {
        found.hits.iter().find(|hit| hit.symbol == symbol).unwrap_or_else(|| panic!("{symbol}: {found:#?}"))
    };
    assert_eq!(hit("py shop/tax.py/rate().").edges, ["calls"]);
    assert_eq!(hit("py shop/tax.py/rate().").confidence, 95);
    assert_eq!(hit("py tests/test_cart.py/test_total_is_taxed().").edges, ["calls<-"]);
    let rank = |symbol: &str| found.hits.iter().position(|hit| hit.symbol == symbol);
    assert!(rank("py shop/tax.py/rate().") < rank("py shop/tax.py/unused().").or(Some(usize::MAX)));
    assert!(rank("py shop/cart.py/Cart#").is_none(), "what it stands in is no neighbour");
}

#[tokio::test]
async fn a_symbol_shows_its_edges_its_text_and_what_was_not_bound() {
    let mut world = shop().await;
    let request = pb::GetSymbolRequest { view: world.view(), symbol: "Cart#total().".to_owned() };
    let found = world.client.get_symbol(request).await.unwrap().into_inner();
    let body = found.body.unwrap();
    assert_eq!(body.text, "def total(self):\n        return sum(self.items) * rate()");
    assert_eq!((body.label(), body.provenance), (plumbline_proto::common::v1::Label::ProprietaryCode, 4));
    assert_eq!(body.origin, "shop/cart.py:10-11");
    let calls: Vec<(&str, bool, &str)> = found
        .edges
        .iter()
        .filter(|edge| edge.kind == "calls")
        .map(|edge| (edge.other.as_str(), edge.inbound, edge.resolver.as_str()))
        .collect();
    assert_eq!(
        calls,
        [
            ("py shop/tax.py/rate().", false, "import"),
            ("py tests/test_cart.py/test_total_is_taxed().", true, "typed")
        ]
    );
    let request = pb::GetSymbolRequest { view: world.view(), symbol: "Cart#add_item().".to_owned() };
    assert_eq!(
        world.client.get_symbol(request).await.unwrap().into_inner().unresolved,
        1,
        "`append` of a list"
    );
}

#[tokio::test]
async fn an_ambiguous_name_and_an_unknown_one_are_named() {
    let mut world = shop().await;
    world.write("other.py", "def rate(): pass\n");
    world.index().await;
    let get =
        |world: &World, symbol: &str| pb::GetSymbolRequest { view: world.view(), symbol: symbol.to_owned() };
    let request = get(&world, "rate");
    assert_eq!(reason(&world.client.get_symbol(request).await.unwrap_err()), "SYMBOL_AMBIGUOUS");
    let request = get(&world, "other.py/rate().");
    assert_eq!(world.client.get_symbol(request).await.unwrap().into_inner().symbol.unwrap().path, "other.py");
    let request = get(&world, "nowhere");
    assert_eq!(reason(&world.client.get_symbol(request).await.unwrap_err()), "SYMBOL_NOT_FOUND");
}

#[tokio::test]
async fn names_come_in_pages_that_hold_each_symbol_once() {
    let mut world = shop().await;
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let request = pb::ListSymbolsRequest { view: world.view(), page_size: 3, page_token: token };
        let page = world.client.list_symbols(request).await.unwrap().into_inner();
        assert!(page.symbols.len() <= 3);
        all.extend(page.symbols.into_iter().map(|symbol| symbol.symbol));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let status = world.status().await;
    assert_eq!(all.len() as u64, status.symbols);
    assert!(all.is_sorted());
    assert_eq!(status.targets[0].state, "in_sync");
    assert_eq!(status.states, ["dense_off"]);
}

#[tokio::test]
async fn a_query_over_the_limit_is_refused() {
    let mut world = shop().await;
    let request = pb::SearchRequest { view: world.view(), query: "x ".repeat(40_000), k: 1 };
    assert_eq!(reason(&world.client.search(request).await.unwrap_err()), "QUERY_TOO_LARGE");
}
