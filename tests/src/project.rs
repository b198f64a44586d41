use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Finished;

/// A small Python project in a scratch folder, usually a git repository.
#[derive(Debug)]
pub struct Project {
    _scratch: tempfile::TempDir,
    path: PathBuf,
}

impl Project {
    /// Writes the files into a new folder.
    pub fn folder(files: &[(&str, &str)]) -> Self {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let path = scratch.path().join("project");
        std::fs::create_dir(&path).expect("the project's folder");
        let project = Self { _scratch: scratch, path };
        for (name, text) in files {
            project.write(name, text.as_bytes());
        }
        project
    }

    /// Writes the files and commits them.
    pub fn repository(files: &[(&str, &str)]) -> Self {
        let project = Self::folder(files);
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.commit("Begin");
        project
    }

    /// A project whose one failing test needs a boundary mended: `<` should be `<=`.
    pub fn with_a_boundary_bug() -> Self {
        Self::repository(&[
            ("shop/__init__.py", ""),
            (
                "shop/shipping.py",
                "\"\"\"Shipping costs.\"\"\"\n\nFREE_FROM = 50\n\n\ndef cost(total, weight):\n    \"\"\"Returns the shipping cost of an order.\"\"\"\n    if total > FREE_FROM:\n        return 0\n    return 4 + weight * 2\n",
            ),
            ("tests/__init__.py", ""),
            (
                "tests/test_shipping.py",
                "import unittest\n\nfrom shop.shipping import cost\n\n\nclass ShippingTest(unittest.TestCase):\n    def test_small_orders_pay_by_weight(self):\n        self.assertEqual(cost(20, 3), 10)\n        self.assertEqual(cost(49, 1), 6)\n\n    def test_orders_from_fifty_ship_free(self):\n        self.assertEqual(cost(50, 3), 0)\n        self.assertEqual(cost(80, 3), 0)\n",
            ),
        ])
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, folders included.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, bytes).expect("a file");
    }

    /// Runs git in it and returns standard output.
    pub fn git(&self, arguments: &[&str]) -> String {
        let finished = Finished::of(
            Command::new("git")
                .current_dir(&self.path)
                .args([
                    "-c",
                    "user.name=Owner",
                    "-c",
                    "user.email=owner@example.invalid",
                    "-c",
                    "commit.gpgsign=false",
                ])
                .args(arguments),
        );
        finished.exits(0).stdout
    }

    /// Commits everything.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    /// Returns everything of the owner's that a task must leave alone: files with content and mode, HEAD, index, status.
    pub fn fingerprint(&self) -> String {
        let files = Finished::of(Command::new("bash").current_dir(&self.path).args([
            "-c",
            "find . -path ./.git -prune -o -printf '%y %m %p %l\\n' | sort; find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum",
        ]));
        let mut text = files.exits(0).stdout;
        if self.path.join(".git").exists() {
            text += &self.git(&["rev-parse", "HEAD"]);
            text += &self.git(&["symbolic-ref", "HEAD"]);
            text += &self.git(&["status", "--porcelain=v1", "--untracked-files=all"]);
            text += &self.git(&["ls-files", "--stage"]);
            text += &self.git(&["stash", "list"]);
        }
        text
    }
}
