export {
  type Found,
  openScan,
  type RowPage,
  type Scan,
  ScanError,
  type ScanErrorCode,
  type ScanOptions,
} from "./open-scan.ts";
