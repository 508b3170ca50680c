# The models behind the Open Inference Protocol. Build it from the root of the repository:
#   docker build -f docker/inference.Dockerfile -t medley-inference .
FROM node:24-slim AS manifests
WORKDIR /medley
COPY . .
# Only what npm reads stays, so that a change of code does not install all packages again.
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

FROM node:24-slim AS packages
WORKDIR /medley
COPY --from=manifests /medley ./
RUN npm ci --omit=dev --workspace=@medley/inference-server
# onnxruntime-node brings the libraries of all platforms, 290 MB; only this one's stay.
RUN cd node_modules/onnxruntime-node/bin/napi-v6 \
  && rm -rf darwin win32 \
  && find linux -mindepth 1 -maxdepth 1 ! -name "$(node -p process.arch)" -exec rm -rf {} +

FROM node:24-slim
ENV NODE_ENV=production MEDLEY_HOME=/data INFERENCE_HOST=0.0.0.0 INFERENCE_PORT=8000
WORKDIR /medley
# node_modules holds links to the workspaces: Node runs TypeScript only from files outside of node_modules.
COPY --from=packages /medley ./
COPY libs/config libs/config
COPY libs/onnx libs/onnx
COPY libs/blip libs/blip
COPY libs/inference-api libs/inference-api
COPY libs/inference libs/inference
COPY libs/media libs/media
COPY libs/storage libs/storage
COPY libs/tracing libs/tracing
COPY assets/model assets/model
COPY apps/inference apps/inference
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.INFERENCE_PORT + '/v2/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "apps/inference/src/main.ts"]
