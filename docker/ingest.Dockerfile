# The worker that brings pictures into a corpus. Build it from the root of the repository:
#   docker build -f docker/ingest.Dockerfile -t medley-ingest .
FROM node:24-slim AS manifests
WORKDIR /medley
COPY . .
# Only what npm reads stays, so that a change of code does not install all packages again.
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

FROM node:24-slim AS packages
WORKDIR /medley
COPY --from=manifests /medley ./
RUN npm ci --omit=dev --workspace=@medley/ingest

FROM node:24-slim
ENV NODE_ENV=production MEDLEY_HOME=/data
WORKDIR /medley
# node_modules holds links to the workspaces: Node runs TypeScript only from files outside of node_modules.
COPY --from=packages /medley ./
COPY libs/calibration libs/calibration
COPY libs/capfilt libs/capfilt
COPY libs/config libs/config
COPY libs/fetch libs/fetch
COPY libs/inference-api libs/inference-api
COPY libs/media libs/media
COPY libs/storage libs/storage
COPY libs/search libs/search
COPY libs/tracing libs/tracing
COPY migrations migrations
COPY apps/ingest apps/ingest
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
# It serves nothing that could be asked: it ends when it cannot go on, and whoever runs the container starts it again.
HEALTHCHECK NONE
ENTRYPOINT ["node", "apps/ingest/src/main.ts"]
CMD ["work", "--watch"]
