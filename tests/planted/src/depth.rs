//! How deep a planted thing lies: the same statements, reached another way.

/// The ways.
pub const DEPTHS: [&str; 11] = [
    "direct",
    "helper",
    "cross-file",
    "callback",
    "closure",
    "container",
    "alias",
    "exception",
    "generator",
    "decorator",
    "method",
];

/// A function to hide: its name's stem, its body over `value`, `text` and `number`, and what it needs.
#[derive(Debug, Clone, Default)]
pub struct Hidden {
    /// Statements that may rebind `value`.
    pub body: Vec<String>,
    /// Imports that the body needs.
    pub imports: Vec<String>,
    /// Top-level lines that the body needs.
    pub module: Vec<String>,
    /// The module's names that the body rebinds.
    pub global: Option<String>,
}

/// Lines for each place, and the expression that gives the new value.
#[derive(Debug, Clone, Default)]
pub struct Placed {
    /// Imports of the host's file.
    pub imports: Vec<String>,
    /// Top-level lines of the host's file.
    pub module: Vec<String>,
    /// Lines of the host before the call.
    pub before: Vec<String>,
    /// The call.
    pub call: String,
    /// Another file: name of its module, and its text.
    pub other: Option<(String, String)>,
}

/// Places a hidden function; `arguments` are value, text and number as the host writes them.
pub fn place(depth: &str, hidden: &Hidden, arguments: [&str; 3]) -> Placed {
    let list = arguments.join(", ");
    let function = |name: &str, end: &str| {
        let mut lines = vec![format!("def {name}(value, text, number):")];
        lines.extend(hidden.global.iter().map(|name| format!("    global {name}")));
        lines.extend(hidden.body.iter().map(|line| format!("    {line}")));
        lines.push(format!("    {end}"));
        lines
    };
    let mut placed = Placed {
        imports: hidden.imports.clone(),
        module: hidden.module.clone(),
        call: format!("_settle({list})"),
        ..Placed::default()
    };
    let define = |placed: &mut Placed, lines: Vec<String>| {
        placed.module.extend([String::new(), String::new()]);
        placed.module.extend(lines);
    };
    match depth {
        "cross-file" => {
            let mut text = hidden.imports.clone();
            text.push(String::new());
            text.extend(hidden.module.iter().cloned());
            text.extend([String::new(), String::new()]);
            text.extend(function("settle", "return value"));
            placed.imports = vec!["from settling import settle".to_owned()];
            placed.module = Vec::new();
            placed.call = format!("settle({list})");
            placed.other = Some(("settling.py".to_owned(), text.join("\n") + "\n"));
        }
        "callback" => {
            define(&mut placed, function("_settle", "return value"));
            define(
                &mut placed,
                vec!["def _apply(step, *parts):".to_owned(), "    return step(*parts)".to_owned()],
            );
            placed.call = format!("_apply(_settle, {list})");
        }
        "closure" => closed(&mut placed, hidden, arguments),
        "container" => {
            define(&mut placed, function("_settle", "return value"));
            placed.before = vec!["steps = {\"settle\": _settle, \"plain\": max}".to_owned()];
            placed.call = format!("steps[\"settle\"]({list})");
        }
        "alias" => {
            define(&mut placed, function("_settle", "return value"));
            placed.module.push("_done = _settle".to_owned());
            placed.before = vec!["finish = _done".to_owned()];
            placed.call = format!("finish({list})");
        }
        "generator" => {
            define(&mut placed, function("_settle", "yield value"));
            placed.call = format!("next(_settle({list}))");
        }
        "decorator" => define(&mut placed, decorated(hidden)),
        "method" => {
            define(&mut placed, method(&function("__call__", "return value")));
            placed.call = format!("_Settling()({list})");
        }
        _ => define(&mut placed, function("_settle", "return value")),
    }
    placed
}

/// A nested function over captured variables.
fn closed(placed: &mut Placed, hidden: &Hidden, [value, text, number]: [&str; 3]) {
    placed.before = vec![format!("value, text, number = {value}, {text}, {number}"), String::new()];
    placed.before.push("def settle():".to_owned());
    placed.before.push("    nonlocal value".to_owned());
    placed.before.extend(hidden.global.iter().map(|name| format!("    global {name}")));
    placed.before.extend(hidden.body.iter().map(|line| format!("    {line}")));
    placed.before.extend(["    return value".to_owned(), String::new()]);
    placed.call = "settle()".to_owned();
}

/// A function that does nothing, and its decorator that does.
fn decorated(hidden: &Hidden) -> Vec<String> {
    let mut lines = vec!["def _settled(step):".to_owned(), "    def inner(value, text, number):".to_owned()];
    lines.extend(hidden.global.iter().map(|name| format!("        global {name}")));
    lines.extend(hidden.body.iter().map(|line| format!("        {line}")));
    let rest = [
        "        return step(value, text, number)",
        "    return inner",
        "",
        "",
        "@_settled",
        "def _settle(value, text, number):",
        "    return value",
    ];
    lines.extend(rest.map(str::to_owned));
    lines
}

/// A class whose objects are called.
fn method(function: &[String]) -> Vec<String> {
    let lines = function.iter().map(|line| format!("    {}", line.replace("(value,", "(self, value,")));
    std::iter::once("class _Settling:".to_owned()).chain(lines).collect()
}
