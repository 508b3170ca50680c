export { environmentExample, type LogLevel, readSettings, type Settings, SettingsError } from "./settings.ts";
