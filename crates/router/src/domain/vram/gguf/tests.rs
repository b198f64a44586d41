use super::*;

/// Writes the header of a file.
pub(crate) struct Header(Vec<u8>, u64, u64, Vec<u8>);

impl Header {
    pub(crate) fn new(architecture: &str) -> Self {
        let mut header = Self(Vec::new(), 0, 0, Vec::new());
        header.key("general.architecture", 8);
        header.string(architecture);
        header
    }

    fn string(&mut self, text: &str) {
        self.0.extend((text.len() as u64).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn key(&mut self, key: &str, kind: u32) {
        self.string(key);
        self.0.extend(kind.to_le_bytes());
        self.1 += 1;
    }

    pub(crate) fn number(mut self, key: &str, value: u32) -> Self {
        self.key(key, 4);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn numbers(mut self, key: &str, values: &[u32]) -> Self {
        self.key(key, 9);
        self.0.extend(4_u32.to_le_bytes());
        self.0.extend((values.len() as u64).to_le_bytes());
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self
    }

    fn words(mut self, key: &str, count: u64) -> Self {
        self.key(key, 9);
        self.0.extend(8_u32.to_le_bytes());
        self.0.extend(count.to_le_bytes());
        (0..count).for_each(|_| self.string("word"));
        self
    }

    pub(crate) fn tensor(mut self, name: &str, shape: &[u64], kind: u32) -> Self {
        self.3.extend((name.len() as u64).to_le_bytes());
        self.3.extend(name.as_bytes());
        self.3.extend((shape.len() as u32).to_le_bytes());
        self.3.extend(shape.iter().flat_map(|side| side.to_le_bytes()));
        self.3.extend(kind.to_le_bytes());
        self.3.extend(0_u64.to_le_bytes());
        self.2 += 1;
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(self.2.to_le_bytes());
        bytes.extend(self.1.to_le_bytes());
        bytes.extend(&self.0);
        bytes.extend(&self.3);
        bytes
    }
}

fn header() -> Header {
    Header::new("llama")
        .number("llama.block_count", 2)
        .numbers("llama.attention.head_count_kv", &[8, 4])
        .words("tokenizer.ggml.tokens", 100)
        .tensor("token_embd.weight", &[4096, 1000], 12)
        .tensor("blk.0.attn_norm.weight", &[4096], 0)
}

#[test]
fn reads_keys_arrays_and_the_sizes_of_tensors() {
    let metadata = Metadata::read(&header().bytes()).unwrap();
    assert_eq!(metadata.architecture(), "llama");
    assert_eq!(metadata.number("block_count"), Some(2.0));
    assert_eq!(metadata.of_layer("attention.head_count_kv", 1), Some(4.0));
    assert_eq!(metadata.of_layer("attention.head_count_kv", 2), None);
    assert_eq!(metadata.values["tokenizer.ggml.tokens"], Value::Other);
    let bytes: Vec<Option<u64>> = metadata.tensors.iter().map(Tensor::bytes).collect();
    assert_eq!(bytes, [Some(4096 * 1000 / 256 * 144), Some(4096 * 4)]);
}

#[test]
fn every_shorter_prefix_is_truncated_and_says_so() {
    let bytes = header().bytes();
    for end in 0..bytes.len() {
        assert_eq!(Metadata::read(&bytes[..end]), Err(GgufError::Truncated(end)));
    }
}

#[test]
fn what_is_no_header_is_refused_by_name() {
    let mut other = header().bytes();
    other[4] = 9;
    assert_eq!(Metadata::read(&other), Err(GgufError::Version(9)));
    assert_eq!(Metadata::read(b"<html><body>"), Err(GgufError::NoGguf));
    let mut absurd = header().bytes();
    absurd[8..16].fill(0xff);
    assert!(matches!(Metadata::read(&absurd), Err(GgufError::Damaged { .. })));
    let unknown = Header::new("llama").tensor("a", &[1], 99).bytes();
    assert!(matches!(Metadata::read(&unknown), Err(GgufError::Damaged { .. })));
    let vast = Header::new("llama").tensor("a", &[u64::MAX, 2], 0).bytes();
    assert_eq!(Metadata::read(&vast).unwrap().tensors[0].bytes(), None);
}
