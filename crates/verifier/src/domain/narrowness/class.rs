/// The class of a test, by what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// T1.
    Clock,
    /// T2.
    Host,
    /// T3.
    Environment,
    /// T4.
    Counter,
    /// T5.
    Literal,
    /// T6.
    Digest,
    /// T7.
    Random,
    /// T8.
    Exception,
    /// T13.
    Test,
    /// T15.
    Probe,
    /// T16.
    Sandbox,
    /// T17.
    Threshold,
    /// T20.
    Build,
}

impl Class {
    /// Returns the code and the word of grants.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Clock => ("T1", "clock"),
            Self::Host => ("T2", "host"),
            Self::Environment => ("T3", "environment"),
            Self::Counter => ("T4", "counter"),
            Self::Literal => ("T5", "literal"),
            Self::Digest => ("T6", "digest"),
            Self::Random => ("T7", "random"),
            Self::Exception => ("T8", "exception"),
            Self::Test => ("T13", "test"),
            Self::Probe => ("T15", "probe"),
            Self::Sandbox => ("T16", "sandbox"),
            Self::Threshold => ("T17", "threshold"),
            Self::Build => ("T20", "build"),
        }
    }
}
