import { CheckpointError } from "./checkpoint-error.ts";
import {
  applyGlobal,
  checkState,
  describe,
  makeObject,
  refusedCall,
  refusedGlobal,
  requireKey,
  storageReference,
} from "./pickle-calls.ts";
import { hasKind, KNOWN_GLOBALS, type PickleDict, type PickleList, type PickleValue } from "./pickle-values.ts";

// A training checkpoint of BLIP-L (weights, optimiser, two momentum copies) takes about 200,000 steps.
const MAX_STEPS = 20_000_000;
const MAX_STACK = 1_000_000;
const MAX_MEMO = 1_000_000;
// torch nests weights five deep. The machine does not recurse, so this limits memory, not the call stack.
const MAX_OPEN_MARKS = 1_000;
// The longest useful string is a tensor's name; a configuration kept as text may take some hundred kB.
const MAX_STRING_BYTES = 16_000_000;
// Random seeds take 8 bytes, generator states are tensors.
const MAX_INTEGER_BYTES = 256;

/** Opcodes that make objects by running code or reach outside the pickle: known, and refused by name. */
const REFUSED_OPCODES: Readonly<Record<number, string>> = {
  0x69: "INST",
  0x6f: "OBJ",
  0x92: "NEWOBJ_EX",
  0x82: "EXT1",
  0x83: "EXT2",
  0x84: "EXT4",
  0x50: "PERSID",
  0x97: "NEXT_BUFFER",
  0x98: "READONLY_BUFFER",
};

interface Machine {
  readonly bytes: Buffer;
  readonly memo: Map<number, PickleValue>;
  /** Stacks set aside by MARK, innermost last. */
  readonly marks: PickleValue[][];
  stack: PickleValue[];
  at: number;
}

/**
 * Reads one pickle of protocol 2 to 5 as torch.save writes it. This is a machine for data, not Python's: it knows the
 * names in KNOWN_GLOBALS, calls nothing and refuses the rest (HOSTILE_PICKLE), as torch's weights_only loader does.
 * Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 *
 * The one long function below is the list of opcodes.
 */
export function unpickle(bytes: Buffer): PickleValue {
  const machine: Machine = { bytes, memo: new Map(), marks: [], stack: [], at: 0 };
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const opcode = readUint(machine, 1);
    if (opcode === 0x2e) {
      // STOP
      const result = pop(machine);
      if (machine.stack.length > 0 || machine.marks.length > 0) throw malformed(machine, "stops with values left over");
      return result;
    }
    step(machine, opcode);
    if (machine.stack.length > MAX_STACK) throw tooLarge(machine, `stacks more than ${MAX_STACK} values`);
  }
  throw tooLarge(machine, `takes more than ${MAX_STEPS} steps`);
}

function step(machine: Machine, opcode: number): void {
  const { stack } = machine;
  switch (opcode) {
    // Framing
    case 0x80: // PROTO
      return checkProtocol(machine, readUint(machine, 1));
    case 0x95: // FRAME: a hint for readers of streams
      readLong(machine, 8);
      return;

    // Stack
    case 0x28: // MARK
      if (machine.marks.length >= MAX_OPEN_MARKS) throw tooLarge(machine, `nests more than ${MAX_OPEN_MARKS} deep`);
      machine.marks.push(stack);
      machine.stack = [];
      return;
    case 0x30: // POP
      if (stack.length === 0) popMark(machine);
      else stack.pop();
      return;
    case 0x31: // POP_MARK
      popMark(machine);
      return;
    case 0x32: // DUP
      stack.push(top(machine));
      return;

    // Memo
    case 0x71: // BINPUT
      return memoize(machine, readUint(machine, 1));
    case 0x72: // LONG_BINPUT
      return memoize(machine, readUint(machine, 4));
    case 0x94: // MEMOIZE
      return memoize(machine, machine.memo.size);
    case 0x68: // BINGET
      stack.push(recall(machine, readUint(machine, 1)));
      return;
    case 0x6a: // LONG_BINGET
      stack.push(recall(machine, readUint(machine, 4)));
      return;

    // Scalars
    case 0x4e: // NONE
      stack.push(null);
      return;
    case 0x88: // NEWTRUE
      stack.push(true);
      return;
    case 0x89: // NEWFALSE
      stack.push(false);
      return;
    case 0x4b: // BININT1
      stack.push(readUint(machine, 1));
      return;
    case 0x4d: // BININT2
      stack.push(readUint(machine, 2));
      return;
    case 0x4a: // BININT
      stack.push(readUint(machine, 4) | 0);
      return;
    case 0x8a: // LONG1
      stack.push(readInteger(machine, readUint(machine, 1)));
      return;
    case 0x8b: // LONG4: a negative length reads as one above 2 ** 31
      stack.push(readInteger(machine, readUint(machine, 4)));
      return;
    case 0x47: // BINFLOAT
      stack.push(take(machine, 8).readDoubleBE());
      return;
    case 0x8c: // SHORT_BINUNICODE
      stack.push(readString(machine, readUint(machine, 1)));
      return;
    case 0x58: // BINUNICODE
      stack.push(readString(machine, readUint(machine, 4)));
      return;
    case 0x8d: // BINUNICODE8
      stack.push(readString(machine, readLong(machine, 8)));
      return;
    case 0x43: // SHORT_BINBYTES
      stack.push(readBytes(machine, readUint(machine, 1)));
      return;
    case 0x42: // BINBYTES
      stack.push(readBytes(machine, readUint(machine, 4)));
      return;
    case 0x8e: // BINBYTES8
    case 0x96: // BYTEARRAY8
      stack.push(readBytes(machine, readLong(machine, 8)));
      return;
    case 0x55: // SHORT_BINSTRING: str of Python 2
      stack.push(readBytes(machine, readUint(machine, 1)).toString("latin1"));
      return;

    // Tuples
    case 0x29: // EMPTY_TUPLE
      stack.push({ kind: "tuple", items: [] });
      return;
    case 0x85: // TUPLE1
    case 0x86: // TUPLE2
    case 0x87: // TUPLE3
      stack.push({ kind: "tuple", items: popMany(machine, opcode - 0x84) });
      return;
    case 0x74: {
      // TUPLE
      const items = popMark(machine);
      machine.stack.push({ kind: "tuple", items });
      return;
    }

    // Lists
    case 0x5d: // EMPTY_LIST
      stack.push({ kind: "list", items: [] });
      return;
    case 0x6c: {
      // LIST
      const items = popMark(machine);
      machine.stack.push({ kind: "list", items });
      return;
    }
    case 0x61: {
      // APPEND
      const item = pop(machine);
      topList(machine).items.push(item);
      return;
    }
    case 0x65: {
      // APPENDS: not push(...items), which overflows the call stack for long lists
      const items = popMark(machine);
      const list = topList(machine);
      for (const item of items) list.items.push(item);
      return;
    }

    // Dictionaries
    case 0x7d: // EMPTY_DICT
      stack.push({ kind: "dict", ordered: false, entries: new Map() });
      return;
    case 0x64: {
      // DICT
      const items = popMark(machine);
      machine.stack.push({ kind: "dict", ordered: false, entries: new Map() });
      return setItems(machine, items);
    }
    case 0x73: {
      // SETITEM
      const items = popMany(machine, 2);
      return setItems(machine, items);
    }
    case 0x75: {
      // SETITEMS
      const items = popMark(machine);
      return setItems(machine, items);
    }

    // Globals and what may be made of them
    case 0x63: {
      // GLOBAL
      const module = readLine(machine);
      return pushGlobal(machine, module, readLine(machine));
    }
    case 0x93: {
      // STACK_GLOBAL
      const [module, attribute] = popMany(machine, 2);
      if (typeof module !== "string" || typeof attribute !== "string") {
        throw malformed(machine, "names a global with something other than strings");
      }
      return pushGlobal(machine, module, attribute);
    }
    case 0x52: {
      // REDUCE
      const [target = null, args] = popMany(machine, 2);
      if (!hasKind(target, "global")) throw refusedCall(describe(target));
      if (!hasKind(args, "tuple")) throw malformed(machine, `calls ${target.name} without a tuple of arguments`);
      stack.push(applyGlobal(target, args.items));
      return;
    }
    case 0x81: {
      // NEWOBJ
      const [target = null, args = null] = popMany(machine, 2);
      stack.push(makeObject(target, args));
      return;
    }
    case 0x62: {
      // BUILD
      const state = pop(machine);
      return checkState(top(machine), state);
    }
    case 0x51: {
      // BINPERSID
      const id = pop(machine);
      stack.push(storageReference(id));
      return;
    }

    default:
      throw refusedOpcode(machine, opcode);
  }
}

function refusedOpcode(machine: Machine, opcode: number): CheckpointError {
  // INST alone carries its names in place.
  if (opcode === 0x69) return refusedGlobal(readLine(machine), readLine(machine));
  const name = REFUSED_OPCODES[opcode];
  if (name !== undefined) return refusedCall(`an object into being with ${name}`);
  return malformed(machine, `has opcode 0x${opcode.toString(16).padStart(2, "0")}, which torch.save does not write`);
}

function checkProtocol(machine: Machine, protocol: number): void {
  if (protocol < 2 || protocol > 5) {
    throw new CheckpointError(
      "UNSUPPORTED",
      `The pickle has protocol ${protocol}, expected 2 to 5 (${where(machine)})`,
    );
  }
}

function pushGlobal(machine: Machine, module: string, attribute: string): void {
  const name = `${module}.${attribute}`;
  // The dots of a nested attribute could spell a known name in another way.
  const role = attribute.includes(".") ? undefined : KNOWN_GLOBALS.get(name);
  if (role === undefined) throw refusedGlobal(module, attribute);
  machine.stack.push({ kind: "global", role, name });
}

function setItems(machine: Machine, items: readonly PickleValue[]): void {
  const { entries } = topDict(machine);
  if (items.length % 2 !== 0) throw malformed(machine, "sets a key without its value");
  for (let index = 0; index < items.length; index += 2) {
    entries.set(requireKey(items[index] ?? null), items[index + 1] ?? null);
  }
}

function memoize(machine: Machine, key: number): void {
  machine.memo.set(key, top(machine));
  if (machine.memo.size > MAX_MEMO) throw tooLarge(machine, `remembers more than ${MAX_MEMO} values`);
}

function recall(machine: Machine, key: number): PickleValue {
  const value = machine.memo.get(key);
  if (value === undefined) throw malformed(machine, `recalls value ${key}, which it has not remembered`);
  return value;
}

function pop(machine: Machine): PickleValue {
  const value = machine.stack.pop();
  if (value === undefined) throw malformed(machine, "takes a value from an empty stack");
  return value;
}

/** The last values, in the order they were pushed. */
function popMany(machine: Machine, count: number): PickleValue[] {
  if (machine.stack.length < count) throw malformed(machine, `takes ${count} values from ${machine.stack.length}`);
  return machine.stack.splice(machine.stack.length - count);
}

/** Everything since the last MARK. Replaces machine.stack. */
function popMark(machine: Machine): PickleValue[] {
  const outer = machine.marks.pop();
  if (outer === undefined) throw malformed(machine, "closes a mark that it has not set");
  const items = machine.stack;
  machine.stack = outer;
  return items;
}

function top(machine: Machine): PickleValue {
  const value = machine.stack.at(-1);
  if (value === undefined) throw malformed(machine, "looks at an empty stack");
  return value;
}

function topList(machine: Machine): PickleList {
  const target = top(machine);
  if (!hasKind(target, "list")) throw malformed(machine, `appends to ${describe(target)}`);
  return target;
}

function topDict(machine: Machine): PickleDict {
  const target = top(machine);
  if (!hasKind(target, "dict")) throw malformed(machine, `sets an item of ${describe(target)}`);
  return target;
}

function take(machine: Machine, length: number): Buffer {
  const start = skip(machine, length);
  return machine.bytes.subarray(start, machine.at);
}

/** Moves past bytes that must be there and returns where they begin. */
function skip(machine: Machine, length: number): number {
  const start = machine.at;
  if (start + length > machine.bytes.length) {
    throw new CheckpointError(
      "TRUNCATED",
      `The pickle has ${machine.bytes.length} bytes, expected at least ${start + length}`,
    );
  }
  machine.at += length;
  return start;
}

function readUint(machine: Machine, length: 1 | 2 | 4): number {
  const start = skip(machine, length);
  return machine.bytes.readUIntLE(start, length);
}

function readLong(machine: Machine, length: 8): number {
  return Number(take(machine, length).readBigUInt64LE());
}

/** Two's complement, little-endian, of any length. */
function readInteger(machine: Machine, length: number): number | bigint {
  if (length > MAX_INTEGER_BYTES) throw tooLarge(machine, `has an integer of ${length} bytes`);
  if (length === 0) return 0;
  const digits = Buffer.from(take(machine, length)).reverse().toString("hex");
  const value = BigInt.asIntN(length * 8, BigInt(`0x${digits}`));
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function readString(machine: Machine, length: number): string {
  const bytes = readBytes(machine, length);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(machine, "has a string that is not UTF-8");
  }
}

function readBytes(machine: Machine, length: number): Buffer {
  if (length > MAX_STRING_BYTES) throw tooLarge(machine, `has a string of ${length} bytes`);
  return take(machine, length);
}

/** Up to the next line feed; only GLOBAL and INST use lines, for names. */
function readLine(machine: Machine): string {
  const end = machine.bytes.indexOf(0x0a, machine.at);
  if (end === -1) throw malformed(machine, "names a global without ending the line");
  const line = readString(machine, end - machine.at);
  machine.at = end + 1;
  return line;
}

function malformed(machine: Machine, problem: string): CheckpointError {
  return new CheckpointError("MALFORMED", `The pickle ${problem} (${where(machine)})`);
}

function tooLarge(machine: Machine, problem: string): CheckpointError {
  return new CheckpointError("TOO_LARGE", `The pickle ${problem} (${where(machine)})`);
}

function where(machine: Machine): string {
  return `before byte ${machine.at}`;
}
