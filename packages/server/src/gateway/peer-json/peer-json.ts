/**
 * The gateway of SimpleMessageService: peers that log in by name over WebSocket and send each other texts as JSON
 * (docs/gateways/peer-json.md).
 */
import { type ErrorCode, errors, parseUser } from "@parley/protocol";
import type { Core } from "../../core/core.ts";
import type { User } from "../../core/directory.ts";
import { asRead } from "../../core/message.ts";
import type { Entry, EntryEncoder } from "../../engine/entry.ts";
import type { HttpListener } from "../../http/http-listener.ts";
import { encodeOne } from "../frames.ts";
import type { Gateway, GatewayLog } from "../gateway.ts";
import { Participant, type Speech, type Told } from "../participant.ts";
import { webSocketText } from "../websocket-framing.ts";
import { startWebSocketGateway, type WebSocketPeer } from "../websocket-gateway.ts";
import type { Wire } from "../wire.ts";
import { encodePeerMessage, parsePeerMessage } from "./codec.ts";

export interface PeerJsonOptions {
  readonly core: Core;
  /** A listener of its own: peers connect to any path. */
  readonly http: HttpListener;
  readonly maxOutboxBytes: number;
  readonly log: GatewayLog;
}

const encodeShared = (entry: Entry) => encodeOne(entry.writtenBy(encodePeerMessage), webSocketText);

/** Serves every path of the listener. Stopping stops the listener too. */
export function startPeerJson({ log, ...options }: PeerJsonOptions): Gateway {
  const { core } = options;
  return startWebSocketGateway(
    { name: "peer-json", purpose: "peers that log in by name and send JSON", ...options, loginFirst: true },
    (wire) => new Peer(core, wire, log),
  );
}

/** One connection. A class: an object of closures costs each connection several times as much memory. */
class Peer implements WebSocketPeer, Speech {
  readonly participant: Participant;
  readonly core: Core;

  constructor(core: Core, wire: Wire, log: GatewayLog) {
    this.core = core;
    this.participant = new Participant(core, wire, this, log);
    this.participant.awaitLogin();
  }

  // Not fields: they would be memory of every connection.

  get onlyStored(): true {
    return true;
  }

  get shared(): EntryEncoder {
    return encodeShared;
  }

  encode(entry: Entry): string {
    return entry.writtenBy(encodePeerMessage);
  }

  text(text: string): void {
    this.participant.tasks.runWith(receive, this, text);
  }

  binary(): void {
    this.participant.tasks.run(() => {
      refuse(this.participant, "this protocol is JSON text");
      this.participant.faulty();
      return undefined;
    });
  }

  told(event: Told): void {
    tell(event, this.participant);
  }

  /** Whoever logs in by name is told of other ends by the close code alone, as ever. */
  closing(code: ErrorCode, reason: string): void {
    if (!this.core.openLogin || code === "hello_timeout" || code === "rate_limited") refuse(this.participant, reason);
  }
}

function refuse(participant: Participant, reason: string): void {
  participant.say(JSON.stringify({ error: reason }));
}

/** Carries out one message of the peer; what cannot be is refused. */
function receive({ core, participant }: Peer, text: string): Promise<void> | undefined {
  const parsed = parsePeerMessage(text);
  if (!parsed.ok) {
    refuse(participant, parsed.fault.message);
    participant.faulty();
    return undefined;
  }
  const message = parsed.value;
  if (message.kind === "login") {
    // Nothing changes for a peer that says again who it is, but how long it is let in.
    if (isNamed(participant.session?.user, message.user)) {
      const { token } = message;
      if (token !== undefined && !core.openLogin) participant.handle({ op: "renew", token });
      return undefined;
    }
    return participant.login(message).then((result) => {
      if (result.ok) return;
      const { code, message: reason } = result.fault;
      if (errors[code].closes) participant.close(code, reason);
      else refuse(participant, reason);
    });
  }
  const { from, to, text: body } = message;
  const user = participant.session?.user;
  if (!user) refuse(participant, `log in first: {"login": "name"${core.openLogin ? "" : ', "token": "…"'}}`);
  else if (!isNamed(user, from)) refuse(participant, `"from" has to be ${user.name}: you logged in by that name`);
  else {
    const { durability } = core;
    // The answer repeats the name as the peer wrote it.
    participant.handle({ op: "send", to, body, copy: false, durability, ref: to, [asRead]: message });
  }
  return undefined;
}

function isNamed(user: User | undefined, name: string): boolean {
  if (user === undefined || name === user.name) return user !== undefined;
  const parsed = parseUser(name);
  return parsed.ok && parsed.value.key === user.key;
}

/** What the peer hears of a message that it sent: nothing, where the receiver is there. */
function tell(event: Told, participant: Participant): void {
  if (event.op === "ok") {
    const { ref, id, recipients } = event;
    const [recipient] = recipients ?? [];
    if (recipient?.state !== "stored" || !isUser(recipient.to)) return;
    // Who writes to itself is there.
    if (recipient.to === participant.session?.user.name) return;
    participant.say(JSON.stringify({ error: `connection to ${ref} closed`, stored: true, id }));
  } else if (event.op === "error") {
    const { code, message, ref } = event;
    // What cannot be a name is nobody's either.
    const unknown = ref !== undefined && isUser(ref) && (code === "unknown_user" || code === "bad_name");
    participant.say(JSON.stringify({ error: unknown ? `peer ${ref} does not exist` : message }));
  }
}

function isUser(address: string): boolean {
  return address !== "*" && !address.startsWith("#");
}
