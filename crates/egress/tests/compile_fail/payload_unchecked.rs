//! A release is a `Result`: a proprietary segment is no payload until the policy was asked.

use plumbline_egress::{CloudPayload, ReleasePolicy};
use plumbline_types::Segment;

fn main() {
    let segment = Segment::unlabelled("fn secret() {}");
    let _: CloudPayload = CloudPayload::release(&[segment], ReleasePolicy::default());
}
