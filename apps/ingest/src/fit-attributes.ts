import {
  type Attributes,
  type AttributeSchema,
  attributesBySha256,
  convertAttributes,
  lockAttributeSchema,
  missingAttributes,
  type Queryable,
} from "@medley/storage";
import { IngestError } from "./ingest-error.ts";
import type { CheckedFinding, GoodFinding } from "./register-pictures.ts";

/**
 * Gives the attributes of what was found the types that the corpus declares. Where one does not fit, or a required one is missing, the line is
 * rejected as a whole: the corpus keeps what it has of the picture. Call it in the transaction that saves them.
 */
export async function fitAttributes(
  db: Queryable,
  corpusId: string,
  checked: readonly CheckedFinding[],
): Promise<readonly CheckedFinding[]> {
  const schema = await lockAttributeSchema(db, corpusId);
  if (schema.length === 0) return checked;
  const sha256s = checked.flatMap((entry) => (entry.kind === "good" ? [entry.sha256] : []));
  const isAnyRequired = schema.some(({ required }) => required);
  const known = isAnyRequired ? await attributesBySha256(db, corpusId, sha256s) : new Map<string, Attributes>();
  return checked.map((entry) => (entry.kind === "good" ? fit(schema, known, entry) : entry));
}

/** @param known  the attributes of pictures in the corpus; those that fit are added, for the next line about the same picture */
function fit(schema: AttributeSchema, known: Map<string, Attributes>, entry: GoodFinding): CheckedFinding {
  const { finding, sha256 } = entry;
  const converted = convertAttributes(schema, finding.attributes);
  if (!converted.ok) return refuse(entry, converted.problems);
  // What a camera wrote is no line that somebody could mend.
  const metadata = Object.fromEntries(
    Object.entries(entry.metadata).flatMap(([name, value]) => {
      const one = convertAttributes(schema, { [name]: value });
      return one.ok ? Object.entries(one.attributes) : [];
    }),
  );
  const all = { ...metadata, ...known.get(sha256), ...converted.attributes };
  const missing = missingAttributes(schema, all);
  if (missing.length > 0) return refuse(entry, missing);
  known.set(sha256, all);
  return { ...entry, metadata, finding: { ...finding, attributes: converted.attributes } };
}

function refuse({ finding }: GoodFinding, problems: readonly string[]): CheckedFinding {
  const { path, file, attributesFrom } = finding;
  const where = attributesFrom === undefined ? `"${path}"` : `${attributesFrom} ("${path}")`;
  const advice = "Mend it, or what the corpus declares, and run the same ingest again.";
  const error = new IngestError("INVALID_ATTRIBUTE", `${where} was not taken. ${problems.join(" ")} ${advice}`);
  return { kind: "bad", path, file, code: error.code, message: error.message };
}
