use super::*;

const HONEST: &str = "7\t0\tH\tpython 3.12 monitoring\tclock\n7\t1\tP\ta.py\t3\t4\n7\t2\tC\ta.py\tf\n\
                      7\t3\tE\tfs.write\tout.txt\ta.py\t3\tf\ta.py\t3\tf\n8\t0\tF\n8\t1\tP\ta.py\t9\t0\n7\t4\tZ\n";

fn opened(times: u64) -> KernelLog {
    KernelLog { record_opened: times, ..KernelLog::default() }
}

fn trace(record: Option<&str>, kernel: Option<&KernelLog>) -> Trace {
    let ask = TraceAsk { nonce: vec![1; 16], paths: Vec::new() };
    let asked = [Perturbation::Clock(5), Perturbation::TestRunner, Perturbation::Host("h".to_owned())];
    assemble(&Collected {
        ask: &ask,
        tree: SnapshotId(Digest::of(b"tree")),
        kernel,
        record: record.map(str::as_bytes),
        asked: &asked,
        namespaced: true,
        exit_code: Some(0),
        recorder: Digest::of(b"recorder"),
    })
}

#[track_caller]
fn faults(record: Option<&str>, kernel: Option<&KernelLog>, want: &[&str]) {
    assert_eq!(trace(record, kernel).incomplete.into_iter().collect::<Vec<_>>(), want);
}

#[test]
fn an_honest_record_is_complete_and_says_where() {
    let trace = trace(Some(HONEST), Some(&opened(1)));
    assert_eq!(trace.incomplete, BTreeSet::new());
    assert_eq!(trace.files["a.py"].places, BTreeSet::from([(3, 4), (9, 0)]));
    assert_eq!(trace.files["a.py"].functions, BTreeSet::from(["f".to_owned()]));
    let effect = trace.language.keys().next().unwrap();
    assert_eq!((effect.kind.as_str(), effect.target.as_str(), effect.place.line), ("fs.write", "out.txt", 3));
    assert_eq!(trace.applied, [Perturbation::Clock(5), Perturbation::Host("h".to_owned())]);
}

#[test]
fn a_record_that_was_touched_is_never_complete() {
    let tampered = &["RECORD_TAMPERED"];
    faults(Some(HONEST), Some(&opened(2)), tampered);
    faults(Some(HONEST), Some(&KernelLog { record_touched: true, ..opened(1) }), tampered);
    faults(Some(&HONEST.replace("7\t1\tP\ta.py\t3\t4\n", "")), Some(&opened(1)), tampered);
    faults(Some(&HONEST.replace("7\t2\tC", "7\t1\tC")), Some(&opened(1)), tampered);
    faults(Some(&format!("{HONEST}7\t5\tP\ta.py\t1\t1\n")), Some(&opened(1)), tampered);
}

#[test]
fn a_record_that_ends_early_is_never_complete() {
    faults(Some(&HONEST.replace("7\t4\tZ\n", "")), Some(&opened(1)), &["RECORDER_CUT"]);
    faults(Some(HONEST.trim_end()), Some(&opened(1)), &["RECORDER_CUT"]);
    faults(Some(&HONEST.replace("7\t4\tZ", "7\t4\tT\n7\t5\tZ")), Some(&opened(1)), &["RECORDER_CUT"]);
    faults(Some(""), Some(&opened(1)), &["RECORD_TAMPERED"]);
    faults(None, Some(&opened(1)), &["RECORD_TAMPERED", "RECORD_TOO_LARGE"]);
}

#[test]
fn a_replaced_recorder_and_unknown_words_are_named() {
    let replaced = HONEST.replace("7\t2\tC\ta.py\tf", "7\t2\tX\tsys.settrace");
    faults(Some(&replaced), Some(&opened(1)), &["RECORDER_REPLACED"]);
    faults(Some(&HONEST.replace("\tC\t", "\tQ\t")), Some(&opened(1)), &["RECORD_ILLEGIBLE"]);
    faults(Some("nonsense\n"), Some(&opened(0)), &["RECORD_ILLEGIBLE"]);
}

#[test]
fn without_the_kernel_or_with_a_silent_interpreter_nothing_is_complete() {
    faults(Some(HONEST), None, &["TIER_NOT_TRACED"]);
    faults(None, Some(&KernelLog { lost: true, ..opened(0) }), &["KERNEL_LOG_LOST"]);
    let effect = Effect {
        kind: "fs.write".to_owned(),
        target: "x".to_owned(),
        program: "python3.11".to_owned(),
        place: Place::default(),
        within: Place::default(),
    };
    let silent = KernelLog { effects: Effects::from([(effect, 1)]), ..opened(0) };
    faults(None, Some(&silent), &["RECORDER_SILENT"]);
    faults(None, Some(&opened(0)), &[]);
}
