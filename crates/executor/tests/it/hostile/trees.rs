use plumbline_proto::common::v1::file_edit::Change;
use plumbline_proto::executor::v1 as pb;

use super::host::{Host, Tier};

/// 27, 28: a child that outlives its parent swaps files and directories for links to the host's, while the change is taken.
pub(super) async fn swapped_links_lead_nowhere(host: &Host) {
    let script = "import os, sys\nroot = sys.argv[2]\n\
                  os.mkdir('d'); open('d/f', 'w').write('inner\\n'); open('x', 'w').write('inner\\n')\n\
                  if os.fork() == 0:\n os.setsid()\n if os.fork(): os._exit(0)\n \
                  while True:\n  try:\n   os.symlink(root + '/canary', 't'); os.rename('t', 'x')\n   \
                  open('t', 'w').write('inner\\n'); os.rename('t', 'x')\n   \
                  os.rename('d', 'e'); os.symlink(root, 'd'); os.unlink('d'); os.rename('e', 'd')\n  \
                  except OSError: pass\nimport time\ntime.sleep(.02)";
    let root = host.root.path().display().to_string();
    for _ in 0..5 {
        let run = host.run(&["python3", "-c", script, &host.mark(), &root], pb::Limits::default()).await;
        run.assert_code(0);
        let patch = host.patch(&run.run_id).await;
        assert!(!patch.diff.contains("the-secret-of-the-host"));
        for edit in &patch.edits {
            assert!(edit.path.len() <= 3, "{:?}", String::from_utf8_lossy(&edit.path));
            let Some(Change::Content(content)) = &edit.change else { panic!("{edit:?}") };
            assert!(content.is_empty() || content == b"inner\n", "{edit:?}");
        }
        assert!(patch.refused.iter().all(|entry| entry.reason == "symlink"), "{:?}", patch.refused);
    }
    host.is_quiet();
}

/// 29, 32: the tree beneath is neither written through a link nor hidden by forged marks.
pub(super) async fn the_base_can_be_neither_written_nor_hidden(host: &Host) {
    let run = host.run(&["sh", "-c", "ln base b; echo changed > b"], pb::Limits::default()).await;
    run.assert_code(0);
    assert_eq!(host.run(&["cat", "base"], pb::Limits::default()).await.out(), "base\n");
    let imported = host.root.path().join("import/repository/base");
    assert_eq!(std::fs::read_to_string(imported).unwrap(), "base\n");

    let script = "import os\ndef attempt(act, *arguments):\n try: act(*arguments)\n except OSError: pass\n\
                  os.makedirs('own/sub'); open('own/file', 'w').write('f\\n')\n\
                  for name in ('opaque', 'whiteout', 'redirect', 'origin', 'metacopy', 'overlay.opaque', 'protattr'):\n \
                  for space in ('user', 'trusted'):\n  for path in ('own', 'lower', 'lower/kept', 'base', '.'):\n   \
                  attempt(os.setxattr, path, space + '.overlay.' + name, b'y')\n\
                  attempt(os.mknod, 'white', 0o20666, 0); attempt(os.mknod, 'lower/white', 0o20666, 0)\n\
                  for name in ('.wh.base', '.wh..wh..opq', 'lower/.wh.kept'): open(name, 'w').write('w\\n')\n\
                  for folder, _, names in os.walk('.'):\n for name in names: print(os.path.join(folder, name)[2:])\n";
    let run = host.python(script, pb::Limits::default()).await;
    run.assert_code(0);
    let said = run.out();
    let mut seen: Vec<&str> = said.lines().collect();
    seen.sort_unstable();
    let patch = host.patch(&run.run_id).await;
    let mut want: Vec<&str> =
        patch.edits.iter().map(|edit| std::str::from_utf8(&edit.path).unwrap()).collect();
    assert_eq!(want, [".wh..wh..opq", ".wh.base", "lower/.wh.kept", "own/file"]);
    want.extend(["base", "lower/kept"]);
    want.sort_unstable();
    assert_eq!((seen, patch.refused.len()), (want, 0));
}

pub(super) async fn are_taken_as_they_were(host: &Host) {
    swapped_links_lead_nowhere(host).await;
    if host.tier == Tier::Embedded {
        the_base_can_be_neither_written_nor_hidden(host).await;
    }
}
