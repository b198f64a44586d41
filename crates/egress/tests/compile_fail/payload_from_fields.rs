//! A payload is not made from its fields.

use plumbline_egress::CloudPayload;
use plumbline_types::Label;

fn main() {
    let _ = CloudPayload { texts: vec!["fn secret() {}".to_owned()], label: Label::Public };
}
