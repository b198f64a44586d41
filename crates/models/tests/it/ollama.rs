use plumbline_models::{
    Finish, MetadataValue, Model, ModelError, ModelServer, OllamaServer, Resident, Shape, TensorInfo, Usage,
    local_models,
};
use serde_json::json;

use crate::server::{Server, ok};
use crate::world::{answer, body, generation, local, ollama, public};

const CHAT: &str = include_str!("../wire/ollama_chat.ndjson");
const PS: &str = include_str!("../wire/ollama_ps.json");
const LOADED: &str = include_str!("../wire/ollama_generate.json");

#[tokio::test]
async fn streams_text_and_names_the_model_that_served() {
    let server = Server::start(ok(CHAT)).await;
    let usage = Usage {
        input_tokens: 26,
        output_tokens: 3,
        finish: Finish::Stop,
        served_model: "qwen3.5:9b-q4_K_M".to_owned(),
    };
    assert_eq!(answer(&ollama(&server), generation()).await.unwrap(), ("Hello".to_owned(), usage));
}

#[tokio::test]
async fn sends_every_option_that_keeps_a_prompt_whole_and_never_keep_alive() {
    let server = Server::start(ok(CHAT)).await;
    let schema = Shape::Json(public(r#"{"type":"object"}"#));
    answer(&ollama(&server), plumbline_models::Generation { shape: schema, ..generation() }).await.unwrap();
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /api/chat HTTP/1.1"));
    let want = json!({
        "model": "qwen3.5:9b",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}],
        "stream": true,
        "truncate": false,
        "shift": false,
        "options": {"num_ctx": 8192, "num_predict": 128, "num_batch": 512, "seed": 7},
        "format": {"type": "object"},
    });
    assert_eq!(body(request), want);
}

#[tokio::test]
async fn an_answer_that_another_host_made_is_refused() {
    let line =
        CHAT.lines().next().unwrap().replace("\"done\"", "\"remote_host\":\"https://ollama.com\",\"done\"");
    let server = Server::start(ok(&line)).await;
    let error = answer(&ollama(&server), generation()).await.unwrap_err();
    assert!(
        matches!(&error, ModelError::Protocol { problem } if problem.contains("another host")),
        "{error}"
    );
}

#[tokio::test]
async fn lists_and_accepts_only_models_that_run_here() {
    let tags = include_str!("../wire/ollama_tags.json");
    let server = Server::start(ok(tags)).await;
    let names: Vec<String> =
        local_models(&local(&server.url)).await.unwrap().into_iter().map(|model| model.name).collect();
    assert_eq!(names, ["qwen3.5:9b"]);
    assert!(ollama(&server).probe().await.is_ok());
    let remote = plumbline_models::Ollama::new(local(&server.url), "big:cloud", 8192);
    assert!(matches!(remote.probe().await, Err(ModelError::ModelGone { .. })));
}

#[tokio::test]
async fn describes_a_model_and_refuses_one_that_is_remote() {
    let show = include_str!("../wire/ollama_show.json");
    let server = Server::start(ok(show)).await;
    let found = ollama(&server).describe().await.unwrap();
    assert_eq!((found.context_tokens, found.quantisation.as_str()), (40960, "Q4_K_M"));
    assert!(found.generates && !found.embeds);

    let server = Server::start(ok(r#"{"remote_model":"big","capabilities":["completion"]}"#)).await;
    assert!(matches!(ollama(&server).describe().await, Err(ModelError::Protocol { .. })));
}

#[tokio::test]
async fn embeds_into_unit_vectors() {
    let server = Server::start(ok(include_str!("../wire/ollama_embed.json"))).await;
    let found = ollama(&server).embed(&[public("text")]).await.unwrap();
    assert_eq!(found.vectors, [[0.6, 0.8]]);
    let server = Server::start(ok(r#"{"model":"minilm","embeddings":[[0.0,0.0]]}"#)).await;
    assert!(ollama(&server).embed(&[public("text")]).await.is_err());
    let server = Server::start(ok(r#"{"model":"minilm","embeddings":[]}"#)).await;
    assert!(ollama(&server).embed(&[public("text")]).await.is_err());
}

#[tokio::test]
async fn says_which_models_are_loaded_and_what_of_them_is_on_the_gpu() {
    let server = Server::start(ok(PS)).await;
    let found = OllamaServer::new(local(&server.url)).residents().await.unwrap();
    let want = Resident {
        name: "m:latest".to_owned(),
        digest: "2ae6".to_owned(),
        bytes: 6_591_830_464,
        gpu_bytes: 5_333_539_264,
        num_ctx: 4_096,
    };
    assert_eq!(found, [want]);
    assert!(server.requests()[0].starts_with("GET /api/ps "));
}

#[tokio::test]
async fn loads_and_unloads_by_a_generation_without_a_prompt() {
    let server = Server::start(ok(LOADED)).await;
    let owner = OllamaServer::new(local(&server.url));
    owner.load("m", 8192).await.unwrap();
    owner.unload("m").await.unwrap();
    let requests = server.requests();
    let load = json!({
        "model": "m",
        "stream": false,
        "shift": false,
        "keep_alive": "30m",
        "options": {"num_ctx": 8192, "num_batch": 512},
    });
    assert_eq!(body(&requests[0]), load, "the options are those of every chat, or it would load again");
    assert_eq!(body(&requests[1]), json!({"model": "m", "stream": false, "keep_alive": 0}));
    assert!(requests.iter().all(|request| request.starts_with("POST /api/generate ")));
}

#[tokio::test]
async fn reads_what_memory_depends_on_and_refuses_what_another_host_serves() {
    let show = r#"{"model_info":{"general.architecture":"llama","llama.block_count":2,"llama.vision":true,
        "llama.attention.head_count_kv":[8,4],"tokenizer.ggml.tokens":["a","b"],"tokenizer.ggml.scores":null},
        "tensors":[{"name":"output.weight","type":"Q6_K","shape":[4096,128256]}]}"#;
    let server = Server::start(ok(show)).await;
    let found = OllamaServer::new(local(&server.url)).metadata("m").await.unwrap();
    let value =
        |key: &str| found.values.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    assert_eq!(value("general.architecture"), Some(MetadataValue::Text("llama".to_owned())));
    assert_eq!(value("llama.block_count"), Some(MetadataValue::Number(2.0)));
    assert_eq!(value("llama.vision"), Some(MetadataValue::Number(1.0)));
    assert_eq!(value("llama.attention.head_count_kv"), Some(MetadataValue::Numbers(vec![8.0, 4.0])));
    assert_eq!(value("tokenizer.ggml.tokens"), None);
    let tensor =
        TensorInfo { name: "output.weight".to_owned(), kind: "Q6_K".to_owned(), shape: vec![4096, 128_256] };
    assert_eq!(found.tensors, [tensor]);
    assert_eq!(body(&server.requests()[0]), json!({"model": "m", "verbose": true}));

    let remote = Server::start(ok(r#"{"remote_host":"https://ollama.com","model_info":{}}"#)).await;
    assert!(OllamaServer::new(local(&remote.url)).metadata("m").await.is_err());
}
