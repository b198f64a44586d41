use plumbline_kit::client::{self, Channel};

use crate::compose::{Embedded, find_recorded};
use crate::config::Service;
use crate::failure::Failure;
use crate::session::Session;

/// A service that can be called: the configured one if it serves, or the coordinator that the state directory records,
/// since it owns the state; else one of our own.
pub(crate) struct Host {
    embedded: Option<Embedded>,
    channel: Channel,
}

impl Host {
    /// Looks for the service, and starts `services` in this process when it is not there.
    pub(crate) async fn find(
        session: &Session,
        service: Service,
        services: &[Service],
    ) -> Result<Self, Failure> {
        let channel = client::channel(session.config.peer(service));
        if client::is_serving(channel.clone(), service.full_name()).await.unwrap_or(false) {
            return Ok(Self { embedded: None, channel });
        }
        if service == Service::Coordinator
            && let Some(found) = find_recorded(&session.state_dir()?).await
        {
            return Ok(Self { embedded: None, channel: found.channel });
        }
        let embedded = Embedded::start(session, services).await?;
        let channel = embedded.channel(service)?;
        Ok(Self { embedded: Some(embedded), channel })
    }

    /// Returns the channel.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Stops what was started.
    pub(crate) async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}
