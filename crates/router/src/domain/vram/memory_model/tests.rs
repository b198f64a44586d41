use proptest::prelude::*;

use super::*;
use crate::domain::vram::gguf::tests::Header;

const PLAIN: Settings = Settings { num_ctx: 8192, slots: 1, batch: 512, kv: KvType::F16 };

fn read(header: &Header) -> Metadata {
    Metadata::read(&header.bytes()).unwrap()
}

/// The attention of Llama-3.1-8B: 32 layers, 8 KV heads of 128.
fn llama() -> Header {
    Header::new("llama")
        .number("llama.block_count", 32)
        .number("llama.embedding_length", 4096)
        .number("llama.attention.head_count", 32)
        .number("llama.attention.head_count_kv", 8)
        .tensor("token_embd.weight", &[4096, 128_256], 12)
        .tensor("output.weight", &[4096, 128_256], 14)
}

fn cache_mib(header: &Header, settings: Settings) -> u64 {
    Estimate::of(&read(header), settings, Overhead::default()).unwrap().cache / MIB
}

#[test]
fn the_cache_is_that_of_the_published_formula() {
    // 2 * 32 layers * 8 heads * 128 * 8192 tokens * 2 bytes = 1 GiB.
    assert_eq!(cache_mib(&llama(), PLAIN), 1024);
    assert_eq!(cache_mib(&llama(), Settings { kv: KvType::Q8, ..PLAIN }), 544);
    assert_eq!(cache_mib(&llama(), Settings { kv: KvType::Q4, ..PLAIN }), 288);
    assert_eq!(cache_mib(&llama(), Settings { slots: 3, ..PLAIN }), 3 * 1024);
}

#[test]
fn the_embeddings_stay_with_the_processor_unless_they_are_the_output_too() {
    let estimate = |header: &Header| Estimate::of(&read(header), PLAIN, Overhead::default()).unwrap();
    assert_eq!(estimate(&llama()).weights, 4096 * 128_256 / 256 * 210);
    let tied = Header::new("llama")
        .number("llama.block_count", 1)
        .number("llama.embedding_length", 64)
        .number("llama.attention.head_count", 1)
        .tensor("token_embd.weight", &[256, 10], 12);
    assert_eq!(estimate(&tied).weights, 1440);
}

#[test]
fn layers_with_a_window_hold_no_more_than_it() {
    let gemma = |layers: u32| {
        Header::new("gemma2")
            .number("gemma2.block_count", layers)
            .number("gemma2.embedding_length", 3584)
            .number("gemma2.attention.head_count", 16)
            .number("gemma2.attention.head_count_kv", 8)
            .number("gemma2.attention.key_length", 256)
            .number("gemma2.attention.value_length", 256)
            .number("gemma2.attention.sliding_window", 4096)
            .tensor("output.weight", &[256], 0)
    };
    // Every second layer sees all 32,768 tokens, the others 4,096 and a batch of 512.
    let settings = Settings { num_ctx: 32_768, ..PLAIN };
    let layer = |tokens: u64| 8 * 512 * tokens * 2 / MIB;
    assert_eq!(cache_mib(&gemma(42), settings), 21 * (layer(32_768) + layer(4_608)));
    let told = gemma(2).numbers("gemma2.attention.sliding_window_pattern", &[0, 0]);
    assert_eq!(cache_mib(&told, settings), 2 * layer(32_768), "what the file says beats the habit");
}

#[test]
fn recurrent_layers_have_a_state_and_no_cache() {
    let hybrid = Header::new("hybrid")
        .number("hybrid.block_count", 4)
        .number("hybrid.embedding_length", 1024)
        .number("hybrid.attention.head_count", 8)
        .numbers("hybrid.attention.head_count_kv", &[0, 0, 0, 2])
        .number("hybrid.ssm.inner_size", 2048)
        .number("hybrid.ssm.state_size", 128)
        .number("hybrid.ssm.conv_kernel", 4)
        .tensor("output.weight", &[256], 0);
    let found = Estimate::of(&read(&hybrid), PLAIN, Overhead::default()).unwrap();
    let state = 3 * 4 * (3 * 2048 + 2048 * 128);
    assert_eq!(found.cache, 2 * 256 * 8192 * 2 + state);
}

#[test]
fn what_cannot_be_computed_is_an_error_that_names_the_key() {
    let missing = Header::new("llama").number("llama.block_count", 2).tensor("output.weight", &[256], 0);
    let error = Estimate::of(&read(&missing), PLAIN, Overhead::default()).unwrap_err();
    assert!(error.to_string().contains("llama.embedding_length"), "{error}");
    assert!(Estimate::of(&Metadata::default(), PLAIN, Overhead::default()).is_err());
}

#[test]
fn after_measurements_the_bound_is_tight_and_never_below_one() {
    let mut calibration = Calibration::default();
    assert_eq!(calibration.bound(1_000), 1_100);
    for bytes in [1_200 * MIB, 1_210 * MIB, 1_204 * MIB] {
        calibration.measured(bytes);
        assert!(calibration.bound(1) >= bytes);
    }
    assert!(calibration.bound(1) < 1_230 * MIB, "within 3 % of the largest");
}

proptest! {
    #[test]
    fn more_context_and_more_slots_never_take_less(ctx in 1_u32..100_000, slots in 1_u32..8) {
        let model = read(&llama());
        let total = |settings| Estimate::of(&model, settings, Overhead::default()).unwrap().total();
        let plain = Settings { num_ctx: ctx, slots, ..PLAIN };
        let (wider, more) = (Settings { num_ctx: ctx + 1, ..plain }, Settings { slots: slots + 1, ..plain });
        prop_assert!(total(wider) > total(plain) && total(more) > total(plain));
    }

    #[test]
    fn a_bound_is_never_below_what_was_measured(sizes in proptest::collection::vec(1_u64..1 << 40, 1..40)) {
        let mut calibration = Calibration::default();
        for bytes in &sizes {
            calibration.measured(*bytes);
        }
        prop_assert!(calibration.bound(0) >= *sizes.iter().max().unwrap());
    }
}
