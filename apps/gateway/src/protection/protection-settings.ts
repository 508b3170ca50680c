import type { Settings } from "@medley/config";

/** The settings of `libs/config` that say who may ask the gateway, and how much. */
export type ProtectionSettings = Pick<
  Settings,
  | "adminKey"
  | "jwt"
  | "linkSecret"
  | "trustedProxies"
  | "introspection"
  | "operationsFile"
  | "maxCostMs"
  | "requestTimeoutMs"
  | "ratePerKey"
  | "ratePerAddress"
>;

/** The defaults of the settings, for whoever starts a gateway without them. */
export const DEFAULT_PROTECTION: ProtectionSettings = {
  trustedProxies: [],
  introspection: true,
  maxCostMs: 60_000,
  requestTimeoutMs: 150_000,
  ratePerKey: 600,
  ratePerAddress: 1200,
};
