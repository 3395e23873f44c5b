# Both bases can be pinned by digest: --build-arg BASE_IMAGE=…@sha256:… (docs/release.md).
ARG BUILD_IMAGE=docker.io/library/node:24-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN ["npm", "ci", "--ignore-scripts"]
COPY tsconfig.json LICENSE ./
COPY scripts scripts
COPY src src
ARG SOURCE_REVISION=""
ARG SOURCE_DATE_EPOCH=0
RUN ["node", "scripts/build.ts"]
RUN ["node", "scripts/image-files.ts", "/image"]

FROM ${BASE_IMAGE}
ARG BASE_IMAGE
ARG VERSION=""
ARG SOURCE_REVISION=""
ARG SOURCE_URL=""
LABEL org.opencontainers.image.title="baton-cursor" \
      org.opencontainers.image.description="Self-hosted Cursor connector for ConductorOne (C1)" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${SOURCE_REVISION}" \
      org.opencontainers.image.source="${SOURCE_URL}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"
# The allocator settings of dist/baton-cursor. The base names its system's authorities in SSL_CERT_FILE, which Node brings
# itself; here the variable is left to the operator.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=32768 \
    MALLOC_TRIM_THRESHOLD_=32768 \
    SSL_CERT_FILE=""
COPY --from=build --chown=0:0 /image/ /
USER 65532:65532
WORKDIR /tmp
EXPOSE 8081
STOPSIGNAL SIGTERM
# No shell anywhere: what dist/baton-cursor does in a script is said here.
ENTRYPOINT ["/nodejs/bin/node", "--expose-gc", "--max-semi-space-size=2", "/app/main.mjs"]
