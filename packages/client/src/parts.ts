/**
 * Makes the parts of one client and connects them to each other. Nothing here decides anything; `client.ts` starts and
 * ends them, `router.ts` feeds them.
 */
import { Acks } from "./acks.ts";
import { Backoff } from "./backoff.ts";
import { CursorTable } from "./cursors.ts";
import type { Emitter } from "./emitter.ts";
import type { ClientEvents } from "./events.ts";
import { Inbox } from "./inbox.ts";
import { Ledger } from "./ledger.ts";
import type { Settings } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Renewal } from "./renewal.ts";
import { Requests } from "./requests.ts";
import { Watches } from "./watches.ts";

export interface Parts {
  readonly emitter: Emitter<ClientEvents>;
  readonly cursors: CursorTable;
  readonly ledger: Ledger;
  readonly acks: Acks;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly requests: Requests;
  readonly watches: Watches;
  readonly renewal: Renewal;
}

/** `send` sends a frame if connected, and says whether it did. */
export function createParts(
  settings: Settings,
  emitter: Emitter<ClientEvents>,
  send: (text: string) => boolean,
): Parts {
  const { environment, autoAck } = settings;
  const cursors = new CursorTable();
  const ledger = new Ledger({
    persistence: settings.persistence,
    environment,
    backoff: new Backoff(settings.backoff, environment),
    failed: (error, retryInMs) => emitter.emit("error", { type: "persistence", error, retryInMs }),
  });
  const roomAgain = () => inbox.resume();
  const acks = new Acks({ cursors, ledger, environment, send, maxUnsaved: settings.maxUnsaved, roomAgain });
  const createBackoff = () => new Backoff(settings.handlerBackoff, environment);
  const inbox: Inbox = new Inbox({ cursors, acks, emitter, environment, autoAck, createBackoff });
  const outbox = new Outbox({
    maxEntries: settings.maxOutbox,
    maxCharacters: settings.maxOutboxCharacters,
    window: settings.sendWindow,
    environment,
    backoff: new Backoff(settings.backoff, environment),
    send,
    settled: (clientId) => ledger.write({ type: "settled", clientId }),
    postponed: (clientId, error, retryInMs) => emitter.emit("error", { type: "send", error, clientId, retryInMs }),
  });
  const requests = new Requests({ timeoutMs: settings.requestTimeoutMs, environment, send });
  const watches = new Watches(requests, send);
  const renewal = new Renewal({
    environment,
    token: settings.token,
    renew: async (token) => (await requests.ask<"renew">({ op: "renew", token })).expiresIn,
    failed: (error, retryInMs) => emitter.emit("error", { type: "token", error, retryInMs }),
  });
  return { emitter, cursors, ledger, acks, inbox, outbox, requests, watches, renewal };
}
