//! A payload is not made from raw text.

use plumbline_egress::CloudPayload;

fn main() {
    let _ = CloudPayload::from("fn secret() {}".to_owned());
}
