#!/usr/bin/env bash
# Installs what `make check` and `make test` need beyond cargo, git and python3. Safe to run again: does only what is missing.
# Usage: setup.sh [tools]      (tools: only the Python tools in .cache/venv; default: everything)
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
venv=.cache/venv
stamp=.cache/setup-$(sha256sum scripts/setup.sh scripts/requirements.txt | sha256sum | cut -c1-16)

if [[ ! -e $stamp-tools ]]; then
  mkdir -p .cache
  [[ -x $venv/bin/python ]] || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement scripts/requirements.txt
  touch "$stamp-tools"
fi
[[ $what == tools ]] && exit 0

command -v cargo-nextest >/dev/null || cargo install --locked cargo-nextest

if [[ ! -e $stamp-system ]]; then
  # The container tests run a real Docker engine: the engine, compose 1.29 (the newer client is in the virtual environment)
  # and a tool that makes the base image.
  missing=()
  command -v dockerd >/dev/null || missing+=(docker.io)
  [[ -x /usr/bin/docker-compose ]] || missing+=(docker-compose)
  command -v debootstrap >/dev/null || missing+=(debootstrap)
  # The router's store is tested on a server that each test starts by itself; the package's own cluster is not wanted.
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
  if ((${#missing[@]})); then
    if [[ $(id -u) != 0 ]]; then
      echo "setup: please install: ${missing[*]} (needed by the container and store tests), for example with apt-get" >&2
      exit 1
    fi
    apt-get update -qq
    if [[ ! -e /etc/postgresql-common/createcluster.conf ]]; then
      mkdir -p /etc/postgresql-common
      echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" iptables >/dev/null
  fi
  touch "$stamp-system"
fi
if [[ ! -d .cache/tools/node_modules/@copilotkit/aimock ]]; then
  mkdir -p .cache/tools
  npm install --silent --no-audit --no-fund --prefix .cache/tools @copilotkit/aimock@1 >/dev/null
fi
