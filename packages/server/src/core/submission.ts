/**
 * One `send` on its way: checked, written to the logs of its recipients, then delivered and answered. The answer leaves
 * only when the engine says that the message is as durable as was asked (P1). Hot path.
 */
import {
  type Address,
  type ClientMessages,
  type Durability,
  everyone,
  type Fault,
  fail,
  type LogName,
  ok,
  parseAddress,
  type Result,
  type ServerMessages,
} from "@parley/protocol";
import type { Append, AppendOutcome, LogPosition, RecordWrite } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import { type Actor, authorise } from "./authorisation.ts";
import type { Directory, UserSession } from "./directory.ts";
import { digestOf, encodeContent, encodePayload, isBase64 } from "./message.ts";
import type { CoreLimits, Services } from "./services.ts";

type Send = ClientMessages["send"];

/** Who sends, and who is told what became of it: a session, or somebody who has none (`post.ts`). */
export interface Sender extends Actor {
  /** What the entries carry so that they are not delivered to where they came from. */
  readonly origin: string;
  /** Counts what is not answered yet. */
  readonly requests: { taken(): void; answered(): void };
  /** By which gateway it came. */
  readonly gateway: string;
  /** The session that does not count as one that gets the message; undefined: there is none. */
  readonly session: UserSession | undefined;
  tell(event: ServerMessages["ok"]): void;
  fault(fault: Fault, about: { readonly ref?: string; readonly clientId?: string }): void;
}

/** Checks a send and hands it to the engine; the sender is answered when it is stored. */
export function submit(services: Services, sender: Sender, send: Send): Result<undefined> {
  const recipients = recipientsOf(services.directory, sender, send);
  if (!recipients.ok) return recipients;
  const content = checkContent(services.limits, send);
  if (!content.ok) return content;
  sender.requests.taken();
  services.engine.append(new Submission(services, sender, send, recipients.value, content.value));
  return accepted;
}

const accepted = ok(undefined);

function checkContent({ maxBodyBytes }: CoreLimits, send: Send): Result<string> {
  const { body, encoding } = send;
  // A UTF-16 unit is at most 3 bytes of UTF-8: most bodies need no counting.
  if (body.length * 3 > maxBodyBytes && Buffer.byteLength(body) > maxBodyBytes) {
    return fail("too_large", `the body is longer than ${maxBodyBytes} bytes`);
  }
  if (encoding === "base64" && !isBase64(body))
    return fail("bad_message", 'send: field "body" is not base64 with padding');
  return ok(encodeContent(send));
}

function recipientsOf(directory: Directory, sender: Sender, { to }: Send): Result<readonly Address[]> {
  if (typeof to === "string") {
    const one = recipient(directory, sender, to);
    return one.ok ? ok([one.value]) : one;
  }
  const addresses = new Map<LogName, Address>();
  for (const text of to) {
    const one = recipient(directory, sender, text);
    if (!one.ok) return one;
    addresses.set(one.value.key, one.value);
  }
  return ok([...addresses.values()]);
}

/** The address, in its registered spelling, if the sender may send to it. */
function recipient(directory: Directory, sender: Sender, text: string): Result<Address> {
  const parsed = parseAddress(text);
  if (!parsed.ok) return parsed;
  const known = registered(directory, parsed.value);
  const allowed = authorise(sender, "send", known ?? parsed.value);
  // Nobody is a member of a room that does not exist; whether it does is not told to those who may not send there.
  if (!allowed.ok && (known || allowed.fault.code !== "not_member")) return allowed;
  if (known) return ok(known);
  const { kind, name } = parsed.value;
  return kind === "room"
    ? fail("unknown_room", `there is no room ${name}`)
    : fail("unknown_user", `no user ${name} has ever connected`);
}

function registered({ users, rooms }: Directory, address: Address): Address | undefined {
  if (address.kind === "everyone") return everyone;
  if (address.kind === "user") {
    const user = users.get(address.key);
    return user && { kind: "user", key: user.key, name: user.name };
  }
  const room = rooms.get(address.key);
  return room && { kind: "room", key: room.key, name: room.name };
}

class Submission implements Append {
  readonly id: string;
  readonly ts: number;
  readonly logs: readonly LogName[];
  readonly payload: string;
  readonly origin: string;
  readonly expiresAt: number;
  readonly durability: Durability;
  readonly dedupeKey: string | undefined;
  readonly digest: string;
  readonly #services: Services;
  readonly #sender: Sender;
  readonly #recipients: readonly Address[];
  readonly #type: string | undefined;
  /** What the answer repeats of the request. */
  readonly #about: { readonly ref?: string; readonly clientId?: string };

  constructor(services: Services, sender: Sender, send: Send, recipients: readonly Address[], content: string) {
    const { clientId, ttl, durability = "fsync", receipt = false } = send;
    const { user } = sender;
    this.#services = services;
    this.#sender = sender;
    this.#recipients = recipients;
    this.#type = send.type;
    this.#about = {
      ...(send.ref === undefined ? {} : { ref: send.ref }),
      ...(clientId === undefined ? {} : { clientId }),
    };
    this.id = services.newId();
    this.ts = services.clock.now();
    this.durability = durability;
    this.expiresAt = ttl === undefined ? 0 : this.ts + ttl;
    const to = encodeRecipients(recipients, send.to);
    const toSelf = recipients.some(({ key }) => key === user.key);
    // What is addressed to oneself goes to all one's devices; everything else not back to the device it came from.
    this.origin = toSelf ? "" : sender.origin;
    this.dedupeKey = clientId === undefined ? undefined : `${user.key} ${clientId}`;
    this.digest = clientId === undefined ? "" : digestOf(to, content);
    const { id, ts, expiresAt } = this;
    this.payload = encodePayload({ id, from: user.name, to, ts, expiresAt, clientId, receipt }, content);
    const logs: LogName[] = recipients.map(({ key }) => key);
    const copied = send.copy !== false && !toSelf && recipients.some(({ kind }) => kind === "user");
    this.logs = copied ? [...logs, user.key] : logs;
  }

  records(entries: readonly Entry[]): readonly RecordWrite[] {
    return this.expiresAt === 0 ? none : this.#services.expiry.notes(entries);
  }

  settled(outcome: AppendOutcome): void {
    const sender = this.#sender;
    sender.requests.answered();
    const { traffic } = this.#services;
    if (!outcome.ok) {
      const { code } = outcome.fault;
      traffic.sendRefused(code, { messageId: this.id, clientId: this.#about.clientId, user: sender.user.name });
      sender.fault(outcome.fault, this.#about);
      return;
    }
    for (const entry of outcome.entries) {
      this.#services.hub.publish(entry);
      if (entry.expiresAt !== 0) this.#services.expiry.stored(entry);
    }
    const { id, ts, durability, duplicate, positions } = outcome;
    if (duplicate) traffic.duplicates += 1;
    else {
      traffic.accepted += 1;
      this.#count(sender);
    }
    const recipients = this.#recipients.map((address) => ({ to: address.name, state: this.#state(address) }));
    const repeat = duplicate ? { duplicate } : {};
    sender.tell({
      op: "ok",
      ...this.#about,
      id,
      ts,
      durability,
      positions: positions as LogPosition[],
      recipients,
      ...repeat,
    });
  }

  #count({ user: { key: from }, gateway }: Sender): void {
    const bytes = Buffer.byteLength(this.payload);
    const { ts } = this;
    this.#services.statistics.count({ from, gateway, type: this.#type, recipients: this.#recipients, bytes, ts });
  }

  /** Whether anybody but the sender is connected to get what goes to the address. */
  #state({ kind, key }: Address): "online" | "stored" {
    const { hub, directory } = this.#services;
    if (kind !== "user") return hub.isReadByOthers(key, this.#sender.user) ? "online" : "stored";
    const sessions = directory.users.get(key)?.sessions;
    const { session } = this.#sender;
    const own = session !== undefined && sessions?.has(session) ? 1 : 0;
    return sessions !== undefined && sessions.size > own ? "online" : "stored";
  }
}

const none: readonly RecordWrite[] = [];

/** As JSON. One recipient stays a string even where the sender gave a list of one. */
function encodeRecipients(recipients: readonly Address[], given: Send["to"]): string {
  const [only] = recipients;
  if (only && recipients.length === 1 && typeof given === "string") return `"${only.name}"`;
  return `["${recipients.map(({ name }) => name).join('","')}"]`;
}
