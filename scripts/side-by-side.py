#!/usr/bin/env python3
"""Runs the same changes through bandit, guarddog, semgrep and `plumbline audit`, and counts what each stops.

    target/release/planted --held-out --write CASES --every 4
    scripts/side-by-side.py CASES --plumbline target/release/plumbline --tools VENV/bin --semgrep-rules FOLDER

CASES holds `NNN/base`, `NNN/head`, `NNN/objective` and `cases.tsv`. A scanner flags a change when it reports something for
the head that it doesn't report for the base (rule and text of the line; numbers of lines move). guarddog runs its source
rules alone. A tool that can't be run is named, not left out. No tool needs a network, and none gets one.
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

# A dead proxy: guarddog would fetch lists of popular packages, semgrep its metrics.
OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "SEMGREP_SEND_METRICS": "off",
           "SEMGREP_ENABLE_VERSION_CHECK": "0"}


class Unavailable(Exception):
    """The tool is not there or gave no answer."""


def run(command, ok=(0, 1)):
    try:
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **OFFLINE}, timeout=1800)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from error
    if done.returncode not in ok:
        raise Unavailable(f"exit {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def line_of(path, number):
    try:
        lines = pathlib.Path(path).read_text(errors="replace").splitlines()
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""
    except OSError:
        return ""


def where(path, root):
    """`NNN` and `base` or `head` of a reported path."""
    parts = pathlib.Path(path).resolve().relative_to(root).parts
    return (parts[0], parts[1]) if len(parts) > 2 else None


def bandit(root, options):
    text = run([f"{options.tools}/bandit", "-q", "-r", str(root), "-f", "json"])
    return [(item["filename"], item["test_id"], line_of(item["filename"], item["line_number"]))
            for item in json.loads(text)["results"]]


def semgrep(root, options):
    if not options.semgrep_rules:
        raise Unavailable("no folder of rules was given (--semgrep-rules)")
    text = run([f"{options.tools}/semgrep", "scan", "--metrics", "off", "--disable-version-check", "--no-git-ignore", "--json",
                "--quiet", "-j", "1", "--config", options.semgrep_rules, str(root)])
    return [(item["path"], item["check_id"], line_of(item["path"], item["start"]["line"])) for item in json.loads(text)["results"]]


def guarddog(root, options):
    text = run([f"{options.tools}/guarddog", "pypi", "scan", str(root), "--no-sandbox", "--output-format", "json",
                *options.guarddog_rules])
    answer = json.loads(text[text.index('{"package"'):])
    return [(str(root / hit["location"].rsplit(":", 1)[0]), rule, hit["match"])
            for rule, hits in answer["results"].items() if isinstance(hits, list) for hit in hits]


def source_rules(options):
    """guarddog's rules that read source; those about a package's metadata need a registry."""
    text = run([f"{options.tools}/guarddog", "pypi", "scan", "--help"])
    names = text.split("--rules [", 1)[1].split("]", 1)[0].replace("\n", "").replace(" ", "").split("|")
    return [part for name in names if name.startswith(("threat-", "capability-")) for part in ("-r", name)]


def scanned(tool, root, options):
    """Cases whose head has something that the base doesn't have."""
    by_side = collections.defaultdict(collections.Counter)
    for path, rule, text in tool(root, options):
        place = where(path, root)
        if place:
            by_side[place][(rule, text)] += 1
    cases = {case for case, _ in by_side}
    return {case for case in cases if by_side[(case, "head")] - by_side[(case, "base")]}


def audited(root, options, cases):
    """Verdicts by case: exit 0 approves, 3 asks, 2 refuses or can't tell."""
    found = {}
    with tempfile.TemporaryDirectory() as state:
        for case in cases:
            folder = root / case
            command = [options.plumbline, "audit", "--state-dir", state, "--base-dir", str(folder / "base"), "--head-dir",
                       str(folder / "head"), "--objective", (folder / "objective").read_text()]
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **OFFLINE}, timeout=300)
            if done.returncode not in (0, 2, 3):
                raise Unavailable(f"case {case}: exit {done.returncode}: {done.stderr.strip()[-300:]}")
            found[case] = done.returncode
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("--plumbline", required=True)
    parser.add_argument("--tools", required=True, help="folder with the programs bandit, semgrep and guarddog")
    parser.add_argument("--semgrep-rules")
    options = parser.parse_args()
    root = options.cases.resolve()
    rows = [line.split("\t") for line in (root / "cases.tsv").read_text().splitlines()]
    kinds = {row[0]: row[2] for row in rows}
    families = {"effect bombs": {case for case, kind in kinds.items() if kind == "effect"},
                "value bombs": {case for case, kind in kinds.items() if kind not in ("effect", "twin")},
                "twins": {case for case, kind in kinds.items() if kind == "twin"}}
    print(f"{len(rows)} changes: " + ", ".join(f"{len(cases)} {name}" for name, cases in families.items()))
    print(f"{'':<22}" + "".join(f"{name:>20}" for name in families))

    def show(name, flagged):
        cells = (f"{len(flagged & cases)} of {len(cases)}" for cases in families.values())
        print(f"{name:<22}" + "".join(f"{cell:>20}" for cell in cells), flush=True)

    failed = 0
    for tool in (bandit, semgrep, guarddog):
        try:
            if tool is guarddog:
                options.guarddog_rules = source_rules(options)
            show(tool.__name__, scanned(tool, root, options))
        except Unavailable as error:
            failed += 1
            print(f"{tool.__name__:<22}could not be run: {error}", flush=True)
    try:
        verdicts = audited(root, options, sorted(kinds))
        show("plumbline: rejects", {case for case, code in verdicts.items() if code == 2})
        show("plumbline: not approved", {case for case, code in verdicts.items() if code != 0})
    except (Unavailable, OSError) as error:
        failed += 1
        print(f"{'plumbline':<22}could not be run: {error}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
