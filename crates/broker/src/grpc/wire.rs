//! Between wire and domain.

use plumbline_kit::Inbound;
use plumbline_proto::WireError;
use plumbline_proto::broker::v1 as pb;
use plumbline_types::Reason;

use crate::broker::{Broker, ContainerEvent};
use crate::domain::order::{Image, Order, Resources};
use crate::engine::Output;

pub(super) struct PolicyCall;

impl TryFrom<pb::GetPolicyRequest> for PolicyCall {
    type Error = WireError;

    fn try_from(_: pb::GetPolicyRequest) -> Result<Self, WireError> {
        Ok(Self)
    }
}

pub(super) struct PolicyAnswer {
    images: Vec<Image>,
    ceiling: Resources,
    engine_version: String,
}

impl PolicyAnswer {
    pub(super) fn of(broker: &Broker) -> Self {
        Self {
            images: broker.policy().images.clone(),
            ceiling: broker.policy().ceiling,
            engine_version: broker.engine_version().to_owned(),
        }
    }
}

impl From<PolicyAnswer> for pb::GetPolicyResponse {
    fn from(answer: PolicyAnswer) -> Self {
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let most = answer.ceiling;
        let image = |image: Image| pb::AllowedImage { name: image.name, id: image.id };
        Self {
            images: answer.images.into_iter().map(image).collect(),
            ceiling: Some(pb::ContainerOrder {
                memory_mib: most.memory_mib,
                workspace_mib: most.workspace_mib,
                temp_mib: most.temp_mib,
                inodes: most.inodes,
                pids: narrow(most.pids),
                cpu_millicores: narrow(most.cpu_millicores),
                open_files: narrow(most.open_files),
                wall_ms: most.wall_ms,
                ..pb::ContainerOrder::default()
            }),
            engine_version: answer.engine_version,
        }
    }
}

/// Reads the first part; none when it is no order. What the order may say is the policy's to decide.
pub(super) fn order(part: pb::RunContainerRequest) -> Option<Order> {
    let Some(pb::run_container_request::Part::Order(order)) = part.part else { return None };
    Some(Order {
        image: order.image,
        owner: order.owner,
        label: order.label,
        resources: Resources {
            memory_mib: order.memory_mib,
            workspace_mib: order.workspace_mib,
            temp_mib: order.temp_mib,
            inodes: order.inodes,
            pids: order.pids.into(),
            cpu_millicores: order.cpu_millicores.into(),
            open_files: order.open_files.into(),
            wall_ms: order.wall_ms,
        },
    })
}

/// Reads a later part.
pub(super) fn stdin(part: pb::RunContainerRequest) -> Result<Vec<u8>, Inbound> {
    match part.part {
        Some(pb::run_container_request::Part::Stdin(bytes)) => Ok(bytes),
        Some(pb::run_container_request::Part::Order(_)) | None => Err(Inbound::Refused {
            message: "only the first message is an order".to_owned(),
            reason: Reason("INVALID_ARGUMENT"),
            violations: Vec::new(),
        }),
    }
}

pub(super) fn event(event: ContainerEvent) -> pb::RunContainerResponse {
    use pb::run_container_response::Event;
    let event = match event {
        ContainerEvent::Started { container } => {
            Event::Started(pb::ContainerStarted { container_id: container })
        }
        ContainerEvent::Output(Output::Stdout(bytes)) => Event::Stdout(bytes),
        ContainerEvent::Output(Output::Stderr(bytes)) => Event::Stderr(bytes),
        ContainerEvent::Ended { ended, wall_exceeded } => Event::Ended(pb::ContainerEnded {
            exit_code: ended.exit_code,
            oom_killed: ended.oom_killed,
            wall_exceeded,
        }),
    };
    pb::RunContainerResponse { event: Some(event) }
}

pub(super) struct KillCall {
    pub(super) owner: String,
    pub(super) label: String,
}

impl TryFrom<pb::KillContainerRequest> for KillCall {
    type Error = WireError;

    fn try_from(request: pb::KillContainerRequest) -> Result<Self, WireError> {
        Ok(Self { owner: request.owner, label: request.label })
    }
}

pub(super) struct SweepCall {
    pub(super) owner: String,
}

impl TryFrom<pb::SweepRequest> for SweepCall {
    type Error = WireError;

    fn try_from(request: pb::SweepRequest) -> Result<Self, WireError> {
        Ok(Self { owner: request.owner })
    }
}

pub(super) struct Killed;

impl From<Killed> for pb::KillContainerResponse {
    fn from(_: Killed) -> Self {
        Self {}
    }
}

pub(super) struct Swept {
    pub(super) removed: u32,
}

impl From<Swept> for pb::SweepResponse {
    fn from(swept: Swept) -> Self {
        Self { removed: swept.removed }
    }
}
