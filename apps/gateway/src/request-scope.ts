import type { Access } from "./access/access.ts";
import { plainPictureLink } from "./access/picture-links.ts";
import { ANYONE, type Viewer } from "./access/viewer.ts";
import type { GatewayDependencies, RequestScope } from "./context.ts";
import { bindToRequest } from "./protection/request-work.ts";

export interface RequestStart {
  readonly viewer: Viewer;
  /** Fires when the caller has gone away, or has his answer. */
  readonly gone: AbortSignal;
  readonly timeoutMs: number;
  readonly onCall?: (method: string, milliseconds: number) => void;
}

/** What a request may use from its start to its end. */
export function openRequest(
  { inference }: Pick<GatewayDependencies, "inference">,
  access: Pick<Access, "links">,
  { viewer, ...limits }: RequestStart,
): RequestScope {
  const work = bindToRequest(inference, limits);
  // While access is open links need no seal, and may be kept for ever.
  const pictureLink: RequestScope["pictureLink"] = viewer === ANYONE ? plainPictureLink : access.links.seal;
  return { viewer, pictureLink, ...work };
}
