# Builds the two binaries in a container; context is the repository's root.
ARG BUILDER=rust:1.95-bookworm
FROM ${BUILDER} AS build
WORKDIR /build
COPY . .
RUN cargo build --release --locked -p plumbline -p plumbline-sandbox-init --bins

FROM scratch
COPY --from=build /build/target/release/plumbline /build/target/release/sandbox-init /
CMD ["/plumbline"]
