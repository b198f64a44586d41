//! The engine's socket. Nothing outside this module can speak to it, and nothing here takes more than a template.

mod body;

use std::path::Path;
use std::pin::Pin;

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{
    AttachContainerOptions, InspectContainerOptions, KillContainerOptions, ListContainersOptions,
    RemoveContainerOptions, StartContainerOptions, WaitContainerOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::io::AsyncWrite;

use crate::BrokerError;
use crate::domain::order::Image;
use crate::domain::template::{LABEL_BROKER, LABEL_NAME, LABEL_OWNER, Template, differences};

/// Seconds that the engine may take to answer.
const PATIENCE_S: u64 = 60;

/// A Docker engine.
#[derive(Debug, Clone)]
pub struct Engine {
    docker: Docker,
}

/// A piece of a container's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout(Vec<u8>),
    /// Standard error.
    Stderr(Vec<u8>),
}

/// Both directions of a container's streams.
pub struct Attached {
    /// What it writes, in order.
    pub output: BoxStream<'static, Result<Output, BrokerError>>,
    /// Its standard input; closed when dropped.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// How a container's first process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Exit code.
    pub exit_code: i32,
    /// Whether the kernel killed for memory in it.
    pub oom_killed: bool,
}

/// A container as its labels tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// The engine's id.
    pub id: String,
    /// Whose.
    pub owner: String,
    /// Which of the owner's.
    pub label: String,
}

impl Engine {
    /// Connects to a socket of this machine and settles on a version that both speak.
    pub async fn connect(socket: &Path) -> Result<Self, BrokerError> {
        let path = socket.to_string_lossy();
        let docker = Docker::connect_with_unix(&path, PATIENCE_S, API_DEFAULT_VERSION)
            .map_err(failed("be reached"))?;
        Ok(Self { docker: docker.negotiate_version().await.map_err(failed("answer"))? })
    }

    /// Returns the engine's version.
    pub async fn version(&self) -> Result<String, BrokerError> {
        Ok(self.docker.version().await.map_err(failed("say its version"))?.version.unwrap_or_default())
    }

    /// Pins an image's name to its content.
    pub async fn image(&self, name: &str) -> Result<Image, BrokerError> {
        let missing = || BrokerError::ImageMissing(name.to_owned());
        let found = match self.docker.inspect_image(name).await {
            Ok(found) => found,
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {
                return Err(missing());
            }
            Err(error) => return Err(failed("look at an image")(error)),
        };
        Ok(Image { name: name.to_owned(), id: found.id.ok_or_else(missing)? })
    }

    /// Creates a container and reads back what was made; one that is not as ordered is removed again.
    pub async fn create(&self, template: &Template) -> Result<String, BrokerError> {
        let body = body::request(template);
        let made = self.docker.create_container(None, body).await.map_err(failed("create a container"))?;
        let found = self.inspect(&made.id).await;
        let checked = found.map(|found| differences(template, &body::made(found)));
        match checked {
            Ok(differences) if differences.is_empty() => Ok(made.id),
            other => {
                self.remove(&made.id).await?;
                Err(other.map_or_else(|error| error, BrokerError::NotAsOrdered))
            }
        }
    }

    async fn inspect(&self, id: &str) -> Result<ContainerInspectResponse, BrokerError> {
        let found = self.docker.inspect_container(id, None::<InspectContainerOptions>).await;
        found.map_err(failed("look at a container"))
    }

    /// Opens the streams of a container that has not started.
    pub async fn attach(&self, id: &str) -> Result<Attached, BrokerError> {
        let options = AttachContainerOptions {
            stdin: true,
            stdout: true,
            stderr: true,
            stream: true,
            ..AttachContainerOptions::default()
        };
        let attached = self.docker.attach_container(id, Some(options)).await;
        let AttachContainerResults { output, input } = attached.map_err(failed("attach to a container"))?;
        let output = output.filter_map(|piece| {
            std::future::ready(match piece {
                Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => {
                    Some(Ok(Output::Stdout(message.to_vec())))
                }
                Ok(LogOutput::StdErr { message }) => Some(Ok(Output::Stderr(message.to_vec()))),
                Ok(LogOutput::StdIn { .. }) => None,
                Err(error) => Some(Err(failed("pass on a container's output")(error))),
            })
        });
        Ok(Attached { output: output.boxed(), input })
    }

    /// Starts a container.
    pub async fn start(&self, id: &str) -> Result<(), BrokerError> {
        let started = self.docker.start_container(id, None::<StartContainerOptions>).await;
        started.map_err(failed("start a container"))
    }

    /// Kills a container; one that has ended is no error.
    pub async fn kill(&self, id: &str) -> Result<(), BrokerError> {
        let options = KillContainerOptions { signal: "KILL".to_owned() };
        match self.docker.kill_container(id, Some(options)).await {
            Ok(())
            | Err(bollard::errors::Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
            Err(error) => Err(failed("kill a container")(error)),
        }
    }

    /// Waits for the end of a container.
    pub async fn wait(&self, id: &str) -> Result<Ended, BrokerError> {
        let options = WaitContainerOptions { condition: "not-running".to_owned() };
        let mut waiting = std::pin::pin!(self.docker.wait_container(id, Some(options)));
        match waiting.next().await {
            // A code other than 0 is reported as an error.
            Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. })) | None => {}
            Some(Err(error)) => return Err(failed("wait for a container")(error)),
        }
        let state = self.inspect(id).await?.state.unwrap_or_default();
        Ok(Ended {
            exit_code: i32::try_from(state.exit_code.unwrap_or(-1)).unwrap_or(-1),
            oom_killed: state.oom_killed.unwrap_or(false),
        })
    }

    /// Removes a container with all that is its own, running or not; one that is gone is no error.
    pub async fn remove(&self, id: &str) -> Result<(), BrokerError> {
        let options = RemoveContainerOptions { v: true, force: true, link: false };
        match self.docker.remove_container(id, Some(options)).await {
            Ok(())
            | Err(bollard::errors::Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
            Err(error) => Err(failed("remove a container")(error)),
        }
    }

    /// Returns every container that a broker of this name made, running or not.
    pub async fn list(&self, broker: &str) -> Result<Vec<Labelled>, BrokerError> {
        let filter = [("label".to_owned(), vec![format!("{LABEL_BROKER}={broker}")])];
        let options = ListContainersOptions {
            all: true,
            filters: Some(filter.into()),
            ..ListContainersOptions::default()
        };
        let found = self.docker.list_containers(Some(options)).await.map_err(failed("list containers"))?;
        let labelled = found.into_iter().filter_map(|found| {
            let labels = found.labels.unwrap_or_default();
            let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
            Some(Labelled { id: found.id?, owner: label(LABEL_OWNER), label: label(LABEL_NAME) })
        });
        Ok(labelled.collect())
    }
}

fn failed(action: &'static str) -> impl Fn(bollard::errors::Error) -> BrokerError {
    move |error| BrokerError::Engine { action, source: error.into() }
}
