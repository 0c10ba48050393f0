/**
 * One connection to the chat: who it is, what it asks, what it is told. The gateway (`framed-tcp.ts`) hands it bytes, the
 * core messages, through its `Participant`.
 */
import { isUtf8 } from "node:buffer";
import type { Socket } from "node:net";
import { type ErrorCode, FrameDecoder, type FrameFault, type UserAddress } from "@parley/protocol";
import type { Core } from "../../core/core.ts";
import type { User } from "../../core/directory.ts";
import type { Posted } from "../../core/post.ts";
import type { Entry } from "../../engine/entry.ts";
import type { GatewayLog } from "../gateway.ts";
import { lengthPrefix } from "../length-prefix.ts";
import { Participant, type Speech, type Told } from "../participant.ts";
import { tcpWire } from "../tcp-wire.ts";
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

const usage = "/rename NAME, /list and /msg NAME text";
const privateMessage = /^\s*(\S+)\s(.*)$/s;

export class ChatConnection implements Speech {
  readonly participant: Participant;
  readonly #done = Promise.withResolvers<void>();
  readonly #core: Core;
  readonly #names: Names;
  readonly #decoder: FrameDecoder;
  readonly #faults: { readonly [F in FrameFault]: string };
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
    this.#names = names;
    this.#decoder = new FrameDecoder(maxFrameBytes, (payload) => this.#framed(payload));
    this.#faults = {
      bad_frame: "a frame of length 0: the connection is closed",
      frame_too_large: `a frame longer than ${maxFrameBytes} bytes: the connection is closed`,
    };
    const wire = tcpWire(
      socket,
      { gateway, framing: lengthPrefix, maxOutboxBytes },
      {
        heard: () => this.participant.heard(),
        data: (chunk) => this.#receive(chunk),
        drained: () => this.participant.drained(),
        gone: () => {
          this.participant.gone();
          this.participant.tasks.run(() => this.#dismissGuest().finally(() => this.#done.resolve()));
        },
      },
    );
    this.participant = new Participant(core, wire, this, log);
    this.participant.tasks.run(() => this.#arrive());
  }

  /** Resolves when the peer is gone and all that it asked for is done. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  // Bytes

  #receive(chunk: Buffer): void {
    if (this.#unreadable) return;
    const fault = this.#decoder.push(chunk);
    if (fault) this.#refuse(fault, this.#faults[fault]);
  }

  #framed(view: Uint8Array): void {
    if (this.#unreadable) return;
    this.participant.counted(view.length);
    const bytes = Buffer.from(view.buffer, view.byteOffset, view.length);
    if (!isUtf8(bytes)) return this.#refuse("bad_utf8", "a frame that is not UTF-8: the connection is closed");
    const payload = parsePayload(bytes.toString());
    this.#form ??= payload.form;
    this.participant.tasks.run(() => this.#carryOut(payload));
  }

  /** Closes the connection, when what came before has been carried out. */
  #refuse(code: ErrorCode, reason: string): void {
    this.#unreadable = true;
    this.participant.tasks.run(() => {
      this.participant.close(code, reason);
      return undefined;
    });
  }

  // What it asks

  #carryOut({ said }: Payload): Promise<void> | undefined {
    if (said.kind === "chat") return this.#send(lobby, said.text);
    switch (said.name) {
      case "rename":
        return this.#rename(said.value.trim());
      case "list":
        return this.#list();
      case "msg":
        return this.#sendPrivately(said.value);
      default:
        return this.#tell(`unknown command: there are ${usage}`);
    }
  }

  #send(to: string, body: string): undefined {
    if (!body.isWellFormed()) return this.#tell("the text has half of a surrogate pair in it");
    if (!this.participant.session) return;
    this.#unanswered += 1;
    this.participant.handle({ op: "send", to, body, copy: false });
  }

  #sendPrivately(value: string): undefined {
    const [, name, text] = privateMessage.exec(value) ?? [];
    if (name === undefined || text === undefined) return this.#tell("say to whom, and what: /msg NAME text");
    return this.#send(name, text);
  }

  #list(): undefined {
    const own = this.participant.session?.user.name;
    const others = this.#core.online(lobby).filter((name) => name !== own);
    return this.#tell(others.length === 0 ? "nobody else is here" : others.sort().join(", "));
  }

  // Who it is

  async #arrive(): Promise<void> {
    const arrived = await this.participant.login(async () => {
      this.#guest = await this.#names.newGuest();
      return this.#guest;
    });
    if (!arrived.ok) this.participant.close(arrived.fault.code, arrived.fault.message);
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
    const settle = async () => {
      await this.#names.settle(address);
      return address.name;
    };
    const renamed = await this.participant.login(settle, ({ user }) => {
      this.#seen.add(before.subscriptions.values());
      this.#tell(`you are now ${user.name}`);
    });
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

  encode(entry: Entry, shared: boolean): string | Buffer {
    const form = this.#form ?? "structured";
    return shared ? entry.encodedBy(encodeShared[form]) : encodeMessage(form, entry);
  }

  shows(entry: Entry): boolean {
    const name = this.participant.session?.user.name;
    return !this.#seen.has(entry) && !(name !== undefined && isRenameTo(name, entry));
  }

  told(event: Told): void {
    if (event.op !== "ok" && event.op !== "error") return;
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
