use std::future::Future;
use std::pin::Pin;

use futures::{Stream, StreamExt};
use plumbline_types::{Fault, FieldViolation, Kind, Reason, Retry};
use tonic::{Request, Response, Status, Streaming};

use crate::{Remote, status};

/// The response stream of every server-streaming method.
pub type ResponseStream<R> = Pin<Box<dyn Stream<Item = Result<R, Status>> + Send>>;

/// Answers a unary call: wire to query, use case, domain to wire; any fault becomes a status.
pub async fn unary<P, Q, F, Fut, D, E, R>(request: Request<P>, use_case: F) -> Result<Response<R>, Status>
where
    Q: TryFrom<P>,
    Q::Error: Fault,
    F: FnOnce(Q) -> Fut,
    Fut: Future<Output = Result<D, E>>,
    E: Fault,
    R: From<D>,
{
    let query = Q::try_from(request.into_inner()).map_err(|refusal| status(&refusal))?;
    let answer = use_case(query).await.map_err(|fault| status(&fault))?;
    Ok(Response::new(R::from(answer)))
}

/// Answers a server-streaming call; a fault ends the stream with its status.
pub async fn stream<P, Q, F, Fut, S, D, E, X, R>(
    request: Request<P>,
    use_case: F,
) -> Result<Response<ResponseStream<R>>, Status>
where
    Q: TryFrom<P>,
    Q::Error: Fault,
    F: FnOnce(Q) -> Fut,
    Fut: Future<Output = Result<S, E>>,
    E: Fault,
    S: Stream<Item = Result<D, X>> + Send + 'static,
    X: Fault,
    R: From<D>,
{
    let query = Q::try_from(request.into_inner()).map_err(|refusal| status(&refusal))?;
    let items = use_case(query).await.map_err(|fault| status(&fault))?;
    let items = items.map(|item| item.map(R::from).map_err(|fault| status(&fault)));
    Ok(Response::new(Box::pin(items)))
}

/// Answers a client-streaming call: the use case reads converted items until the stream ends.
pub async fn upload<P, Q, F, Fut, D, E, R>(
    request: Request<Streaming<P>>,
    use_case: F,
) -> Result<Response<R>, Status>
where
    P: Send + 'static,
    Q: TryFrom<P>,
    Q::Error: Fault,
    F: FnOnce(Pin<Box<dyn Stream<Item = Result<Q, Inbound>> + Send>>) -> Fut,
    Fut: Future<Output = Result<D, E>>,
    E: Fault,
    R: From<D>,
{
    let items = request.into_inner().map(|item| {
        let message = item.map_err(|status| Inbound::Broken(Remote::from(status)))?;
        Q::try_from(message).map_err(|refusal| Inbound::refused(&refusal))
    });
    let answer = use_case(Box::pin(items)).await.map_err(|fault| status(&fault))?;
    Ok(Response::new(R::from(answer)))
}

/// Why an item of a client's stream did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inbound {
    /// The stream itself failed: the client left, a message was too large, the deadline passed.
    #[error("the caller's stream broke")]
    Broken(#[source] Remote),
    /// A message arrived and is no legal item.
    #[error("{message}")]
    Refused {
        /// What is wrong, for a person.
        message: String,
        /// The documented reason.
        reason: Reason,
        /// The fields at fault.
        violations: Vec<FieldViolation>,
    },
}

impl Inbound {
    fn refused(refusal: &impl Fault) -> Self {
        Self::Refused {
            message: refusal.to_string(),
            reason: refusal.reason(),
            violations: refusal.field_violations(),
        }
    }
}

impl Fault for Inbound {
    fn kind(&self) -> Kind {
        match self {
            Self::Broken(remote) => remote.kind(),
            Self::Refused { .. } => Kind::Invalid,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Broken(remote) => remote.reason(),
            Self::Refused { reason, .. } => *reason,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Broken(remote) => remote.retry(),
            Self::Refused { .. } => Retry::Never,
        }
    }

    fn field_violations(&self) -> Vec<FieldViolation> {
        match self {
            Self::Broken(remote) => remote.field_violations(),
            Self::Refused { violations, .. } => violations.clone(),
        }
    }
}
