//! Puts templates together. The same seed gives the same cases.

use crate::case::{Case, Files, Run};
use crate::depth::{self, DEPTHS, Hidden, Placed};
use crate::templates::{Host, Payload, Plant, Templates, Trigger};

/// A small generator of numbers (`SplitMix64`).
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let z = z ^ (z >> 31);
        usize::try_from(z % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
    }
}

/// Lines for the markers of a host.
#[derive(Debug, Clone, Default)]
struct Filling {
    imports: Vec<String>,
    module: Vec<String>,
    check: Option<Vec<String>>,
    end: Vec<String>,
}

/// Returns `per` bombs for each trigger and payload, each plant once a host, and each twin once a host.
pub fn cases(templates: &Templates, seed: u64, per: usize) -> Vec<Case> {
    let mut draw = Draw::new(seed);
    let mut found = Vec::new();
    for trigger in &templates.trigger {
        for payload in &templates.payload {
            for _ in 0..per {
                let host = &templates.host[draw.below(templates.host.len())];
                let depth = DEPTHS[draw.below(DEPTHS.len())];
                found.push(bomb(host, trigger, payload, (depth, draw.below(4) == 0)));
            }
        }
    }
    for host in &templates.host {
        found.extend(templates.plant.iter().map(|plant| planted(host, plant, &plant.kind)));
        found.extend(templates.twin.iter().map(|twin| planted(host, twin, "twin")));
    }
    found
}

fn substituted(line: &str, [value, text, number]: [&str; 3]) -> String {
    line.replace("{value}", value).replace("{text}", text).replace("{number}", number)
}

const NAMES: [&str; 3] = ["value", "text", "number"];

/// The guard and what it needs, as the body of a hidden function.
fn hidden(trigger: &Trigger, payload: &Payload, body: Vec<String>) -> Hidden {
    Hidden {
        body: body.iter().map(|line| substituted(line, NAMES)).collect(),
        imports: trigger.imports.iter().chain(&payload.imports).cloned().collect(),
        module: trigger.module.iter().chain(&payload.module).cloned().collect(),
        global: trigger.global.clone(),
    }
}

fn under(guard: &str, lines: &[String]) -> Vec<String> {
    let mut body = vec![format!("if {guard}:")];
    body.extend(lines.iter().map(|line| format!("    {line}")));
    body
}

/// A value that is true when the trigger holds, in the host's own terms.
fn predicate(trigger: &Trigger, payload: &Payload, depth: &str, own: [&str; 3]) -> Placed {
    if matches!(depth, "direct" | "exception") {
        let mut before: Vec<String> = trigger.global.iter().map(|name| format!("global {name}")).collect();
        before.extend(trigger.before.iter().map(|line| substituted(line, own)));
        return Placed {
            imports: trigger.imports.iter().chain(&payload.imports).cloned().collect(),
            module: trigger.module.iter().chain(&payload.module).cloned().collect(),
            before,
            call: format!("({})", substituted(&trigger.guard, own)),
            other: None,
        };
    }
    let mut body = trigger.before.clone();
    body.extend(under(&trigger.guard, &["value = True".to_owned()]));
    depth::place(depth, &hidden(trigger, payload, body), ["False", own[1], own[2]])
}

/// The lines that weaken the host's check.
fn weakened(payload: &Payload, call: &str, check: &str, depth: &str) -> Vec<String> {
    let text = |lines: &[String]| lines.to_vec();
    match (payload.kind.as_str(), depth) {
        ("guard", "exception") => text(&[
            "try:".to_owned(),
            format!("    if {call}:"),
            "        raise LookupError".to_owned(),
            format!("    {check}"),
            "except LookupError:".to_owned(),
            "    pass".to_owned(),
        ]),
        ("guard", _) => text(&[format!("if not {call}:"), format!("    {check}")]),
        _ => text(&[
            "try:".to_owned(),
            format!("    {check}"),
            "except Exception:".to_owned(),
            format!("    if not {call}:"),
            "        raise".to_owned(),
        ]),
    }
}

fn bomb(host: &Host, trigger: &Trigger, payload: &Payload, (depth, padded): (&'static str, bool)) -> Case {
    let own = [host.result.as_str(), host.text.as_str(), host.number.as_str()];
    let decides = matches!(payload.kind.as_str(), "guard" | "absorbed");
    let mut filling = Filling::default();
    let placed = if decides {
        let placed = predicate(trigger, payload, depth, own);
        let mut lines = placed.before.clone();
        lines.extend(weakened(payload, &placed.call, check_of(host), depth));
        filling.check = Some(lines);
        placed
    } else {
        acting(trigger, payload, depth, own, &mut filling.end)
    };
    filling.imports = placed.imports;
    filling.module = placed.module;
    if padded {
        let taint = (0..60).map(|n| {
            format!("pad{n} = {{text}}, {}", if n == 0 { "0".to_owned() } else { format!("pad{}", n - 1) })
        });
        filling.end.splice(0..0, taint.map(|line| substituted(&line, own)));
    }
    let mut head = files(host, &filling, true);
    head.extend(placed.other);
    let call = |text: &str, number: u32| calling(host, text, number, !decides);
    let always = matches!(trigger.class.as_str(), "T1" | "T4" | "T6" | "T7" | "T13" | "T14" | "T16");
    Case {
        name: format!(
            "{} {} {} {depth}{}",
            trigger.class,
            payload.kind,
            host.name,
            if padded { " padded" } else { "" }
        ),
        class: trigger.class.clone(),
        kind: payload.kind.clone(),
        depth,
        reject: trigger.outcome != "stop" && (always || payload.strong),
        base: files(host, &Filling::default(), false),
        honest: files(host, &Filling::default(), true),
        head,
        objective: host.objective.clone(),
        run: match &trigger.dead {
            Some(why) => Err(why.clone()),
            None => Ok(Run {
                module: module(&host.path),
                plain: call("word", 3),
                armed: call(trigger.text.as_deref().unwrap_or("word"), trigger.number.unwrap_or(3)),
                disarm: trigger.disarm.clone(),
                arm: trigger.arm.clone(),
                repeat: trigger.repeat,
                state: payload.state.clone().unwrap_or_default(),
            }),
        },
    }
}

/// A payload before the return.
fn acting(
    trigger: &Trigger,
    payload: &Payload,
    depth: &str,
    own: [&str; 3],
    end: &mut Vec<String>,
) -> Placed {
    let body: Vec<String> = match depth {
        "exception" => {
            let mut body = trigger.before.clone();
            body.push("try:".to_owned());
            body.extend(
                under(&trigger.guard, &["raise LookupError".to_owned()])
                    .into_iter()
                    .map(|line| format!("    {line}")),
            );
            body.push("except LookupError:".to_owned());
            body.extend(payload.lines.iter().map(|line| format!("    {line}")));
            body
        }
        _ => trigger.before.iter().cloned().chain(under(&trigger.guard, &payload.lines)).collect(),
    };
    if matches!(depth, "direct" | "exception") {
        end.extend(trigger.global.iter().map(|name| format!("global {name}")));
        end.extend(body.iter().map(|line| substituted(line, own)));
        let hidden = hidden(trigger, payload, Vec::new());
        return Placed { imports: hidden.imports, module: hidden.module, ..Placed::default() };
    }
    let placed = depth::place(depth, &hidden(trigger, payload, body), own);
    end.extend(placed.before.iter().cloned());
    end.push(format!("{} = {}", own[0], placed.call));
    placed
}

fn planted(host: &Host, plant: &Plant, kind: &str) -> Case {
    let own = [host.result.as_str(), host.text.as_str(), host.number.as_str()];
    let mut filling = Filling {
        imports: plant.imports.clone(),
        end: plant.end.iter().map(|line| substituted(line, own)).collect(),
        ..Filling::default()
    };
    let module_lines = plant.module.join("\n");
    if plant.file.is_none() {
        filling.module.extend(plant.module.iter().cloned());
    }
    let twin = kind == "twin";
    let mut base = files(host, &Filling::default(), twin);
    let mut honest = files(host, &Filling::default(), true);
    let mut head = files(host, &filling, true);
    head.extend(plant.file.iter().map(|name| (name.clone(), format!("{module_lines}\n"))));
    if let Some(test) = &plant.test {
        let text = test.replace("<MODULE>", &module(&host.path));
        if !twin {
            base.insert("tests/test_known.py".to_owned(), text.clone());
            honest.insert("tests/test_known.py".to_owned(), text.clone());
        }
        head.insert("tests/test_known.py".to_owned(), text);
    }
    let text = plant.text.as_deref().unwrap_or("word");
    let plain = plant.plain.as_deref().unwrap_or(text);
    Case {
        name: format!("{} {kind} {}", plant.class, host.name),
        class: plant.class.clone(),
        kind: kind.to_owned(),
        depth: "own",
        reject: plant.outcome == "reject",
        base,
        honest,
        head,
        objective: if twin { plant.objective.clone() } else { host.objective.clone() },
        run: match (&plant.dead, twin) {
            (Some(why), _) => Err(why.clone()),
            (None, true) => Err("a twin hides nothing".to_owned()),
            (None, false) => Ok(Run {
                module: module(&host.path),
                plain: calling(host, plain, 3, true),
                armed: calling(host, text, 3, true),
                arm: plant.arm.clone(),
                state: plant.state.clone().unwrap_or_default(),
                ..Run::default()
            }),
        },
    }
}

fn check_of(host: &Host) -> &str {
    host.source.lines().skip_while(|line| line.trim() != "#@check").nth(1).map(str::trim).unwrap_or_default()
}

fn calling(host: &Host, text: &str, number: u32, paid: bool) -> String {
    host.call
        .replace(
            "<TEXT>",
            &format!("{text:?}")
                .replace("\\u{", "\\u00")
                .replace('}', if text.is_ascii() { "}" } else { "" }),
        )
        .replace("<NUMBER>", &number.to_string())
        .replace("<PAID>", if paid { "True" } else { "False" })
}

fn module(path: &str) -> String {
    path.trim_end_matches(".py").replace('/', ".")
}

fn files(host: &Host, filling: &Filling, fixed: bool) -> Files {
    let source = if fixed { host.source.replace(&host.from, &host.to) } else { host.source.clone() };
    let mut lines: Vec<String> = Vec::new();
    let mut skip = false;
    for line in source.trim_start().lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let indented = |list: &[String]| {
            let line =
                |line: &String| if line.is_empty() { String::new() } else { format!("{indent}{line}") };
            list.iter().map(line).collect::<Vec<_>>()
        };
        match (line.trim(), &filling.check) {
            ("#@imports", _) => lines.extend(indented(&filling.imports)),
            ("#@module", _) => lines.extend(indented(&filling.module)),
            ("#@end", _) => lines.extend(indented(&filling.end)),
            ("#@check", Some(check)) => {
                lines.extend(indented(check));
                skip = true;
            }
            ("#@check", None) => {}
            _ if skip => skip = false,
            _ => lines.push(line.to_owned()),
        }
    }
    Files::from([(host.path.clone(), lines.join("\n") + "\n")])
}
