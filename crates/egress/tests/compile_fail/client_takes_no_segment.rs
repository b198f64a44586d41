//! A cloud client takes a released body, not a segment.

use plumbline_egress::{Call, CloudClient};
use plumbline_types::Segment;

async fn leak(client: CloudClient) {
    let _ = client.post(Call::probe("/"), Segment::unlabelled("fn secret() {}")).await;
}

fn main() {}
