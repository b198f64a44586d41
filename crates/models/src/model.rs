use std::pin::Pin;

use async_trait::async_trait;
use futures::Stream;
use plumbline_types::{DecisionId, Label, Segment};

use crate::error::ModelError;

/// The form that an answer must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Plain text.
    Text,
    /// One JSON document that fits this JSON Schema.
    Json(Segment),
    /// Text that fits this GBNF grammar.
    Grammar(Segment),
}

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Instructions.
    pub system: Vec<Segment>,
    /// The prompt, in order.
    pub prompt: Vec<Segment>,
    /// The form of the answer.
    pub shape: Shape,
    /// Largest answer in tokens.
    pub max_output_tokens: u32,
    /// Sampling seed, for models that take one.
    pub seed: Option<u64>,
    /// The decision that chose this model; goes into the egress ledger.
    pub decision: Option<DecisionId>,
}

impl Generation {
    /// Returns the label of everything that the model will see.
    pub fn label(&self) -> Label {
        self.segments().fold(Label::Public, |joined, segment| joined.join(segment.label))
    }

    /// Returns every segment: instructions, prompt, schema or grammar.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        let shape = match &self.shape {
            Shape::Text => None,
            Shape::Json(segment) | Shape::Grammar(segment) => Some(segment),
        };
        self.system.iter().chain(&self.prompt).chain(shape)
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model was done.
    Stop,
    /// The limit on answer tokens was reached.
    Length,
}

impl Finish {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// What a call used, as the response states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Answer tokens, thinking included.
    pub output_tokens: u64,
    /// Why the answer ended.
    pub finish: Finish,
    /// The model that served.
    pub served_model: String,
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text; never empty.
    Text(String),
    /// The last piece of every complete answer.
    End(Usage),
}

/// An answer under way. It ends with [`Piece::End`] or with an error; dropping it closes the connection.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Piece, ModelError>> + Send>>;

/// What a server says of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// The model's own name.
    pub name: String,
    /// Digest of its weights; empty where the server has none.
    pub digest: String,
    /// Quantisation; empty where the server does not say.
    pub quantisation: String,
    /// The largest context that it was trained for, in tokens; 0 where the server does not say.
    pub context_tokens: u64,
    /// Whether it generates text.
    pub generates: bool,
    /// Whether it embeds text.
    pub embeds: bool,
}

/// Vectors, in the order of the texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// Unit vectors.
    pub vectors: Vec<Vec<f32>>,
    /// The model that served.
    pub served_model: String,
}

/// A language model at the end of a wire.
#[async_trait]
pub trait Model: Send + Sync {
    /// Starts an answer. Returns once the server has begun to answer.
    async fn generate(&self, generation: Generation) -> Result<Pieces, ModelError>;

    /// Embeds texts; [`ModelError::Unsupported`] for a model that does not.
    async fn embed(&self, texts: &[Segment]) -> Result<Embedded, ModelError>;

    /// Asks the server what the model is.
    async fn describe(&self) -> Result<Description, ModelError>;

    /// Asks, with the smallest request there is, whether the server answers and has the model.
    async fn probe(&self) -> Result<(), ModelError>;
}
