import type { TestContext } from "node:test";
import { type Client, type ClientOptions, createClient } from "@parley/client";

/** A client that is closed when the test is over, however it ended: who is left connects to whatever listens at that port next. */
export function openClient(t: TestContext, options: ClientOptions): Client {
  const client = createClient(options);
  t.after(() => client.close({ timeoutMs: 100 }));
  return client;
}
