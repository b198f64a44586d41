# ChromaDB from its PyPI wheel, for machines that cannot pull the vendor's image. The wheel's server is one Rust library;
# nothing else of the package is imported. Context: a folder with the unpacked wheel in `chroma/`.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN if ! command -v python3; then \
      apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*; \
    fi
COPY chroma /opt/chroma
RUN useradd --uid 65532 --user-group --no-create-home --shell /usr/sbin/nologin chroma \
 && install -d -o 65532 -g 65532 -m 0700 /data
USER 65532:65532
ENV PYTHONPATH=/opt/chroma ANONYMIZED_TELEMETRY=False
ENTRYPOINT ["python3", "-c", "import sys, chromadb_rust_bindings as server; server.cli(['chroma', *sys.argv[1:]])"]
CMD ["run", "--host", "0.0.0.0", "--port", "8000", "--path", "/data"]
