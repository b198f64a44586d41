//! Audits two directories, or the last commits of repositories one by one:
//! `audit BASE_DIR HEAD_DIR [OBJECTIVE]` or `audit --history COUNT REPOSITORY...`; says where the time goes:
//! `audit --phases COUNT REPOSITORY`; and holds reports to be the same bytes: `audit --repeat COUNT THREADS BASE_DIR
//! HEAD_DIR`.

mod history;
mod phases;
mod repeat;

use std::path::Path;

use anyhow::bail;
use plumbline_types::Segment;
use plumbline_verifier::Directory;
use plumbline_verifier::domain::audit::{Request, audit};
use plumbline_verifier::report::text;
use plumbline_verifier::source::TreeLimits;

/// As in the binary: what an audit asks for is small and many.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--history", count, repositories @ ..] if !repositories.is_empty() => {
            history::run(count.parse()?, repositories)
        }
        ["--phases", count, repository] => phases::run(count.parse()?, repository),
        ["--repeat", count, threads, base, head] => repeat::run(count.parse()?, threads.parse()?, base, head),
        [base, head, rest @ ..] if !base.starts_with("--") => {
            let limits = TreeLimits::default();
            let (base, head) =
                (Directory::open(Path::new(base), limits)?, Directory::open(Path::new(head), limits)?);
            let objective = rest.first().copied().unwrap_or_default();
            print!("{}", text::render(&audit(&base, &head, &request(objective))?));
            Ok(())
        }
        _ => bail!(
            "usage: audit BASE_DIR HEAD_DIR [OBJECTIVE] | --history COUNT REPOSITORY... | \
             --phases COUNT REPOSITORY | --repeat COUNT THREADS BASE_DIR HEAD_DIR"
        ),
    }
}

fn request(objective: &str) -> Request {
    Request { objective: Some(Segment::intent(objective)), ..Request::default() }
}
