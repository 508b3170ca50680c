import { existsSync } from "node:fs";
import { join } from "node:path";
import express, { Router } from "express";

const MISSING =
  "The web page is not built. Run: npm run build -w @medley/web\nGraphQL is at /graphql, GraphiQL at /graphiql.\n";

/** `/`: the built web page. Names of its assets hold their content's hash, so browsers may keep them. */
export function createSiteRouter(directory: string): Router {
  const router = Router();
  const security = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'";
  router.get("/", (_request, response, next) => {
    response.set("Content-Security-Policy", security);
    if (existsSync(join(directory, "index.html"))) return next();
    response.status(503).type("text").send(MISSING);
  });
  router.use("/assets", express.static(join(directory, "assets"), { immutable: true, maxAge: "1y", index: false }));
  router.use(express.static(directory));
  return router;
}
