import type { ElementType } from "../element-type.ts";

/** What the pickle machine can hold. Nothing here can run: a global is a name out of a closed list. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleList
  | PickleTuple
  | PickleDict
  | KnownGlobal
  | StorageReference
  | TensorReference
  | InertValue;

export interface PickleList {
  readonly kind: "list";
  readonly items: PickleValue[];
}

export interface PickleTuple {
  readonly kind: "tuple";
  readonly items: readonly PickleValue[];
}

/** dict and OrderedDict. Tuples as keys are told apart by identity, which loses no weights. */
export interface PickleDict {
  readonly kind: "dict";
  readonly ordered: boolean;
  readonly entries: Map<PickleValue, PickleValue>;
}

export interface KnownGlobal {
  readonly kind: "global";
  readonly role: GlobalRole;
  /** As written in the pickle: module and attribute joined by a dot. */
  readonly name: string;
}

/** An element type as the file names it; elementType is undefined when the readers do not know it. */
export interface NamedElementType {
  readonly name: string;
  readonly elementType: ElementType | undefined;
}

export interface StorageReference {
  readonly kind: "storage";
  /** undefined for an untyped storage, which counts bytes. */
  readonly element: NamedElementType | undefined;
  readonly key: string;
  readonly elementCount: number;
}

/** The arguments of torch._utils._rebuild_tensor_v2 or _v3, with their types checked and their bounds not. */
export interface TensorReference {
  readonly kind: "tensor";
  readonly storage: StorageReference;
  readonly element: NamedElementType;
  readonly storageOffset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** torch marks that the numbers must still be negated or conjugated when read. */
  readonly lazilyChanged: boolean;
}

/** A value that is known by its type only, such as a command line's argparse.Namespace. */
export interface InertValue {
  readonly kind: "inert";
  readonly name: string;
  /** What BUILD may set on it, and is then dropped. */
  readonly state: "dict" | "tuple" | "none";
}

export type GlobalRole =
  | { readonly does: "ordered-dict" }
  | { readonly does: "rebuild-tensor"; readonly withElementType: boolean }
  | { readonly does: "rebuild-parameter" }
  | { readonly does: "size" }
  | { readonly does: "inert-call" }
  | { readonly does: "inert-object" }
  | { readonly does: "inert-with-tuple-state" }
  | { readonly does: "storage-type"; readonly element: NamedElementType | undefined }
  | { readonly does: "element-type"; readonly element: NamedElementType };

const STORAGE_ELEMENTS: Readonly<Record<string, NamedElementType>> = {
  DoubleStorage: { name: "float64", elementType: "float64" },
  FloatStorage: { name: "float32", elementType: "float32" },
  HalfStorage: { name: "float16", elementType: "float16" },
  BFloat16Storage: { name: "bfloat16", elementType: "bfloat16" },
  LongStorage: { name: "int64", elementType: "int64" },
  IntStorage: { name: "int32", elementType: "int32" },
  ShortStorage: { name: "int16", elementType: "int16" },
  CharStorage: { name: "int8", elementType: "int8" },
  ByteStorage: { name: "uint8", elementType: "uint8" },
  BoolStorage: { name: "bool", elementType: "bool" },
  ComplexFloatStorage: { name: "complex64", elementType: undefined },
  ComplexDoubleStorage: { name: "complex128", elementType: undefined },
};

const UNREADABLE_ELEMENTS = [
  ..."uint16 uint32 uint64 complex32 complex64 complex128".split(" "),
  ..."float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2".split(" "),
];

/** Everything a pickle may ask for. A name that is missing here is refused before anything is made of it. */
export const KNOWN_GLOBALS: ReadonlyMap<string, GlobalRole> = new Map<string, GlobalRole>([
  ["collections.OrderedDict", { does: "ordered-dict" }],
  ["torch._utils._rebuild_tensor_v2", { does: "rebuild-tensor", withElementType: false }],
  ["torch._utils._rebuild_tensor_v3", { does: "rebuild-tensor", withElementType: true }],
  ["torch._utils._rebuild_parameter", { does: "rebuild-parameter" }],
  ["torch.Size", { does: "size" }],
  ["torch.device", { does: "inert-call" }],
  ["torch.storage.UntypedStorage", { does: "storage-type", element: undefined }],
  ["torch.storage.TypedStorage", { does: "storage-type", element: undefined }],
  // NumPy scalars, such as the best loss of a training run: dtype(...), encode(bytes), scalar(dtype, bytes).
  ["numpy.dtype", { does: "inert-with-tuple-state" }],
  ["numpy.core.multiarray.scalar", { does: "inert-call" }],
  ["numpy._core.multiarray.scalar", { does: "inert-call" }],
  ["_codecs.encode", { does: "inert-call" }],
  ["argparse.Namespace", { does: "inert-object" }],
  ...Object.entries(STORAGE_ELEMENTS).map(([storage, element]): [string, GlobalRole] => [
    `torch.${storage}`,
    { does: "storage-type", element },
  ]),
  ...Object.values(STORAGE_ELEMENTS).map((element): [string, GlobalRole] => [
    `torch.${element.name}`,
    { does: "element-type", element },
  ]),
  ...UNREADABLE_ELEMENTS.map((name): [string, GlobalRole] => [
    `torch.${name}`,
    { does: "element-type", element: { name, elementType: undefined } },
  ]),
]);

export function hasKind<K extends Exclude<PickleValue, null | boolean | number | bigint | string | Uint8Array>["kind"]>(
  value: PickleValue | undefined,
  kind: K,
): value is Extract<PickleValue, { kind: K }> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}
