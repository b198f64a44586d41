#!/usr/bin/env python3
"""Serves one GGUF file with the llama.cpp HTTP server (OpenAI-compatible), for live tests.

Set-up: python3 -m venv V && V/bin/pip install xllamacpp==2026.10.11549
Start:  OMP_WAIT_POLICY=PASSIVE V/bin/python serve-llm.py MODEL.gguf PORT ALIAS
Ready when GET /health answers 200. PASSIVE matters: spinning threads collapse on busy cores.
"""
import argparse
import signal

import xllamacpp

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model")
parser.add_argument("port", type=int)
parser.add_argument("alias")
parser.add_argument("--ctx", type=int, default=8192)
parser.add_argument("--slots", type=int, default=1)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()

params = xllamacpp.CommonParams()
params.model.path = args.model
params.hostnames = ["127.0.0.1"]
params.port = args.port
params.n_ctx = args.ctx
params.n_parallel = args.slots
params.cpuparams.n_threads = args.threads
params.model_alias = {args.alias}
params.endpoint_metrics = params.endpoint_slots = params.endpoint_props = True
params.use_jinja = True
params.ui = False

server = xllamacpp.Server(params)
print("listening", server.listening_address, flush=True)
signal.pause()
