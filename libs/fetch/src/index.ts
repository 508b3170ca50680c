export { FetchError, type FetchErrorCode } from "./fetch-error.ts";
export { defaultFetchPolicy, type FetchPolicy, type ResolveHost } from "./fetch-policy.ts";
export { createPictureFetcher, type FetchedPicture, type PictureFetcher } from "./picture-fetcher.ts";
