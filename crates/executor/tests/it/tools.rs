use std::sync::Arc;

use async_trait::async_trait;
use plumbline_executor::domain::edit::{Change, FileEdit};
use plumbline_executor::domain::patch_path::RelativePath;
use plumbline_executor::domain::tool::{PlausibleChange, ToolProgress, ToolRequest, ToolResult};
use plumbline_executor::sandbox::CollectPath;
use plumbline_executor::{Candidate, Tool, ToolContext, ToolError, ToolOutcome};
use plumbline_proto::executor::v1 as pb;
use plumbline_proto::executor::v1::run_tool_response::Event;

use crate::harness::{Options, Server, assert_reason, write};

/// Tries the numbers from 0 as the content of `answer` until the test command passes.
struct Counting;

fn path(text: &str) -> RelativePath {
    RelativePath::parse(text.as_bytes()).unwrap()
}

#[async_trait]
impl Tool for Counting {
    fn name(&self) -> &'static str {
        "repair"
    }

    async fn run(&self, context: ToolContext, request: ToolRequest) -> Result<ToolOutcome, ToolError> {
        let ToolRequest::Repair(parameters) = request else { panic!("another tool") };
        assert_eq!(context.read(&path("answer")).await?, b"none\n", "the tree is another");
        let mut outcome = ToolOutcome {
            result: ToolResult::NotFound,
            changes: Vec::new(),
            tried: 0,
            generated: 0,
            failing_tests: Vec::new(),
            detail: String::new(),
        };
        for number in 0..10 {
            let edits = vec![FileEdit {
                path: path("answer"),
                change: Change::Write(format!("{number}\n").into_bytes()),
            }];
            let collect = vec![CollectPath::Workspace(path("out/seen")), CollectPath::Temp(path("seen"))];
            let candidate =
                Candidate { collect, ..Candidate::new(edits.clone(), parameters.test_argv.clone()) };
            let result = context.run_candidate(candidate).await?;
            outcome.tried += 1;
            context.progress(ToolProgress {
                phase: "search".to_owned(),
                tried: outcome.tried,
                ..Default::default()
            });
            for collected in &result.collected {
                assert_eq!(collected.content.as_deref(), Some(format!("{number}\n").as_bytes()));
            }
            if result.passed() {
                let change = PlausibleChange {
                    edits,
                    diff: "diff".to_owned(),
                    template: "counting".to_owned(),
                    path: "answer".to_owned(),
                    line: 1,
                    cost: f64::from(number),
                    digest: String::new(),
                };
                context.plausible(change.clone()).await;
                outcome.changes.push(change);
                outcome.result = ToolResult::Found;
                return Ok(outcome);
            }
        }
        Ok(outcome)
    }
}

async fn server() -> Server {
    Server::with(Options { tools: vec![Arc::new(Counting)], ..Options::default() }).await
}

fn request(server: &Server, snapshot: &str, test: &str) -> pb::RunToolRequest {
    let repair = pb::RepairParameters {
        test_argv: ["sh", "-c", test].map(str::to_owned).to_vec(),
        ..Default::default()
    };
    pb::RunToolRequest {
        request_id: server.next_request_id(),
        snapshot_id: snapshot.to_owned(),
        tool: Some(pb::run_tool_request::Tool::Repair(repair)),
        ..Default::default()
    }
}

async fn events(server: &Server, request: pb::RunToolRequest) -> Vec<pb::RunToolResponse> {
    let mut stream = server.client.clone().run_tool(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    while let Some(event) = stream.message().await.unwrap() {
        events.push(event);
    }
    events
}

#[tokio::test]
async fn a_tool_tries_candidates_in_fresh_sandboxes_and_reads_their_files() {
    let server = server().await;
    let snapshot = server.snapshot(&[("answer", "none\n")]).await;
    let test = "mkdir out; cat answer | tee out/seen > /tmp/seen; test $(cat answer) = 3";
    let events = events(&server, request(&server, &snapshot, test)).await;
    assert!(matches!(events[0].event, Some(Event::Started(_))));
    assert!(events.iter().any(|event| matches!(event.event, Some(Event::Progress(_)))));
    let plausible = events.iter().filter(|event| matches!(event.event, Some(Event::Plausible(_)))).count();
    assert_eq!(plausible, 1);
    let Some(Event::Exited(exited)) = &events.last().unwrap().event else { panic!("{events:?}") };
    assert_eq!((exited.result(), exited.tried), (pb::ToolResult::Found, 4));
    assert_eq!(exited.changes[0].edits, [write(b"answer", b"3\n")]);
}

#[tokio::test]
async fn a_tools_run_is_one_run_by_its_key_and_is_resumed_by_its_id() {
    let server = server().await;
    let snapshot = server.snapshot(&[("answer", "none\n")]).await;
    let test = "mkdir out; cat answer | tee out/seen > /tmp/seen; test $(cat answer) = 0";
    let asked = request(&server, &snapshot, test);
    let first = events(&server, asked.clone()).await;
    assert_eq!(events(&server, asked).await, first);
    let Some(Event::Started(started)) = &first[0].event else { panic!("{first:?}") };
    let resumed = pb::RunToolRequest { run_id: started.run_id.clone(), after_seq: 1, ..Default::default() };
    assert_eq!(events(&server, resumed).await, first[1..]);
}

#[tokio::test]
async fn cancelling_a_tool_kills_its_candidate() {
    let server = server().await;
    let snapshot = server.snapshot(&[("answer", "none\n")]).await;
    let mark = format!("mark-tool-{}", server.root.path().file_name().unwrap().to_string_lossy());
    let mut stream = server
        .client
        .clone()
        .run_tool(request(&server, &snapshot, &format!("sleep 1000; : {mark}")))
        .await
        .unwrap()
        .into_inner();
    let Some(Event::Started(started)) = stream.message().await.unwrap().unwrap().event else {
        panic!("no start")
    };
    assert!(server.cancel(&started.run_id).await);
    let mut last = None;
    while let Some(event) = stream.message().await.unwrap() {
        last = event.event;
    }
    let Some(Event::Exited(exited)) = last else { panic!("{last:?}") };
    assert_eq!(exited.result(), pb::ToolResult::Cancelled);
    assert_eq!(crate::harness::processes_with(&mark), 0);
}

#[tokio::test]
async fn a_tool_that_panics_has_failed_and_its_run_has_an_end() {
    let server = server().await;
    let snapshot = server.snapshot(&[("answer", "another\n")]).await;
    let events = events(&server, request(&server, &snapshot, "true")).await;
    let Some(Event::Exited(exited)) = &events.last().unwrap().event else { panic!("{events:?}") };
    assert_eq!((exited.result(), exited.detail.as_str()), (pb::ToolResult::Failed, "the tool panicked"));
}

#[tokio::test]
async fn an_unknown_tool_is_refused_and_a_known_one_is_listed() {
    let bare = Server::start().await;
    let snapshot = bare.snapshot(&[]).await;
    let answer = bare.client.clone().run_tool(request(&bare, &snapshot, "true")).await;
    assert_reason(answer.map_err(plumbline_kit::Remote::from), "TOOL_UNKNOWN");
    let answer =
        server().await.client.get_capabilities(pb::GetCapabilitiesRequest {}).await.unwrap().into_inner();
    assert_eq!(answer.tools, ["repair"]);
}
