/**
 * One `send` on its way: checked, written to the logs of its recipients, then delivered and answered. The answer leaves
 * only when the engine says that the message is as durable as was asked (P1). Hot path.
 */
import {
  type Address,
  type Durability,
  type Fault,
  fail,
  type LogName,
  ok,
  type Result,
  type ServerMessages,
  type UserKey,
} from "@parley/protocol";
import type { Append, AppendOutcome, LogPosition, RecordWrite } from "../engine/engine.ts";
import type { Entry } from "../engine/entry.ts";
import type { Actor } from "./authorisation.ts";
import type { UserSession } from "./directory.ts";
import type { About } from "./error-event.ts";
import { inboxFull, refuseUnlessRepeated, storeOverflowing } from "./limits/overflow.ts";
import { type AsRead, asRead, digestOf, encodeContent, encodePayload, isBase64, type Send } from "./message.ts";
import { type Recipient, recipientsOf } from "./recipients.ts";
import type { CoreLimits, Services } from "./services.ts";
import type { Counted } from "./statistics.ts";

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
  /** Whether it has no use for the answer to what went to who is connected. */
  readonly hearsOnlyStored: boolean;
  tell(event: ServerMessages["ok"]): void;
  fault(fault: Fault, about: About): void;
}

/** Checks a send and hands it to the engine; the sender is answered when it is stored. */
export function submit(services: Services, sender: Sender, send: Send): Result<undefined> {
  const recipients = recipientsOf(services, sender, send);
  if (!recipients.ok) return recipients;
  const content = checkContent(services.limits, send);
  if (!content.ok) return content;
  sender.requests.taken();
  const full = fullOf(services, recipients.value);
  const submission = new Submission(services, sender, send, recipients.value, content.value, full);
  if (full.length === 0) services.engine.append(submission);
  else overflow(services, submission, full);
  return accepted;
}

const accepted = ok(undefined);

const nobody: readonly Recipient[] = [];
const none: readonly RecordWrite[] = [];

/** Those for whom too much waits already. */
function fullOf({ inboxes }: Services, recipients: readonly Recipient[]): readonly Recipient[] {
  let full = nobody;
  for (const recipient of recipients) {
    if (recipient.kind === "user" && inboxes.isFull(recipient)) full = [...full, recipient];
  }
  return full;
}

function overflow({ engine, deadLetters, policy }: Services, append: Submission, full: readonly Recipient[]): void {
  if (policy.inboxFull === "refuse") refuseUnlessRepeated(engine, append, inboxFull(full.map(({ name }) => name)));
  else {
    const logs = full.map(({ key }): LogName => key);
    storeOverflowing(engine, deadLetters, append, logs);
  }
}

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

class Submission implements Append, Counted {
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
  readonly recipients: readonly Recipient[];
  /** Those of them who do not get it: their inboxes are full. */
  readonly #full: readonly Recipient[];
  /** Bytes of the payload, once it is stored. */
  bytes = 0;
  readonly type: string | undefined;
  /** What the answer repeats of the request. */
  readonly #about: About;
  /** Where its sender's frame is what the sender's protocol tells of it. */
  readonly #asRead: AsRead | undefined;

  constructor(
    services: Services,
    sender: Sender,
    send: Send,
    recipients: readonly Recipient[],
    content: string,
    full: readonly Recipient[],
  ) {
    const { clientId, ttl, durability = "fsync", receipt = false } = send;
    const { user } = sender;
    this.#services = services;
    this.#sender = sender;
    this.recipients = recipients;
    this.type = send.type;
    this.#full = full;
    this.#about = aboutOf(send.ref, clientId);
    const read = send[asRead];
    const isToldAsRead = read?.frame !== undefined && read.from === user.name && isOnly(recipients, read.to);
    this.#asRead = isToldAsRead ? read : undefined;
    this.ts = services.clock.now();
    this.id = services.newId(this.ts);
    this.durability = durability;
    this.expiresAt = ttl === undefined ? 0 : this.ts + ttl;
    const to = encodeRecipients(recipients, send.to);
    let toSelf = false;
    let toUser = false;
    for (const { kind, key } of recipients) {
      if (key === user.key) toSelf = true;
      if (kind === "user") toUser = true;
    }
    // What is addressed to oneself goes to all one's devices; everything else not back to the device it came from.
    this.origin = toSelf ? "" : sender.origin;
    this.dedupeKey = clientId === undefined ? undefined : `${user.key} ${clientId}`;
    this.digest = clientId === undefined ? "" : digestOf(to, content);
    const { id, ts, expiresAt } = this;
    this.payload = encodePayload({ id, from: user.name, to, ts, expiresAt, clientId, receipt }, content);
    const given = full.length === 0 ? recipients : recipients.filter((recipient) => !full.includes(recipient));
    for (const recipient of given) if (recipient.kind === "user") recipient.inbox?.expect(this.#units);
    // Not pushed one by one: an array that grows has room for 17.
    const logs: LogName[] = given.map(({ key }) => key);
    this.logs = send.copy !== false && !toSelf && toUser ? [...logs, user.key] : logs;
  }

  get from(): UserKey {
    return this.#sender.user.key;
  }

  get gateway(): string {
    return this.#sender.gateway;
  }

  /** Of the payload, in UTF-16: an inbox takes them for its bytes. */
  get #units(): number {
    return this.payload.length;
  }

  records(entries: readonly Entry[]): readonly RecordWrite[] {
    return this.expiresAt === 0 ? none : this.#services.expiry.notes(entries);
  }

  settled(outcome: AppendOutcome): void {
    const sender = this.#sender;
    sender.requests.answered();
    const { traffic } = this.#services;
    this.#countWaiting(outcome);
    if (!outcome.ok) {
      const { code } = outcome.fault;
      traffic.sendRefused(code, { messageId: this.id, clientId: this.#about.clientId, user: sender.user.name });
      sender.fault(outcome.fault, this.#about);
      return;
    }
    const read = this.#asRead;
    for (const entry of outcome.entries) {
      if (read?.frame !== undefined) entry.isWritten(read.writer, read.frame);
      this.#services.hub.publish(entry);
      if (entry.expiresAt !== 0) this.#services.expiry.stored(entry);
    }
    // A message that comes back to where it was sent from comes before its answer.
    if (this.origin === "") this.#services.hub.offerNow();
    const { id, ts, durability, duplicate, positions } = outcome;
    if (duplicate) traffic.duplicates += 1;
    else {
      traffic.accepted += 1;
      this.bytes = outcome.bytes;
      this.#services.statistics.count(this);
    }
    if (sender.hearsOnlyStored && !duplicate && this.#isOnline()) return;
    const recipients = this.recipients.map((address) => this.#fate(address, duplicate));
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

  /** What is stored waits for its recipients. */
  #countWaiting(outcome: AppendOutcome): void {
    let place = 0;
    for (const recipient of this.recipients) {
      if (this.#full.length > 0 && this.#full.includes(recipient)) continue;
      const entry = outcome.ok ? outcome.entries[place++] : undefined;
      if (recipient.kind !== "user") continue;
      if (entry) recipient.inbox?.stored(entry.seq, this.#units);
      else recipient.inbox?.missed(this.#units);
    }
  }

  #fate(recipient: Recipient, duplicate: boolean): NonNullable<ServerMessages["ok"]["recipients"]>[number] {
    if (this.#full.length > 0 && !duplicate && this.#full.includes(recipient))
      return { to: recipient.name, state: "stored", dead: "inbox_full" };
    return { to: recipient.name, state: this.#state(recipient) };
  }

  /** Whether all of it goes to who is connected. */
  #isOnline(): boolean {
    if (this.#full.length > 0) return false;
    for (const recipient of this.recipients) if (this.#state(recipient) !== "online") return false;
    return true;
  }

  /** Whether anybody but the sender is connected to get what goes to the address. */
  #state(recipient: Recipient): "online" | "stored" {
    const { session, user } = this.#sender;
    if (recipient.kind !== "user") return this.#services.hub.isReadByOthers(recipient.key, user) ? "online" : "stored";
    const { sessions } = recipient;
    const own = session !== undefined && sessions.has(session) ? 1 : 0;
    return sessions.size > own ? "online" : "stored";
  }
}

function isOnly(recipients: readonly Recipient[], name: string): boolean {
  return recipients.length === 1 && recipients[0]?.name === name;
}

const nothing = {};

/** What an answer repeats of its request. */
function aboutOf(ref: string | undefined, clientId: string | undefined): About {
  if (clientId === undefined) return ref === undefined ? nothing : { ref };
  return ref === undefined ? { clientId } : { ref, clientId };
}

/** As JSON. One recipient stays a string even where the sender gave a list of one. */
function encodeRecipients(recipients: readonly Address[], given: Send["to"]): string {
  const [only] = recipients;
  if (only && recipients.length === 1 && typeof given === "string") return `"${only.name}"`;
  return `["${recipients.map(({ name }) => name).join('","')}"]`;
}
