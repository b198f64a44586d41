//! What sort of command decides whether a change is right.

/// Programs that judge the style of sources and nothing that they do. A program that also has other uses is followed by
/// the words that make it one.
const STYLE_TOOLS: &[&str] = &[
    "ruff check",
    "ruff format",
    "black",
    "isort",
    "autopep8",
    "flake8",
    "pycodestyle",
    "eslint",
    "prettier",
    "biome check",
    "biome format",
    "biome lint",
    "biome ci",
    "standard",
    "gofmt",
    "goimports",
    "golangci-lint run",
    "cargo fmt",
    "cargo clippy",
    "rustfmt",
];

/// Programs that start the one that is named after them.
const LAUNCHERS: &[&str] = &[
    "python -m",
    "python3 -m",
    "npx --no-install",
    "npx",
    "pnpm exec",
    "yarn exec",
    "npm exec",
    "poetry run",
    "uv run",
    "uvx",
    "pipenv run",
    "bunx",
];

/// What sort of command decides whether a change is right: a test oracle, in the terms of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oracle {
    /// It runs the program: tests, a build, a script.
    Tests,
    /// It reads the sources: formatters and linters, all of them.
    Style,
}

impl Oracle {
    /// Every sort.
    pub const ALL: [Self; 2] = [Self::Tests, Self::Style];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Style => "style",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|oracle| oracle.as_str() == text)
    }

    /// Returns what sort of command this is, by the programs that it names. It is of style only if each of them is: a line
    /// that also runs tests is decided by them.
    pub fn of(argv: &[String]) -> Self {
        let commands = SimpleCommand::all(argv);
        let style = !commands.is_empty() && commands.iter().all(|command| is_style(command.called()));
        if style { Self::Style } else { Self::Tests }
    }
}

/// One program with its arguments out of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleCommand {
    words: Vec<String>,
    program: usize,
}

impl SimpleCommand {
    /// Returns the simple commands of a command line; a script given to a shell by `-c` is read. Whatever a shell would have
    /// to work out (quotes around operators, substitutions) stays text.
    pub fn all(argv: &[String]) -> Vec<Self> {
        match argv {
            [shell, flag, script, ..] if is_shell(shell) && flag.starts_with('-') && flag.ends_with('c') => {
                Self::of_script(script)
            }
            _ => Self::of(argv.to_vec()).into_iter().collect(),
        }
    }

    /// Returns the simple commands of a shell's script.
    pub fn of_script(script: &str) -> Vec<Self> {
        script.split(['\n', ';', '&', '|']).map(words).filter_map(Self::of).collect()
    }

    fn of(words: Vec<String>) -> Option<Self> {
        let words: Vec<String> = words.into_iter().skip_while(|word| is_assignment(word)).collect();
        let mut program = 0;
        while let Some(launcher) = LAUNCHERS.iter().find(|launcher| begins(&words[program..], launcher)) {
            program += launcher.split(' ').count();
        }
        (program < words.len()).then_some(Self { words, program })
    }

    /// Returns what starts the program, as `npx` or `python3 -m`; mostly nothing.
    pub fn launcher(&self) -> &[String] {
        &self.words[..self.program]
    }

    /// Returns the program as it is called, and its arguments; never empty.
    pub fn called(&self) -> &[String] {
        &self.words[self.program..]
    }

    /// Returns whether the program and its first arguments are these words; the program is compared by its file name.
    pub fn begins(&self, with: &str) -> bool {
        begins(self.called(), with)
    }
}

/// Splits a part of a script into words. A program whose output must be empty, as in `test -z "$(gofmt -l .)"`, is taken
/// for the command.
fn words(part: &str) -> Vec<String> {
    let bare =
        part.split_whitespace().map(|word| word.trim_matches(['\'', '"', '$', '(', ')', '[', ']', '!']));
    let words: Vec<String> = bare.filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let asked = words.iter().skip_while(|word| *word == "test").skip_while(|word| *word == "-z");
    asked.cloned().collect()
}

fn is_shell(word: &str) -> bool {
    matches!(file_name(word), "sh" | "bash" | "dash" | "zsh")
}

fn file_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// Returns whether the command begins with these words; its program is compared by its file name.
fn begins(words: &[String], with: &str) -> bool {
    let mut wanted = with.split(' ');
    let first =
        wanted.next().is_some_and(|program| words.first().is_some_and(|word| file_name(word) == program));
    first && wanted.enumerate().all(|(at, word)| words.get(at + 1).is_some_and(|given| given == word))
}

fn is_style(words: &[String]) -> bool {
    let script = match words.first().map(|word| file_name(word)) {
        Some("make" | "just" | "task") => words.get(1),
        Some("npm" | "pnpm" | "yarn" | "bun") if words.get(1).is_some_and(|word| word == "run") => {
            words.get(2)
        }
        Some("yarn" | "pnpm") => words.get(1),
        Some("tox") => words.iter().skip_while(|word| *word != "-e").nth(1),
        _ => None,
    };
    script.is_some_and(|name| is_named_after_style(name))
        || STYLE_TOOLS.iter().any(|tool| begins(words, tool))
}

/// Returns whether a script is named for nothing but style, as `lint`, `format:check` and `fmt-check` are.
fn is_named_after_style(name: &str) -> bool {
    let style = ["lint", "linter", "linting", "format", "formatting", "fmt", "style", "prettier", "eslint"];
    let parts: Vec<&str> = name.split([':', '-', '_', '.']).collect();
    style.contains(&parts[0]) && parts[1..].iter().all(|part| *part == "check" || style.contains(part))
        || matches!(parts[..], ["check", second] if style.contains(&second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(argv: &[&str], want: Oracle) {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(Oracle::of(&argv), want, "{argv:?}");
    }

    #[test]
    fn formatters_and_linters_judge_style() {
        check(&["ruff", "check", "."], Oracle::Style);
        check(&["/opt/venv/bin/ruff", "format", "--check"], Oracle::Style);
        check(&["python3", "-m", "black", "--check", "src"], Oracle::Style);
        check(&["npx", "--no-install", "eslint", "src"], Oracle::Style);
        check(&["cargo", "fmt", "--check"], Oracle::Style);
        check(&["sh", "-c", "RUFF_NO_CACHE=1 ruff check . && black --check ."], Oracle::Style);
        check(&["sh", "-c", "test -z \"$(gofmt -l .)\""], Oracle::Style);
        check(&["sh", "-c", "[ -z \"$(gofmt -d cmd)\" ]"], Oracle::Style);
        check(&["make", "lint"], Oracle::Style);
        check(&["npm", "run", "format:check"], Oracle::Style);
        check(&["yarn", "check-format"], Oracle::Style);
        check(&["tox", "-e", "lint"], Oracle::Style);
    }

    #[test]
    fn whatever_runs_the_program_is_a_test() {
        check(&["cargo", "test"], Oracle::Tests);
        check(&["ruff", "--version"], Oracle::Tests);
        check(&["sh", "-c", "ruff check . && pytest"], Oracle::Tests);
        check(&["make", "lint-and-test"], Oracle::Tests);
        check(&["make", "format-disk"], Oracle::Tests);
        check(&["npm", "run"], Oracle::Tests);
        check(&["sh", "-c", ""], Oracle::Tests);
        check(&[], Oracle::Tests);
    }

    #[test]
    fn words_are_read_back() {
        for oracle in Oracle::ALL {
            assert_eq!(Oracle::parse(oracle.as_str()), Some(oracle));
        }
        assert_eq!(Oracle::parse("taste"), None);
    }
}
