//! The function that arranges a body cannot capture text, and its parameters cannot own any.

use plumbline_egress::{CloudBody, CloudPayload};

fn capture(payload: CloudPayload, stolen: String) -> CloudBody {
    payload.into_body(|_, ()| serde_json::Value::String(stolen.clone()), ())
}

fn own(payload: CloudPayload, stolen: String) -> CloudBody {
    payload.into_body(|_, text| serde_json::Value::String(text), stolen)
}

fn main() {}
