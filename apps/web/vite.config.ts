import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const gateway = process.env["MEDLEY_URL"] ?? "http://127.0.0.1:4000";

export default defineConfig({
  plugins: [react()],
  // dist/types beside it belongs to tsc.
  build: { outDir: "dist/site", emptyOutDir: true },
  // `npm run dev -w @medley/web` works against a running gateway.
  server: {
    proxy: Object.fromEntries(
      ["/graphql", "/images", "/thumbnails"].map((path) => [path, { target: gateway, ws: path === "/graphql" }]),
    ),
  },
});
