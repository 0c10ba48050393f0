/**
 * Which agents there are, and whose datagrams count. An agent is told apart by its user name, and belongs to the IP
 * address that it logged in from, whatever ports its datagrams come from. Where login is not open, who logs in proves it
 * by a token before anything is kept of it, and every later datagram by the agent's secret.
 */
import { randomBytes } from "node:crypto";
import type { Result, UserAddress } from "@parley/protocol";
import type { Actor } from "../../core/authorisation.ts";
import type { Core } from "../../core/core.ts";
import type { Identity } from "../../core/identity.ts";
import type { Allowance } from "../../core/limits/allowance.ts";
import type { Doors } from "../doors.ts";
import type { GatewayLog } from "../gateway.ts";
import { IdleSweep } from "../idle-sweep.ts";
import { unexpected } from "../unexpected.ts";
import { Agent, type Source, tooMany } from "./agent.ts";
import { type AgentMessage, encodeLogOut, encodeNotice, encodeUserList } from "./codec.ts";
import { Requests } from "./requests.ts";
import { UserSet } from "./user-set.ts";

export interface BrokerOptions {
  readonly core: Core;
  readonly log: GatewayLog;
  readonly maxOutboxBytes: number;
  readonly inactivityMs: number;
  readonly maxDatagramBytes: number;
  /** Whether nobody elsewhere can send in the name of that address: true for loopback. */
  readonly isLocal: (address: string) => boolean;
  /** Most agents at a time; 10,000 unless given. */
  readonly maxAgents?: number;
  readonly doors?: Doors | undefined;
}

/** Hands a datagram to the operating system; `done` is told later whether it took it. */
export type SendTo = (datagram: Buffer, port: number, address: string, done: (sent: boolean) => void) => void;

type LogIn = Extract<AgentMessage, { id: "log_in" }>;

/** They have no sockets that would run out. */
const defaultMaxAgents = 10_000;
/** Logins whose token is being looked at: what comes beyond them is dropped. */
const maxProving = 256;
const secretBytes = 16;
const name = "udp-agent";

export class Broker {
  /** Datagrams that were refused: of users who are not logged in, or are from elsewhere. */
  refused = 0;
  #proving = 0;
  readonly #options: BrokerOptions;
  readonly #sendTo: SendTo;
  /** By the user's key. */
  readonly #agents = new Map<string, Agent>();
  readonly #sweep: IdleSweep<Agent>;
  readonly #userSet: UserSet;
  readonly #requests: Requests;
  readonly #stopWatching: () => void;

  constructor(options: BrokerOptions, sendTo: SendTo) {
    const { core, log, maxDatagramBytes, inactivityMs } = options;
    this.#options = options;
    this.#sendTo = sendTo;
    this.#sweep = new IdleSweep(inactivityMs);
    this.#userSet = new UserSet(core, maxDatagramBytes);
    this.#requests = new Requests(core, log);
    this.#stopWatching = core.onOnlineChange(() => this.#userSet.due(this.#agents.values()));
  }

  /** Carries out what a datagram says. */
  handle(message: AgentMessage, source: Source): void {
    const { sender } = message;
    const { core } = this.#options;
    if (message.id === "log_in") {
      if (!this.#mayAsk(source)) return;
      if (!core.openLogin) return void this.#prove(message, source);
      return this.#logIn(message, source, () => core.identify({ user: sender.name }, infoOf(source)));
    }
    const agent = this.#agents.get(sender.key);
    if (!agent?.owns(message.content.session)) {
      if (this.#mayAsk(source)) this.#refuse(message, source, `${sender.name} is not logged in: send log_in first`);
      return;
    }
    if (agent.address !== source.address) return this.#refuse(message, source, elsewhere(sender));
    this.#heard(agent, source);
    const wait = agent.ask(source.bytes);
    if (wait > 0) {
      this.refused += 1;
      if (message.id.endsWith("_message")) core.traffic.sendRefused("rate_limited", { user: sender.name });
      agent.say(encodeNotice(`too much at once: a ${message.id} was not taken, try again after ${wait} ms`));
      return;
    }
    const taken = agent.run(() => (agent.session ? this.#ask(message, agent, agent.session) : undefined));
    if (!taken) agent.say(encodeNotice(`too much at once: a ${message.id} was not taken`));
  }

  /**
   * Whether somebody who is not logged in is within the rates of the address; if not, that is all: it may be forged, and no
   * answer would help.
   */
  #mayAsk({ address, bytes }: Source): boolean {
    const { core, doors } = this.#options;
    const may = core.limiter.request(doors?.keyOf(address), undefined, bytes) === undefined;
    if (!may) this.refused += 1;
    return may;
  }

  #heard(agent: Agent, source: Source, isLogin = false): void {
    if (agent.heard(source, isLogin)) this.#userSet.due([agent]);
  }

  /** Looks at the token of a login, which nothing is kept of before. */
  async #prove(message: LogIn, source: Source): Promise<void> {
    if (this.#proving >= maxProving) return;
    this.#proving += 1;
    const { core, log } = this.#options;
    const { token = "" } = message.content;
    try {
      const identity = await core.identify({ user: message.sender.name, token }, infoOf(source));
      if (identity.ok) this.#logIn(message, source, async () => identity);
      else this.#refuse(message, source, identity.fault.message);
    } catch (error) {
      const answer = unexpected(error, name, log);
      if (!answer.ok) this.#refuse(message, source, answer.fault.message);
    } finally {
      this.#proving -= 1;
    }
  }

  /** Answers somebody who is not an agent: never by more bytes than came. */
  #refuse(message: AgentMessage, { address, port, bytes }: Source, reason: string): void {
    this.refused += 1;
    const datagram = encodeNotice(reason);
    if (datagram.length > bytes && !this.#options.isLocal(address)) return;
    this.#sendTo(datagram, message.id === "log_in" ? message.content.sender_port : port, address, () => {});
  }

  #logIn(message: LogIn, source: Source, identify: () => Promise<Result<Identity>>): void {
    const { sender, content } = message;
    const present = this.#agents.get(sender.key);
    if (present && present.address !== source.address) return this.#refuse(message, source, elsewhere(sender));
    const port = content.sender_port;
    if (present?.isAt(source, port)) {
      this.#heard(present, source, true);
      present.run(() => {
        if (!this.#options.core.openLogin) present.renew(content.token ?? "");
        return this.#acknowledge(present);
      });
      return;
    }
    if (present && !present.user) {
      // One at a time: however many come, one login is under way.
      present.run(() => void this.#logIn(message, source, identify));
      return;
    }
    if (!present && !this.#hasRoom()) return this.#refuse(message, source, tooMany);
    const { core, doors } = this.#options;
    const admitted = core.limiter.admit(doors?.keyOf(source.address));
    if (!admitted.ok) return this.#refuse(message, source, admitted.fault.message);
    const agent = this.#open(sender, source, port, admitted.value);
    agent.heard(source, true);
    agent.run(async () => {
      const result = await identify()
        .then((identity) => agent.logIn(identity))
        .catch((error) => unexpected(error, name, this.#options.log));
      // Not before: the user has not been offline.
      present?.end();
      if (result.ok) return this.#acknowledge(agent);
      agent.end();
      this.#refuse(message, source, result.fault.message);
    });
  }

  /** An agent that speaks for `user` from now on, though not logged in yet. */
  #open({ key }: UserAddress, source: Source, port: number, allowance: Allowance): Agent {
    const { core, log, isLocal, maxDatagramBytes, maxOutboxBytes } = this.#options;
    const agent = new Agent({
      core,
      source,
      port,
      allowance,
      local: isLocal(source.address),
      secret: core.openLogin ? undefined : randomBytes(secretBytes).toString("base64url"),
      send: (datagram, done) => this.#sendTo(datagram, port, source.address, done),
      maxDatagramBytes,
      maxQueuedBytes: maxOutboxBytes,
      onError: (error, about) => log.error(`an agent of ${name}`, error, about),
      onEnd: (ended) => {
        this.#sweep.connections.delete(ended);
        if (this.#agents.get(key) === ended) this.#agents.delete(key);
      },
    });
    this.#agents.set(key, agent);
    this.#sweep.connections.add(agent);
    return agent;
  }

  /** Whether one more agent may be. Of too many, one whose address has shown nothing goes first. */
  #hasRoom(): boolean {
    const { maxAgents = defaultMaxAgents } = this.#options;
    if (this.#agents.size < maxAgents) return true;
    const unproven = this.#agents.values().find(({ trusted }) => !trusted);
    unproven?.end();
    return unproven !== undefined;
  }

  #acknowledge(agent: Agent): undefined {
    const { session } = agent;
    if (session === undefined) return;
    const users = beginningWith(session.user.name, this.#options.core.online(undefined, session));
    agent.acknowledge((maxBytes, more) => encodeUserList("acknowledge_log_in", users, maxBytes, more));
  }

  #ask(message: AgentMessage, agent: Agent, actor: Actor): Promise<void> | undefined {
    if (message.id !== "log_out") return this.#requests.carryOut(message, agent, actor);
    this.#agents.delete(actor.user.key);
    agent.leave(encodeLogOut());
    return undefined;
  }

  /** Agents are not told: the protocol has no word for it. The core ends the sessions. */
  stop(): void {
    this.#stopWatching();
    this.#userSet.stop();
    this.#sweep.stop();
    for (const agent of [...this.#agents.values()]) if (!agent.user) agent.end();
  }
}

function elsewhere({ name }: UserAddress): string {
  return `${name} is logged in from another address`;
}

function infoOf({ address, port }: Source): { readonly gateway: string; readonly address: string } {
  return { gateway: name, address: `${address}:${port}` };
}

/** `first`, then the others of `names`, as far as they are asked for. */
function* beginningWith(first: string, names: readonly string[]): Iterable<string> {
  yield first;
  for (const one of names) if (one !== first) yield one;
}
