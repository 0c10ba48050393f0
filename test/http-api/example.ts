/** What each operation of the API is tried with: the files of `cases/` export a list of these, one for every operation. */
import type { ApiServer } from "./api-server.ts";

export interface Example {
  /** Default: `alice`, who may administer. */
  readonly as?: string;
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly status: number;
}

/** By `operationId`: makes on the server what the example needs, and tells it. */
export type Examples = Readonly<Record<string, (server: ApiServer) => Promise<Example>>>;
