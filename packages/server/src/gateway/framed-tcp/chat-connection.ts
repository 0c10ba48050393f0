/**
 * One connection to the chat: who it is, what it asks, what it is told. The gateway (`framed-tcp.ts`) hands it bytes, the
 * core messages, through its `Participant`.
 */
import type { Socket } from "node:net";
import { type ErrorCode, errors, helloFrameBytes, type UserAddress } from "@parley/protocol";
import type { Actor } from "../../core/authorisation.ts";
import type { Core } from "../../core/core.ts";
import type { User } from "../../core/directory.ts";
import type { Posted } from "../../core/post.ts";
import type { Session } from "../../core/session.ts";
import type { Entry, EntryEncoder } from "../../engine/entry.ts";
import { frameTimeMs } from "../frame-progress.ts";
import type { GatewayLog } from "../gateway.ts";
import { lengthPrefix } from "../length-prefix.ts";
import { Participant, type Speech, type Told } from "../participant.ts";
import { tcpWire } from "../tcp-wire.ts";
import { TextFrames } from "../text-frames.ts";
import {
  encodeMessage,
  encodeShared,
  type Form,
  isRenameTo,
  lobby,
  type Payload,
  parsePayload,
  renameLine,
  systemLine,
} from "./codec.ts";
import type { Names } from "./names.ts";
import { Seen } from "./seen.ts";

export interface ChatConnectionOptions {
  readonly gateway: string;
  readonly core: Core;
  readonly names: Names;
  readonly maxFrameBytes: number;
  readonly maxOutboxBytes: number;
  readonly log: GatewayLog;
}

/** What cannot be read, where frames have at most so many bytes. */
const faults = {
  bad_frame: () => "a frame of length 0",
  frame_too_large: (maxBytes: number) => `a frame longer than ${maxBytes} bytes`,
  bad_utf8: () => "a frame that is not UTF-8",
  idle: () => "the rest of a frame did not come",
};
/** The `ref` of renewals: what is said has none. */
const renewal = "renew";
const commands = "/list and /msg NAME text";
const privateMessage = /^\s*(\S+)\s(.*)$/s;

export class ChatConnection implements Speech {
  readonly participant: Participant;
  readonly #done = Promise.withResolvers<void>();
  readonly #core: Core;
  readonly #names: Names;
  readonly #maxFrameBytes: number;
  readonly #frames: TextFrames;
  #frameTimer: NodeJS.Timeout | undefined;
  /** How the first frame was written. */
  #form: Form | undefined;
  /** The stream has come to something that cannot be read: nothing after it is. */
  #unreadable = false;
  /** Who it is until it has a name. */
  #guest: User | undefined;
  readonly #seen = new Seen();
  /** What it has said and does not know yet to be stored. */
  #unanswered = 0;
  #whenAnswered: () => void = () => {};

  constructor(socket: Socket, options: ChatConnectionOptions) {
    const { gateway, core, names, maxFrameBytes, maxOutboxBytes, log } = options;
    this.#core = core;
    this.#maxFrameBytes = maxFrameBytes;
    this.#names = names;
    this.#frames = new TextFrames(
      maxFrameBytes,
      (text, bytes) => this.#receive(text, bytes),
      (fault) => this.#refuse(fault),
    );
    const wire = tcpWire(
      socket,
      { gateway, framing: lengthPrefix, maxOutboxBytes },
      {
        data: (chunk) => this.#unreadable || this.#awaitRest(this.#frames.push(chunk)),
        drained: () => this.participant.drained(),
        gone: () => {
          clearTimeout(this.#frameTimer);
          this.participant.gone();
          this.participant.tasks.run(() => this.#dismissGuest().finally(() => this.#done.resolve()));
        },
      },
    );
    this.participant = new Participant(core, wire, this, log);
    if (core.openLogin) this.participant.tasks.run(() => this.#arrive());
    else this.#frames.maxBytes = Math.min(maxFrameBytes, helloFrameBytes);
  }

  /** Resolves when the peer is gone and all that it asked for is done. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  // Frames

  /** Between frames a peer may be silent for as long as it likes; the rest of one has to come. */
  #awaitRest(whole: boolean): void {
    if (whole) {
      clearTimeout(this.#frameTimer);
      this.#frameTimer = undefined;
    }
    if (!this.#frames.incomplete) return;
    const late = () => this.#refuse("idle");
    this.#frameTimer ??= setTimeout(late, frameTimeMs(this.#core.limits.idleMs));
  }

  #receive(text: string, bytes: number): void {
    if (this.#unreadable) return;
    this.participant.counted(bytes);
    const payload = parsePayload(text);
    this.#form ??= payload.form;
    this.participant.tasks.run(() => this.#carryOut(payload));
  }

  /** Closes the connection, when what came before has been carried out. */
  #refuse(fault: keyof typeof faults): void {
    if (this.#unreadable) return;
    this.#unreadable = true;
    const reason = `${faults[fault](this.#frames.maxBytes)}: the connection is closed`;
    this.participant.tasks.run(() => void this.participant.close(fault, reason));
  }

  // What it asks

  #carryOut({ said }: Payload): Promise<void> | undefined {
    const isOpen = this.#core.openLogin;
    if (!isOpen && said.kind === "command" && said.name === "token") return this.#prove(said.value.trim());
    if (!isOpen && !this.participant.session) return this.#tell("say first who you are: /token TOKEN");
    if (said.kind === "chat") return this.#send(lobby, said.text);
    switch (said.name) {
      case "rename":
        return isOpen ? this.#rename(said.value.trim()) : this.#tell("here the token says who you are");
      case "list":
        return this.#list();
      case "msg":
        return this.#sendPrivately(said.value);
      default:
        return this.#tell(`unknown command: there are ${isOpen ? "/rename NAME" : "/token TOKEN"}, ${commands}`);
    }
  }

  #send(to: string, body: string): undefined {
    if (!body.isWellFormed()) return this.#tell("the text has half of a surrogate pair in it");
    if (!this.participant.session) return;
    this.#unanswered += 1;
    this.participant.handle({ op: "send", to, body, copy: false, durability: this.#core.durability });
  }

  #sendPrivately(value: string): undefined {
    const [, name, text] = privateMessage.exec(value) ?? [];
    if (name === undefined || text === undefined) return this.#tell("say to whom, and what: /msg NAME text");
    return this.#send(name, text);
  }

  #list(): undefined {
    const own = this.participant.session?.user.name;
    const others = this.#core.online(lobby, this.participant.session).filter((name) => name !== own);
    return this.#tell(others.length === 0 ? "nobody else is here" : others.sort().join(", "));
  }

  // Who it is

  /** Makes it a guest, in the lobby for as long as the connection lasts. */
  async #arrive(): Promise<void> {
    const newGuest = async () => {
      this.#guest = await this.#core.newGuest();
      return this.#core.identify({ user: this.#guest }, this.participant.info);
    };
    const prepare = async (actor: Actor) => void (await this.#core.join(actor, lobby, false));
    const arrived = await this.participant.login(newGuest, { prepare });
    if (!arrived.ok) this.participant.close(arrived.fault.code, arrived.fault.message);
  }

  /** It is whom the token says, and in the lobby for good, where the token allows that; or goes on by another token. */
  async #prove(token: string): Promise<void> {
    if (this.participant.handle({ op: "renew", token, ref: renewal })) return;
    const prepare = (actor: Actor) => this.#enter(actor);
    const beforeStart = ({ user }: Session) => {
      this.#frames.maxBytes = this.#maxFrameBytes;
      this.#tell(`you are ${user.name}`);
    };
    const proved = await this.participant.login({ token }, { prepare, beforeStart });
    if (proved.ok) return;
    const { code, message } = proved.fault;
    if (errors[code].closes) this.participant.close(code, message);
    else this.#tell(message);
  }

  /** Makes it a member of the lobby for good, or tells it why not. */
  async #enter(actor: Actor): Promise<void> {
    const joined = await this.#core.join(actor, lobby);
    if (!joined.ok) this.#tell(joined.fault.message);
  }

  #rename(name: string): Promise<void> | undefined {
    const own = this.participant.session?.user;
    if (own && own === this.#core.user(name)) return this.#tell(`you are ${own.name} already`);
    const claimed = this.#names.claim(name);
    if (!claimed.ok) return this.#tell(claimed.fault.message);
    return this.#become(claimed.value).finally(() => this.#names.release(claimed.value));
  }

  async #become(address: UserAddress): Promise<void> {
    const before = this.participant.session;
    if (!before) return;
    if (this.#unanswered > 0) await new Promise<void>((resolve) => (this.#whenAnswered = resolve));
    const prepare = (actor: Actor) => this.#enter(actor);
    const beforeStart = ({ user }: Session) => {
      this.#seen.add(before.subscriptions.values());
      this.#tell(`you are now ${user.name}`);
    };
    const renamed = await this.participant.login({ user: address.name }, { prepare, beforeStart });
    if (!renamed.ok) return this.#tell(renamed.fault.message);
    const body = renameLine(before.user.name, renamed.value.user.name);
    const posted = await this.#core.post("server", { to: lobby, type: "system", body });
    if (!posted.ok) this.#tell(posted.fault.message);
    await this.#dismissGuest();
  }

  async #dismissGuest(): Promise<void> {
    const guest = this.#guest;
    this.#guest = undefined;
    if (guest) await this.#names.dismiss(guest);
  }

  // What it is told

  #tell(text: string): undefined {
    this.participant.say(systemLine(this.#form ?? "structured", text));
  }

  encode(entry: Entry): string {
    return encodeMessage(this.#form ?? "structured", entry);
  }

  get shared(): EntryEncoder {
    return encodeShared[this.#form ?? "structured"];
  }

  shows(entry: Entry): boolean {
    const name = this.participant.session?.user.name;
    return !this.#seen.has(entry) && !(name !== undefined && isRenameTo(name, entry));
  }

  told(event: Told): void {
    if (event.op !== "ok" && event.op !== "error") return;
    if (event.ref === renewal) return this.#tell(event.op === "ok" ? "the token is taken" : event.message);
    this.#unanswered -= 1;
    if (event.op === "error") this.#tell(event.message);
    else this.#tellWhereItIs(event.recipients ?? []);
    if (this.#unanswered === 0) this.#whenAnswered();
  }

  /** Says of a private message that its receiver is not there, where that is so. */
  #tellWhereItIs([recipient]: NonNullable<Posted["recipients"]>): void {
    if (recipient?.state !== "stored") return;
    const { to } = recipient;
    const isUser = to !== "*" && !to.startsWith("#");
    if (isUser && to !== this.participant.session?.user.name) this.#tell(`${to} is offline and will get it on return`);
  }

  closing(_: ErrorCode, reason: string): void {
    this.#tell(reason);
    this.#whenAnswered();
  }
}
