import { expect, test } from "vitest";
import { DateTime } from "./scalars.ts";

test.each(["2026-01-31T12:00:00Z", "2026-01-31T23:30:00-08:00", "2024-02-29T00:00:00.000+01:00"])(
  "takes %s",
  (text) => {
    expect(DateTime.parseValue(text)).toEqual(new Date(text));
  },
);

test.each(["2026-02-31T00:00:00Z", "2025-02-29T00:00:00Z", "2026-01-31", "T", "soon", 5, null])(
  "refuses %s",
  (value) => {
    expect(() => DateTime.parseValue(value)).toThrow(`DateTime is ${JSON.stringify(value)}, expected ISO 8601`);
  },
);
