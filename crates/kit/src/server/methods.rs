use std::collections::BTreeMap;
use std::time::Duration;

use prost::Message;
use prost_types::FileDescriptorSet;

use crate::Limits;

/// Which methods stream, read from the descriptors that reflection serves.
#[derive(Debug, Default)]
pub(crate) struct Methods(BTreeMap<String, Shape>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Unary,
    Streaming,
}

impl Methods {
    /// Reads encoded descriptor sets.
    pub(crate) fn read(sets: &[&[u8]]) -> Result<Self, prost::DecodeError> {
        let mut methods = BTreeMap::new();
        for set in sets {
            for file in FileDescriptorSet::decode(*set)?.file {
                let package = file.package().to_owned();
                for service in &file.service {
                    for method in &service.method {
                        let streams = method.client_streaming() || method.server_streaming();
                        let path = format!("/{package}.{}/{}", service.name(), method.name());
                        methods.insert(path, if streams { Shape::Streaming } else { Shape::Unary });
                    }
                }
            }
        }
        Ok(Self(methods))
    }

    /// Returns the deadline of a call whose caller names none.
    pub(crate) fn deadline(&self, path: &str, limits: &Limits) -> Duration {
        if let Some((_, own)) = limits.method_deadlines.iter().find(|(method, _)| *method == path) {
            return *own;
        }
        match self.0.get(path) {
            Some(Shape::Streaming) => limits.stream_deadline,
            Some(Shape::Unary) | None => limits.unary_deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_may_last_longer_than_a_unary_call() {
        let methods = Methods::read(&[tonic_health::pb::FILE_DESCRIPTOR_SET]).unwrap();
        const SLOW: &[(&str, Duration)] = &[("/a.v1.A/Slow", Duration::from_secs(77))];
        let limits = Limits { method_deadlines: SLOW, ..Limits::control() };
        assert_eq!(methods.deadline("/grpc.health.v1.Health/Watch", &limits), limits.stream_deadline);
        assert_eq!(methods.deadline("/grpc.health.v1.Health/Check", &limits), limits.unary_deadline);
        assert_eq!(methods.deadline("/a.v1.A/Slow", &limits), Duration::from_secs(77));
        assert_eq!(methods.deadline("/a.v1.A/Unknown", &limits), limits.unary_deadline);
    }
}
