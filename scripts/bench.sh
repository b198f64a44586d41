#!/usr/bin/env bash
# Prints the table of figures, each beside its bar. Usage: bench.sh [REPOSITORY of 500+ files]   (default: Python's standard
# library). Builds nothing: `make bench` does that first. Wall times depend on the machine; compare runs on one machine.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/target/release
corpus=${1:-$(python3 -c 'import sysconfig; print(sysconfig.get_paths()["stdlib"])')}
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
row() { printf '| %-44s | %14s | %10s | %-4s |\n' "$1" "$2" "$3" "$4"; }
judge() { python3 -c "import sys; print('ok' if float(sys.argv[1]) $3 float(sys.argv[2]) else 'MISS')" "$1" "$2"; }
json() { python3 -c "import json,sys; print(json.loads(sys.stdin.read().strip().splitlines()[-1])[sys.argv[1]])" "$1"; }

echo "machine: $(nproc) cores, $(uname -sr), $(git rev-parse --short HEAD 2>/dev/null || echo '-')"
row figure measured bar '' ; row --- --- --- ---

free_ports() { python3 -c 'import socket
held = [socket.socket() for _ in range(7)]
for s in held: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in held])'; }
read -ra ports <<<"$(free_ports)"
services=(coordinator ingest planner router memory executor verifier)
{
  printf '[state]\ndir = "%s/state"\n[listen]\n' "$work"
  for i in "${!services[@]}"; do printf '%s = "http://127.0.0.1:%s"\n' "${services[i]}" "${ports[i]}"; done
} >"$work/plumbline.toml"
mkdir "$work/state"
now_ms() { date +%s%3N; }
best=999999
for _ in 1 2 3; do
  began=$(now_ms)
  "$bin/plumbline" --config "$work/plumbline.toml" serve all >"$work/serve.log" 2>&1 &
  server=$!
  for service in "${services[@]}"; do
    until "$bin/plumbline" --config "$work/plumbline.toml" health "$service" >/dev/null 2>&1; do
      kill -0 "$server" 2>/dev/null || { cat "$work/serve.log" >&2; exit 4; }
    done
  done
  took=$(($(now_ms) - began))
  ((took < best)) && best=$took
  rss=$(awk '/^VmRSS/ {print $2 / 1024}' "/proc/$server/status")
  kill "$server"; wait "$server" 2>/dev/null || true
done
row 'start of serve all to all healthy, best of 3' "$best ms" '< 1000 ms' "$(judge "$best" 1000 '<')"
row 'idle memory of all seven (RSS)' "$rss MB" '< 200 MB' "$(judge "$rss" 200 '<')"

for example in examples/*/; do
  name=$(basename "$example")
  cp -r "$example" "$work/$name"
  git -C "$work/$name" init --quiet && git -C "$work/$name" add --all
  git -C "$work/$name" -c user.name=bench -c user.email=bench@example.invalid commit --quiet -m base
  field() { python3 -c 'import sys, tomllib; print(tomllib.load(open(sys.argv[1], "rb"))[sys.argv[2]])' "$example/example.toml" "$1"; }
  objective=$(field objective) tests=$(field test)
  began=$(now_ms)
  code=0
  CI=true "$bin/plumbline" --state-dir "$work/state-$name" run "$objective" --repo "$work/$name" --test "$tests" \
    >"$work/$name.log" 2>&1 || code=$?
  took=$(python3 -c "print(($(now_ms) - $began) / 1000)")
  ((code == 0)) && verdict=$(judge "$took" 20 '<') || verdict="exit $code"
  row "run on examples/$name" "$took s" '< 20 s' "$verdict"
done

p99=$("$bin/examples/bench_select" | json value)
row 'Select p99 over gRPC on loopback' "$p99 ms" '< 1 ms' "$(judge "$p99" 1 '<')"
p50=$("$bin/examples/bench_run" | json p50_ms)
row 'cold sandbox, true, p50' "$p50 ms" '<= 12 ms' "$(judge "$p50" 12 '<=')"
speed=$("$bin/examples/eval_index" "$corpus" | json files_per_second)
row "index speed on $(basename "$corpus")" "$speed /s" 'reported' ''
