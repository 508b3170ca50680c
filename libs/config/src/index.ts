export { isLoopbackAddress, isLoopbackHost } from "./loopback.ts";
export { findRunningServer, removeRunFile, type RunningServer, writeRunFile } from "./run-file.ts";
export {
  environmentExample,
  type JwtSettings,
  type LogLevel,
  readSettings,
  readSettingsOrExit,
  type Settings,
  SettingsError,
  type TraceSettings,
} from "./settings.ts";
