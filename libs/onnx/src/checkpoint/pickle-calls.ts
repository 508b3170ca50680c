import { CheckpointError } from "./checkpoint-error.ts";
import {
  hasKind,
  type KnownGlobal,
  type PickleDict,
  type PickleTuple,
  type PickleValue,
  type StorageReference,
  type TensorReference,
} from "./pickle-values.ts";
import { quote } from "./quote.ts";

// The limit of PyTorch itself.
const MAX_RANK = 64;

/** What a REDUCE of a known global stands for. No call takes place: the arguments are checked and kept. */
export function applyGlobal(target: KnownGlobal, args: readonly PickleValue[]): PickleValue {
  switch (target.role.does) {
    case "ordered-dict":
      return orderedDict(args);
    case "rebuild-tensor":
      return tensorReference(target, args, target.role.withElementType);
    case "rebuild-parameter": {
      const [data] = args;
      if (!hasKind(data, "tensor")) throw unexpected(target, "a tensor as its first argument");
      return data;
    }
    case "size": {
      const [sizes] = args;
      if (!hasKind(sizes, "tuple")) throw unexpected(target, "a tuple");
      return sizes;
    }
    case "inert-call":
      return { kind: "inert", name: target.name, state: "none" };
    case "inert-with-tuple-state":
      return { kind: "inert", name: target.name, state: "tuple" };
    case "inert-object":
    case "storage-type":
    case "element-type":
      throw refusedCall(target.name);
    default: {
      const unknown: never = target.role;
      throw new Error(`Bug: global ${JSON.stringify(unknown)} has no meaning`);
    }
  }
}

/** NEWOBJ: an object without its constructor. Only argparse.Namespace may be made so, as a value that stays inert. */
export function makeObject(target: PickleValue, args: PickleValue): PickleValue {
  if (!hasKind(target, "global")) throw refusedCall(describe(target));
  if (target.role.does !== "inert-object" || !hasKind(args, "tuple") || args.items.length > 0) {
    throw refusedCall(target.name);
  }
  return { kind: "inert", name: target.name, state: "dict" };
}

/** BUILD sets attributes. They are dropped, and only the two kinds of object that carry them may have them set. */
export function checkState(target: PickleValue, state: PickleValue): void {
  if (hasKind(target, "inert") && target.state !== "none" && hasKind(state, target.state)) return;
  // nn.Module.state_dict() hangs its version numbers onto the dictionary as "_metadata".
  if (hasKind(target, "dict") && target.ordered && hasKind(state, "dict")) {
    if ([...state.entries.keys()].every((key) => key === "_metadata")) return;
  }
  throw new CheckpointError(
    "HOSTILE_PICKLE",
    `A pickle sets attributes on ${describe(target)} (BUILD), expected only _metadata on an OrderedDict. Nothing was run.`,
  );
}

/** BINPERSID: ("storage", storage type, key, device, number of elements). */
export function storageReference(id: PickleValue): StorageReference {
  if (hasKind(id, "tuple")) {
    const [tag, type, key, , elementCount, ...others] = id.items;
    if (
      tag === "storage" &&
      hasKind(type, "global") &&
      type.role.does === "storage-type" &&
      typeof key === "string" &&
      isSize(elementCount) &&
      others.length === 0
    ) {
      return { kind: "storage", element: type.role.element, key, elementCount };
    }
  }
  throw new CheckpointError(
    "MALFORMED",
    `A pickle refers to ${describe(id)}, expected ("storage", a torch storage type, a key, a device, a size)`,
  );
}

/** The refusal of a global that is outside the closed list. */
export function refusedGlobal(module: string, attribute: string): CheckpointError {
  return new CheckpointError(
    "HOSTILE_PICKLE",
    `The pickle asks for ${quote(`${module}.${attribute}`)}, which a checkpoint of tensors does not need. Nothing was ` +
      "run. If you trust the file, save its state_dict() alone, or save it as safetensors.",
  );
}

export function refusedCall(name: string): CheckpointError {
  return new CheckpointError("HOSTILE_PICKLE", `The pickle calls ${name}, which is not allowed. Nothing was run.`);
}

export function describe(value: PickleValue | undefined): string {
  if (hasKind(value, "global") || hasKind(value, "inert")) return value.name;
  if (typeof value === "object" && value !== null) return "kind" in value ? `a ${value.kind}` : "bytes";
  return quote(value);
}

function orderedDict(args: readonly PickleValue[]): PickleDict {
  const entries = new Map<PickleValue, PickleValue>();
  const [pairs, ...others] = args;
  if (others.length > 0 || (pairs !== undefined && !hasKind(pairs, "list"))) {
    throw new CheckpointError("MALFORMED", `An OrderedDict is made of ${describe(pairs)}, expected a list of pairs`);
  }
  for (const pair of pairs?.items ?? []) {
    const [key, value, ...more] = hasKind(pair, "list") || hasKind(pair, "tuple") ? pair.items : [];
    if (key === undefined || value === undefined || more.length > 0) {
      throw new CheckpointError("MALFORMED", `An OrderedDict is made of ${describe(pair)}, expected a pair`);
    }
    entries.set(requireKey(key), value);
  }
  return { kind: "dict", ordered: true, entries };
}

/** Python refuses lists and dictionaries as keys as well. */
export function requireKey(key: PickleValue): PickleValue {
  if (hasKind(key, "list") || hasKind(key, "dict")) {
    throw new CheckpointError("MALFORMED", `A pickle uses ${describe(key)} as a key, which Python cannot`);
  }
  return key;
}

/** v2: (storage, offset, size, stride, requires_grad, hooks[, metadata]); v3 has the dtype before the metadata. */
function tensorReference(target: KnownGlobal, args: readonly PickleValue[], withElementType: boolean): TensorReference {
  const [storage, storageOffset, shape, strides, , , ...rest] = args;
  const dtype = withElementType ? rest.shift() : undefined;
  const [metadata, ...others] = rest;
  if (!hasKind(storage, "storage")) throw unexpected(target, "a storage as its first argument");
  if (!isSize(storageOffset)) throw unexpected(target, `a storage offset, not ${describe(storageOffset)}`);
  if (!isSizes(shape) || !isSizes(strides) || shape.items.length !== strides.items.length) {
    throw unexpected(target, `two tuples of at most ${MAX_RANK} sizes and as many strides`);
  }
  if (args.length < 6 || others.length > 0) throw unexpected(target, "the arguments that torch.save writes");
  const changes = hasKind(metadata, "dict") ? metadata.entries : new Map<PickleValue, PickleValue>();
  return {
    kind: "tensor",
    storage,
    element: elementOf(target, storage, dtype),
    storageOffset,
    shape: shape.items,
    strides: strides.items,
    lazilyChanged: changes.get("neg") === true || changes.get("conj") === true,
  };
}

function elementOf(target: KnownGlobal, storage: StorageReference, dtype: PickleValue | undefined) {
  if (hasKind(dtype, "global") && dtype.role.does === "element-type" && storage.element === undefined) {
    return dtype.role.element;
  }
  if (dtype !== undefined || storage.element === undefined) throw unexpected(target, "one element type");
  return storage.element;
}

function isSize(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isSizes(value: PickleValue | undefined): value is PickleTuple & { readonly items: readonly number[] } {
  return hasKind(value, "tuple") && value.items.length <= MAX_RANK && value.items.every(isSize);
}

function unexpected(target: KnownGlobal, expected: string): CheckpointError {
  return new CheckpointError("MALFORMED", `${target.name} is given wrong arguments, expected ${expected}`);
}
