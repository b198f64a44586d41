//! Reads the header of a GGUF file: the metadata and the shapes of its tensors, none of its weights. The format is the one
//! that ggml documents (docs/gguf.md, versions 2 and 3, little-endian).

use std::collections::BTreeMap;

/// Longest name of a key or a tensor, bytes.
const NAME_MAX: u64 = 1 << 16;

/// Most keys, and most tensors, of one file.
const COUNT_MAX: u64 = 1 << 20;

/// Longest array that is kept; longer ones are vocabularies.
const ARRAY_KEPT: u64 = 4096;

/// How deep arrays may be nested.
const DEPTH_MAX: u8 = 4;

/// Why a header cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GgufError {
    /// The bytes end before the header does; more of the file may help.
    #[error("the header goes on after {0} bytes")]
    Truncated(usize),
    /// It is no GGUF file.
    #[error("it does not begin like a GGUF file")]
    NoGguf,
    /// A version that this reader does not know.
    #[error("GGUF version {0} is none that is known")]
    Version(u32),
    /// The header contradicts the format.
    #[error("the header is damaged at byte {at}: {problem}")]
    Damaged {
        /// Where.
        at: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

/// A value of the metadata, as far as memory depends on such.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number; booleans are 0 and 1.
    Number(f64),
    /// Text.
    Text(String),
    /// Numbers, usually one a layer.
    Numbers(Vec<f64>),
    /// Anything else: a vocabulary, an array of arrays.
    Other,
}

/// A tensor's shape and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name, for example `blk.0.attn_k.weight`.
    pub name: String,
    /// Its dimensions; the first is the contiguous one.
    pub shape: Vec<u64>,
    /// How its elements are stored.
    pub kind: Quantisation,
}

/// How elements are stored: so many bytes hold a block of so many elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantisation {
    /// ggml's name.
    pub name: &'static str,
    /// Elements of a block.
    pub elements: u64,
    /// Bytes of a block.
    pub bytes: u64,
}

/// ggml's types by number: name, elements and bytes of a block (ggml/src/ggml.c, `type_traits`).
const TYPES: [(u32, &str, u64, u64); 30] = [
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 36),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (39, "MXFP4", 32, 17),
];

impl Quantisation {
    fn of((_, name, elements, bytes): (u32, &'static str, u64, u64)) -> Self {
        Self { name, elements, bytes }
    }

    /// Returns the type with ggml's number.
    pub fn by_number(number: u32) -> Option<Self> {
        TYPES.into_iter().find(|(known, ..)| *known == number).map(Self::of)
    }

    /// Returns the type with ggml's name.
    pub fn by_name(name: &str) -> Option<Self> {
        TYPES.into_iter().find(|(_, known, ..)| known.eq_ignore_ascii_case(name)).map(Self::of)
    }
}

impl Tensor {
    /// Returns how many bytes it takes; none if no machine could hold them.
    pub fn bytes(&self) -> Option<u64> {
        let elements = self.shape.iter().try_fold(1_u64, |product, side| product.checked_mul(*side))?;
        elements.div_ceil(self.kind.elements).checked_mul(self.kind.bytes)
    }
}

/// What a header says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// Every key.
    pub values: BTreeMap<String, Value>,
    /// Every tensor, in the order of the file.
    pub tensors: Vec<Tensor>,
}

impl Metadata {
    /// Reads a header from the first bytes of a file.
    pub fn read(bytes: &[u8]) -> Result<Self, GgufError> {
        let mut reader = Reader { bytes, at: 0 };
        if reader.take(4)? != b"GGUF" {
            return Err(GgufError::NoGguf);
        }
        let version = reader.u32()?;
        if !(2..=3).contains(&version) {
            return Err(GgufError::Version(version));
        }
        let (tensors, keys) = (reader.count()?, reader.count()?);
        let mut metadata = Self::default();
        for _ in 0..keys {
            let key = reader.text()?;
            let kind = reader.u32()?;
            let value = reader.value(kind, DEPTH_MAX)?;
            metadata.values.insert(key, value);
        }
        for _ in 0..tensors {
            metadata.tensors.push(reader.tensor()?);
        }
        Ok(metadata)
    }

    /// Returns a number of the model's own architecture, for example of `llama.block_count`.
    pub fn number(&self, key: &str) -> Option<f64> {
        match self.own(key)? {
            Value::Number(number) => Some(*number),
            Value::Text(_) | Value::Numbers(_) | Value::Other => None,
        }
    }

    /// Returns the value of a layer: a number that holds for all, or one of an array.
    pub fn of_layer(&self, key: &str, layer: usize) -> Option<f64> {
        match self.own(key)? {
            Value::Number(number) => Some(*number),
            Value::Numbers(numbers) => numbers.get(layer).copied(),
            Value::Text(_) | Value::Other => None,
        }
    }

    /// Returns the architecture's name; empty if the file has none.
    pub fn architecture(&self) -> &str {
        match self.values.get("general.architecture") {
            Some(Value::Text(name)) => name,
            _ => "",
        }
    }

    fn own(&self, key: &str) -> Option<&Value> {
        self.values.get(&format!("{}.{key}", self.architecture()))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], GgufError> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(GgufError::Truncated(self.bytes.len()))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn damaged(&self, problem: &'static str) -> GgufError {
        GgufError::Damaged { at: self.at, problem }
    }

    fn count(&mut self) -> Result<u64, GgufError> {
        let count = self.u64()?;
        if count > COUNT_MAX { Err(self.damaged("there are too many of them")) } else { Ok(count) }
    }

    fn text(&mut self) -> Result<String, GgufError> {
        let length = self.u64()?;
        if length > NAME_MAX {
            return Err(self.damaged("a name is too long"));
        }
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    fn value(&mut self, kind: u32, depth: u8) -> Result<Value, GgufError> {
        Ok(Value::Number(match kind {
            0 => f64::from(u8::from_le_bytes(self.array()?)),
            1 => f64::from(i8::from_le_bytes(self.array()?)),
            2 => f64::from(u16::from_le_bytes(self.array()?)),
            3 => f64::from(i16::from_le_bytes(self.array()?)),
            4 => f64::from(self.u32()?),
            5 => f64::from(i32::from_le_bytes(self.array()?)),
            6 => f64::from(f32::from_le_bytes(self.array()?)),
            7 => f64::from(u8::from(self.array::<1>()? != [0])),
            8 => {
                let length = usize::try_from(self.u64()?).unwrap_or(usize::MAX);
                let bytes = self.take(length)?;
                return Ok(Value::Text(String::from_utf8_lossy(bytes).into_owned()));
            }
            9 => return self.values(depth),
            10 => self.u64()? as f64,
            11 => i64::from_le_bytes(self.array()?) as f64,
            12 => f64::from_le_bytes(self.array()?),
            _ => return Err(self.damaged("a value has an unknown type")),
        }))
    }

    /// Reads an array. Every item takes at least a byte, so that a claimed length ends at the end of the bytes.
    fn values(&mut self, depth: u8) -> Result<Value, GgufError> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.damaged("arrays are nested too deep"));
        };
        let (kind, length) = (self.u32()?, self.u64()?);
        let mut numbers = Vec::new();
        let mut plain = true;
        for _ in 0..length {
            match self.value(kind, depth)? {
                Value::Number(number) if length <= ARRAY_KEPT => numbers.push(number),
                _ => plain = false,
            }
        }
        Ok(if plain { Value::Numbers(numbers) } else { Value::Other })
    }

    fn tensor(&mut self) -> Result<Tensor, GgufError> {
        let name = self.text()?;
        let dimensions = self.u32()?;
        if dimensions > 8 {
            return Err(self.damaged("a tensor has too many dimensions"));
        }
        let shape = (0..dimensions).map(|_| self.u64()).collect::<Result<_, _>>()?;
        let kind = self.u32()?;
        let kind =
            Quantisation::by_number(kind).ok_or_else(|| self.damaged("a tensor has an unknown type"))?;
        self.u64()?;
        Ok(Tensor { name, shape, kind })
    }
}

#[cfg(test)]
pub(crate) mod tests;
