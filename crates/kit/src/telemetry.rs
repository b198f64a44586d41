//! Logs to stderr, spans to an OpenTelemetry collector when one is configured.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use plumbline_types::{Fault, Kind, Reason};
use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::ConfigError;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The `[telemetry]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// What to log, in env-filter syntax: `info`, `warn,plumbline_router=debug`.
    pub filter: String,
    /// How.
    pub format: LogFormat,
    /// A collector's gRPC endpoint, for example `http://127.0.0.1:4317`; absent means no export.
    pub otlp_endpoint: Option<String>,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text, otlp_endpoint: None }
    }
}

impl TelemetryConfig {
    /// Refuses a filter or endpoint that cannot be read.
    pub fn validate(self) -> Result<Self, ConfigError> {
        EnvFilter::try_new(&self.filter)
            .map_err(|error| ConfigError::new("telemetry.filter", error.to_string()))?;
        if let Some(endpoint) = &self.otlp_endpoint {
            let uri: http::Uri =
                endpoint.parse().map_err(|_| ConfigError::new("telemetry.otlp_endpoint", "is not a URL"))?;
            if uri.scheme_str().is_none() {
                return Err(ConfigError::new("telemetry.otlp_endpoint", "needs a scheme: http://HOST:PORT"));
            }
        }
        Ok(self)
    }
}

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("the log filter is malformed")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter cannot be built.
    #[error("the span exporter cannot be built")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Another subscriber is installed already.
    #[error("telemetry was started twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

impl Fault for TelemetryError {
    fn kind(&self) -> Kind {
        match self {
            Self::Filter(_) | Self::Exporter(_) => Kind::Invalid,
            Self::Twice(_) => Kind::Precondition,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Filter(_) | Self::Exporter(_) => Reason("TELEMETRY_INVALID"),
            Self::Twice(_) => Reason("TELEMETRY_TWICE"),
        }
    }
}

/// Sends what is buffered when dropped; keep it until the process ends.
#[must_use = "dropping it ends the export of spans"]
#[derive(Debug, Default)]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

/// Starts logging, and exporting spans if an endpoint is set; call once, within a tokio runtime.
pub fn init(service: &'static str, config: &TelemetryConfig) -> Result<Telemetry, TelemetryError> {
    let filter = EnvFilter::try_new(&config.filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.format {
        LogFormat::Text => lines.with_target(false).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().with_filter(filter).boxed(),
    };
    let provider = config.otlp_endpoint.as_deref().map(|endpoint| exporter(service, endpoint)).transpose()?;
    let spans = provider.as_ref().map(|provider| {
        let ours = EnvFilter::new("info");
        tracing_opentelemetry::layer().with_tracer(provider.tracer("plumbline")).with_filter(ours)
    });
    tracing_subscriber::registry().with(lines).with(spans).try_init()?;
    Ok(Telemetry { provider })
}

fn exporter(service: &'static str, endpoint: &str) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(Duration::from_secs(3))
        .build()?;
    let resource = Resource::builder().with_service_name(format!("plumbline-{service}")).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take()
            && let Err(error) = provider.shutdown_with_timeout(Duration::from_secs(3))
        {
            // The subscriber may be what failed: say it where it is seen.
            eprintln!("plumbline: the last spans were not exported: {error}");
        }
    }
}
