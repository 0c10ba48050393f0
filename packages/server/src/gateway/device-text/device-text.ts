/**
 * The gateway of Messaging Server: devices over WebSocket that are given a number and send each other lines of text
 * (docs/gateways/device-text.md). A device is the user named by its number.
 */
import { isUtf8 } from "node:buffer";
import { type ErrorCode, errors } from "@parley/protocol";
import { authorise } from "../../core/authorisation.ts";
import type { Core } from "../../core/core.ts";
import type { Entry } from "../../engine/entry.ts";
import type { HttpListener } from "../../http/http-listener.ts";
import { encodeOne } from "../frames.ts";
import type { Gateway, GatewayLog } from "../gateway.ts";
import { Participant, type Told } from "../participant.ts";
import { webSocketText } from "../websocket-framing.ts";
import { startWebSocketGateway, type WebSocketPeer } from "../websocket-gateway.ts";
import type { Wire } from "../wire.ts";
import {
  answers,
  answerTo,
  type DeviceCommand,
  encodeDeviceMessage,
  encodeInfo,
  farewell,
  parseDeviceLine,
  parseNumber,
  parseTokenLine,
} from "./codec.ts";
import { SentMessages } from "./sent-messages.ts";

const name = "device-text";
/** The `ref` of renewals; those of messages are numbers. */
const renewal = "renew";
const firstId = 100_000_000;

export interface DeviceTextOptions {
  readonly core: Core;
  /** A listener of its own: devices connect to any path. */
  readonly http: HttpListener;
  readonly maxOutboxBytes: number;
  readonly log: GatewayLog;
}

const encodeShared = (entry: Entry) => encodeOne(encodeDeviceMessage(entry), webSocketText);

/** Serves every path of the listener. Stopping stops the listener too. */
export function startDeviceText({ log, ...options }: DeviceTextOptions): Gateway {
  const { core } = options;
  return startWebSocketGateway(
    { name, purpose: "devices that are given a number and send text", ...options },
    (wire, devices) => open(new Device(core, wire, devices, log)),
  );
}

function open(device: Device): WebSocketPeer {
  const { participant } = device;
  device.connect();
  const text = (line: string) => participant.tasks.run(() => device.receive(line));
  // The original read the bytes of either kind as text; bytes that are none are as unreadable as no text at all.
  return { participant, text, binary: (bytes) => text(isUtf8(bytes) ? bytes.toString() : "") };
}

class Device {
  readonly participant: Participant;
  readonly #core: Core;
  /** Those connected, this one included; who has no session yet has no number either. */
  readonly #devices: ReadonlySet<Participant>;
  readonly #sent = new SentMessages();

  constructor(core: Core, wire: Wire, devices: ReadonlySet<Participant>, log: GatewayLog) {
    this.#core = core;
    this.#devices = devices;
    const told = (event: Told) => this.#told(event);
    const closing = (code: ErrorCode) => this.#bidFarewell(code);
    const closes = core.openLogin ? {} : { closing };
    const speech = { encode: encodeDeviceMessage, shared: encodeShared, told, ...closes };
    this.participant = new Participant(core, wire, speech, log);
  }

  /** Gives the device its number and greets it; one that needs a token is asked for it when it says something else. */
  connect(): void {
    if (!this.#core.openLogin) return;
    this.participant.tasks.run(async () => {
      const { info } = this.participant;
      const login = async () => this.#core.identify({ user: await freeId(this.#core) }, info);
      const result = await this.participant.login(login, { beforeStart: () => this.#inform() });
      if (result.ok) return;
      this.participant.say(answers.unavailable);
      this.participant.close(result.fault.code, result.fault.message);
    });
  }

  receive(line: string): Promise<void> | undefined {
    const token = this.#core.openLogin ? undefined : parseTokenLine(line);
    if (token !== undefined) return this.#prove(token);
    const command = parseDeviceLine(line);
    if (!this.participant.session && !this.#core.openLogin) this.participant.say(answers.tokenNeeded);
    else if (command === "help") this.#inform();
    else if (command) this.#carryOut(command);
    else {
      this.participant.say(answers.unreadable);
      this.participant.faulty();
    }
    return undefined;
  }

  /** The device is whom its token says, or goes on by another token. */
  async #prove(token: string): Promise<void> {
    if (this.participant.handle({ op: "renew", token, ref: renewal })) return;
    const result = await this.participant.login({ token }, { beforeStart: () => this.#inform() });
    if (result.ok) return;
    const { code, message } = result.fault;
    if (errors[code].closes) this.participant.close(code, message);
    else this.participant.say(code === "forbidden" ? answers.badToken : answerTo(code));
  }

  #bidFarewell(code: ErrorCode): void {
    const words = farewell(code);
    if (words !== undefined) this.participant.say(words);
  }

  #inform(): void {
    const own = this.participant.session;
    if (own === undefined) return;
    const users = [...this.#devices].flatMap(({ session }) => (session ? [session.user] : []));
    const visible = users.filter(({ key }) => authorise(own, "seeUser", key).ok);
    const names = [...new Set(visible.map(({ name }) => name))];
    this.participant.say(encodeInfo(own.user.name, names.sort(byLength)));
  }

  /** The faults are looked for in the original's order, which is the order in which a device hears of them. */
  #carryOut({ verb, to, text }: DeviceCommand): void {
    const destination = this.#find(to);
    if (destination === undefined) this.participant.say(answers.unreadable);
    else if (verb !== "send") this.participant.say(answers.unknownVerb);
    else if (destination === "not connected") this.participant.say(answers.notConnected);
    else {
      const ref = this.#sent.add(text, this.#core.now());
      if (ref === undefined) this.participant.say(answers.duplicate);
      else
        this.participant.handle({
          op: "send",
          to: destination.address,
          body: text,
          copy: false,
          durability: this.#core.durability,
          ref,
        });
    }
  }

  /** Who is meant: users by name, devices by number if they are there. Undefined: nobody could be. */
  #find(to: string): { readonly address: string } | "not connected" | undefined {
    if (to === "*" || to.startsWith("#")) return { address: to };
    const number = parseNumber(to);
    const user = this.#core.user(to) ?? (number === undefined ? undefined : this.#core.user(number));
    const present = number === undefined || (user !== undefined && user.sessions.size > 0);
    if (!present) return "not connected";
    return user && { address: user.name };
  }

  #told(event: Told): void {
    if (event.op === "error" && event.ref === renewal) return this.participant.say(answers.badToken);
    if (event.op === "ok" && event.ref !== undefined) this.#sent.taken(event.ref);
    if (event.op !== "error") return;
    if (event.ref !== undefined) this.#sent.refused(event.ref);
    this.participant.say(answerTo(event.code));
  }
}

/** The shorter first: numbers ascend by their value. */
function byLength(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : 1);
}

/** The next number that no user has as a name, whichever way that user came by it. Rejects with `StorageUnavailable`. */
async function freeId(core: Core): Promise<string> {
  for (;;) {
    const id = String(await core.nextNumber(name, firstId));
    if (!core.user(id)) return id;
  }
}
