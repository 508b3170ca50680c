# GraphQL, pictures and the web page. Build it from the root of the repository:
#   docker build -f docker/gateway.Dockerfile -t medley-gateway .
FROM node:24-slim AS manifests
WORKDIR /medley
COPY . .
# Only what npm reads stays, so that a change of code does not install all packages again.
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

FROM node:24-slim AS packages
WORKDIR /medley
COPY --from=manifests /medley ./
RUN npm ci --omit=dev --workspace=@medley/gateway
# onnxruntime-node, for searches in memory, brings the libraries of all platforms, 290 MB; only this one's stay.
RUN cd node_modules/onnxruntime-node/bin/napi-v6 \
  && rm -rf darwin win32 \
  && find linux -mindepth 1 -maxdepth 1 ! -name "$(node -p process.arch)" -exec rm -rf {} +

FROM node:24-slim AS page
WORKDIR /medley
COPY --from=manifests /medley ./
RUN npm ci --workspace=@medley/web --include-workspace-root
COPY tsconfig.base.json ./
COPY apps/web apps/web
RUN npm run build --workspace=@medley/web

FROM node:24-slim
ENV NODE_ENV=production MEDLEY_HOME=/data MEDLEY_HOST=0.0.0.0 MEDLEY_PORT=4000
WORKDIR /medley
# node_modules holds links to the workspaces: Node runs TypeScript only from files outside of node_modules.
COPY --from=packages /medley ./
COPY libs/calibration libs/calibration
COPY libs/config libs/config
COPY libs/fetch libs/fetch
COPY libs/inference-api libs/inference-api
COPY libs/media libs/media
COPY libs/storage libs/storage
COPY libs/onnx libs/onnx
COPY libs/scan libs/scan
COPY libs/search libs/search
COPY libs/tracing libs/tracing
COPY migrations migrations
COPY apps/gateway apps/gateway
COPY --from=page /medley/apps/web/dist/site apps/web/dist/site
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4000
# The process answers; whether searches can be answered is at /readyz.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.MEDLEY_PORT + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "apps/gateway/src/main.ts"]
