// Loaded with `node --import`: writes the address of every module of OpenTelemetry that this process or one of its threads loads
// into the file MEDLEY_LOADED_MODULES, after a first line that says that it looks.
import { appendFileSync } from "node:fs";
import { registerHooks } from "node:module";

const file = process.env["MEDLEY_LOADED_MODULES"];
if (file === undefined)
  throw new Error("MEDLEY_LOADED_MODULES is unset, expected the file that modules are listed in.");
appendFileSync(file, "recording\n");
registerHooks({
  load(url, context, next) {
    if (url.includes("/@opentelemetry/")) appendFileSync(file, `${url}\n`);
    return next(url, context);
  },
});
