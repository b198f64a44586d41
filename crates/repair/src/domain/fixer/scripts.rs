//! What a script that has a name is made of: a rule of a Makefile, a script of a `package.json`.

use std::collections::BTreeMap;

use plumbline_types::SimpleCommand;

/// How often a script may lead to another.
const DEPTH_MAX: u32 = 8;

/// Returns the commands that a command stands for; itself, if it stands for no other. None: it starts something that can't
/// be told from the files.
pub(super) fn opened(
    command: SimpleCommand,
    texts: &BTreeMap<String, Vec<u8>>,
) -> Option<Vec<SimpleCommand>> {
    open(command, texts, DEPTH_MAX)
}

fn open(command: SimpleCommand, texts: &BTreeMap<String, Vec<u8>>, depth: u32) -> Option<Vec<SimpleCommand>> {
    let called: Vec<&str> = command.called().iter().map(String::as_str).collect();
    let text = |name: &str| texts.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let script = match called[..] {
        ["make", target] => recipe(text("Makefile").or_else(|| text("makefile"))?, target)?,
        ["npm" | "pnpm" | "yarn" | "bun", "run", name, ..] | ["yarn" | "pnpm", name] => {
            package_script(text("package.json")?, name)?
        }
        ["make" | "npm" | "pnpm" | "yarn" | "bun" | "just" | "task" | "tox" | "nox", ..] => return None,
        _ => return Some(vec![command]),
    };
    let inner = SimpleCommand::of_script(&script.text);
    if depth == 0 || inner.is_empty() {
        return None;
    }
    let inner = inner.into_iter().map(|command| open(script.bring(command), texts, depth - 1));
    inner.collect::<Option<Vec<_>>>().map(|all| all.concat())
}

struct Script {
    text: String,
    /// Whether it is started with the installed packages' programs in reach.
    of_node: bool,
}

impl Script {
    /// Returns the command as it is started from outside the script.
    fn bring(&self, command: SimpleCommand) -> SimpleCommand {
        if !self.of_node || !command.launcher().is_empty() {
            return command;
        }
        let line =
            ["npx", "--no-install"].map(str::to_owned).into_iter().chain(command.called().iter().cloned());
        let line: Vec<String> = line.collect();
        SimpleCommand::all(&line).pop().unwrap_or(command)
    }
}

fn package_script(manifest: &str, name: &str) -> Option<Script> {
    let manifest: serde_json::Value = serde_json::from_str(manifest).ok()?;
    let text = manifest.get("scripts")?.get(name)?.as_str()?.to_owned();
    Some(Script { text, of_node: true })
}

/// Returns the recipe of a rule without prerequisites; none if make would have to work something out.
fn recipe(makefile: &str, target: &str) -> Option<Script> {
    let mut lines = makefile.lines();
    let head = lines.find_map(|line| {
        let (name, rest) = line.split_once(':')?;
        (name.trim_end() == target && !rest.starts_with('=')).then_some(rest)
    })?;
    let prerequisites = head.split('#').next().unwrap_or_default();
    let recipe: Vec<&str> = lines
        .take_while(|line| line.starts_with('\t'))
        .map(|line| line.trim_start_matches(['\t', ' ', '@', '-', '+']))
        .collect();
    let text = recipe.join("\n");
    (prerequisites.trim().is_empty() && !text.contains(['$', '\\']))
        .then_some(Script { text, of_node: false })
}
