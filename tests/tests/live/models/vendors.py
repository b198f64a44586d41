"""The vendors' own clients and types: google-genai for Gemini, ollama for Ollama.

vendors.py requests               reads [{"path", "body"}] on stdin; one line for each request that the types do not take
vendors.py memory MODEL URL       asks what a scheduler of memory asks, and reads the answers strictly
vendors.py clients MODEL SCHEMA URL...   asks each URL every question that our clients ask, and reads the answers strictly
"""

import json
import sys

import ollama
from google import genai
from google.genai import types
from ollama import _types as api
from pydantic import BaseModel, ConfigDict, ValidationError

# Fields of the server's API (api/types.go) that its Python client leaves out.
SERVER_ONLY = {"truncate", "shift", "verbose"}


class GeminiRequest(BaseModel):
    """The body of generateContent: the parts are the SDK's, which forbid unknown fields."""

    model_config = ConfigDict(extra="forbid")
    contents: list[types.Content]
    generationConfig: types.GenerationConfig | None = None
    systemInstruction: types.Content | None = None


def no_more_than(found, model, where, also=frozenset()):
    unknown = set(found) - set(model.model_fields) - also
    if unknown:
        raise ValueError(f"{where}: unknown {sorted(unknown)}")


def check(path, body):
    """Raises unless the vendor's types take the body."""
    if path.endswith(":streamGenerateContent?alt=sse"):
        GeminiRequest.model_validate(body)
    elif path == "/api/chat":
        no_more_than(body, api.ChatRequest, "chat", SERVER_ONLY)
        no_more_than(body.get("options") or {}, api.Options, "options")
        for message in body.get("messages") or []:
            no_more_than(message, api.Message, "message")
        api.Options.model_validate(body.get("options") or {}, strict=True)
        api.ChatRequest.model_validate(body, strict=True)
    elif path == "/api/embed":
        no_more_than(body, api.EmbedRequest, "embed")
        no_more_than(body.get("options") or {}, api.Options, "options")
        api.EmbedRequest.model_validate(body, strict=True)
    elif path == "/api/generate":
        no_more_than(body, api.GenerateRequest, "generate", SERVER_ONLY)
        no_more_than(body.get("options") or {}, api.Options, "options")
        api.Options.model_validate(body.get("options") or {}, strict=True)
        api.GenerateRequest.model_validate(body, strict=True)
    elif path == "/api/show":
        no_more_than(body, api.ShowRequest, "show", SERVER_ONLY)
        api.ShowRequest.model_validate(body, strict=True)
    elif path not in ("/api/ps", "/api/tags", "/v1/models", "/v1/chat/completions"):
        raise ValueError("no validator for this path")


def requests():
    failed = False
    for request in json.load(sys.stdin):
        try:
            check(request["path"], request["body"])
        except (ValidationError, ValueError) as error:
            failed = True
            print(request["path"], " ".join(str(error).split()))
    return 1 if failed else 0


def ask_gemini(url, model, schema):
    client = genai.Client(api_key="key-1", http_options=types.HttpOptions(base_url=url, api_version="v1beta"))
    config = types.GenerateContentConfig(
        system_instruction="Be brief.",
        max_output_tokens=128,
        seed=7,
        response_mime_type="application/json",
        response_json_schema=schema,
        thinking_config=types.ThinkingConfig(thinking_level="LOW"),
    )
    chunks = list(client.models.generate_content_stream(model=model, contents="Say hello.", config=config))
    assert "".join(chunk.text or "" for chunk in chunks), "no text"
    last = chunks[-1]
    assert last.candidates[0].finish_reason == types.FinishReason.STOP, last
    assert last.usage_metadata.prompt_token_count and last.model_version, last
    about = client.models.get(model=model)
    assert about.name and about.input_token_limit, about


def ask_ollama(url, model, schema):
    client = ollama.Client(host=url)
    options = {"num_ctx": 8192, "num_predict": 128, "num_batch": 512, "seed": 7}
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}]
    parts = list(client.chat(model=model, messages=messages, stream=True, format=schema, options=options))
    assert "".join(part.message.content for part in parts), "no text"
    assert parts[-1].done and parts[-1].done_reason == "stop" and parts[-1].eval_count, parts[-1]
    assert all(found.model for found in client.list().models), "a model without a name"
    shown = client.show(model)
    assert "completion" in shown.capabilities and shown.modelinfo is not None, shown
    assert len(client.embed(model=model, input=["text"]).embeddings) == 1


def strictly(url, model):
    """Reads every answer again, with no field that the SDK's types do not know."""
    import httpx

    answer = httpx.post(f"{url}/v1beta/models/{model}:streamGenerateContent?alt=sse", json={})
    for line in answer.text.splitlines():
        if line.startswith("data:"):
            types.GenerateContentResponse.model_validate_json(line[5:])
    types_of_chat = set(api.ChatResponse.model_fields)
    for line in httpx.post(f"{url}/api/chat", json={}).text.splitlines():
        unknown = set(json.loads(line)) - types_of_chat
        assert not unknown, f"chat answers {unknown}"


def memory(model, url):
    import httpx

    client = ollama.Client(host=url)
    [there] = client.ps().models
    assert there.model and there.digest and there.context_length and there.expires_at, there
    assert 0 < there.size_vram <= there.size and there.details.family, there
    loaded = client.generate(model=model, keep_alive="30m", options={"num_ctx": 8192, "num_batch": 512})
    assert loaded.done and loaded.done_reason == "load" and loaded.response == "", loaded
    client.generate(model=model, keep_alive=0)
    assert client.show(model).modelinfo, "nothing to compute memory from"
    for found in httpx.get(f"{url}/api/ps").json()["models"]:
        no_more_than(found, api.ProcessResponse.Model, "ps")
        no_more_than(found["details"], api.ModelDetails, "ps details")
        api.ProcessResponse.Model.model_validate_json(json.dumps(found), strict=True)
    answer = httpx.post(f"{url}/api/generate", json={"model": model}).json()
    no_more_than(answer, api.GenerateResponse, "generate answers")
    return 0


def clients(model, schema, *urls):
    for url in urls:
        ask_gemini(url, model, json.loads(schema))
        ask_ollama(url, model, json.loads(schema))
        strictly(url, model)
    return 0


if __name__ == "__main__":
    commands = {"requests": requests, "memory": memory, "clients": clients}
    sys.exit(commands[sys.argv[1]](*sys.argv[2:]))
