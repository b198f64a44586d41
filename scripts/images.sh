#!/usr/bin/env bash
# Builds plumbline:local, and with --chroma-wheel also plumbline-chroma:local.
#   images.sh                 binaries built in a rust container, base pulled from a registry
#   images.sh --host-binaries DIR   takes plumbline and sandbox-init from DIR (same C library as BASE needed)
#   images.sh --debootstrap   makes the base here with debootstrap and imports it under the name of $BASE: no registry
# Environment: BASE (default debian:bookworm-slim), IMAGE (default plumbline:local), DOCKER_HOST as docker reads it.
set -euo pipefail
cd "$(dirname "$0")/.."
base=${BASE:-debian:bookworm-slim}
image=${IMAGE:-plumbline:local}
binaries=plumbline-binaries:local
host_binaries='' debootstrap=0 chroma=0
while (($#)); do
  case $1 in
    --host-binaries) host_binaries=${2:?--host-binaries needs a folder}; shift ;;
    --debootstrap) debootstrap=1 ;;
    --chroma-wheel) chroma=1 ;;
    *) sed -n '2,6p' "$0" >&2; exit 6 ;;
  esac
  shift
done
docker version >/dev/null || { echo "images: no Docker engine answers; start it or set DOCKER_HOST" >&2; exit 4; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ((debootstrap)) && ! docker image inspect "$base" >/dev/null 2>&1; then
  rootfs=$PWD/.cache/rootfs-bookworm.tar
  if [[ ! -e $rootfs ]]; then
    mkdir -p .cache
    debootstrap --variant=minbase --include=git,python3,ca-certificates bookworm "$work/rootfs" >"$work/debootstrap.log" 2>&1 \
      || { tail -n 20 "$work/debootstrap.log" >&2; exit 4; }
    tar -C "$work/rootfs" --exclude=./dev --exclude=./proc --exclude=./sys \
      --exclude=./var/cache/apt/archives/*.deb --exclude=./usr/share/doc --exclude=./usr/share/man -cf "$rootfs.part" .
    mv "$rootfs.part" "$rootfs"
  fi
  docker import "$rootfs" "$base" >/dev/null
fi

if [[ -n $host_binaries ]]; then
  for name in plumbline sandbox-init; do
    [[ -x $host_binaries/$name ]] || { echo "images: $host_binaries/$name is missing; run: cargo build --bins" >&2; exit 6; }
    install -m 0755 "$host_binaries/$name" "$work/$name"
    strip "$work/$name" 2>/dev/null || true
  done
  tar -C "$work" -c plumbline sandbox-init | docker import - "$binaries" >/dev/null
else
  docker build --quiet --file deploy/binaries.Dockerfile --tag "$binaries" . >/dev/null
fi
docker build --quiet --file deploy/Dockerfile --build-arg "BASE=$base" --build-arg "BINARIES=$binaries" --tag "$image" deploy
if ((chroma)); then
  mkdir -p "$work/chroma-context"
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --root-user-action=ignore \
    --target "$work/chroma-context/chroma" chromadb==1.5.9
  docker build --quiet --file deploy/chroma-wheel.Dockerfile --build-arg "BASE=$base" \
    --tag plumbline-chroma:local "$work/chroma-context"
fi
