/**
 * What agents ask, and what becomes of it: the mapping of `udp-agent` to the core. An agent is told apart by its user
 * name, and belongs to the IP address that it logged in from, whatever ports its datagrams come from.
 */
import type { Fault, Result, UserAddress } from "@parley/protocol";
import type { Core } from "../../core/core.ts";
import type { User } from "../../core/directory.ts";
import type { Allowance } from "../../core/limits/allowance.ts";
import type { Doors } from "../doors.ts";
import type { GatewayLog } from "../gateway.ts";
import { IdleSweep } from "../idle-sweep.ts";
import { unexpected } from "../unexpected.ts";
import { Agent, type Source, tooMany } from "./agent.ts";
import { type AgentMessage, encodeLogOut, encodeNotice, encodeUserList } from "./codec.ts";
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

type Asked<Id extends AgentMessage["id"]> = Extract<AgentMessage, { id: Id }>["content"];

/** They have no sockets that would run out. */
const defaultMaxAgents = 10_000;
/** Bytes of names in a notice about several users. */
const maxListedBytes = 2000;
const name = "udp-agent";

export class Broker {
  /** Datagrams that were refused: of users who are not logged in, or are from elsewhere. */
  refused = 0;
  readonly #options: BrokerOptions;
  readonly #sendTo: SendTo;
  /** By the user's key. */
  readonly #agents = new Map<string, Agent>();
  readonly #sweep: IdleSweep<Agent>;
  readonly #userSet: UserSet;
  readonly #stopWatching: () => void;

  constructor(options: BrokerOptions, sendTo: SendTo) {
    const { core, maxDatagramBytes, inactivityMs } = options;
    this.#options = options;
    this.#sendTo = sendTo;
    this.#sweep = new IdleSweep(inactivityMs);
    this.#userSet = new UserSet(core, maxDatagramBytes);
    this.#stopWatching = core.onOnlineChange(() => this.#userSet.due(this.#agents.values()));
  }

  /** Carries out what a datagram says. */
  handle(message: AgentMessage, source: Source): void {
    const { sender } = message;
    const agent = this.#agents.get(sender.key);
    if (!agent && !this.#mayAsk(source)) {
      this.refused += 1;
      return;
    }
    if (agent && agent.address !== source.address)
      return this.#refuse(message, source, `${sender.name} is logged in from another address`);
    if (message.id === "log_in") return this.#logIn(message, source, agent);
    if (!agent) return this.#refuse(message, source, `${sender.name} is not logged in: send log_in first`);
    this.#heard(agent, source);
    const wait = agent.ask(source.bytes);
    if (wait > 0) {
      this.refused += 1;
      agent.say(encodeNotice(`too much at once: a ${message.id} was not taken, try again after ${wait} ms`));
      return;
    }
    const taken = agent.run(() => (agent.user ? this.#ask(message, agent, agent.user) : undefined));
    if (!taken) agent.say(encodeNotice(`too much at once: a ${message.id} was not taken`));
  }

  /** Whether somebody who is not logged in is within the rates of the address. There is no answer that would help: it may be forged. */
  #mayAsk({ address, bytes }: Source): boolean {
    const { core, doors } = this.#options;
    return core.limiter.request(doors?.keyOf(address), undefined, bytes) === undefined;
  }

  #heard(agent: Agent, source: Source): void {
    if (agent.heard(source)) this.#userSet.due([agent]);
  }

  /** Answers somebody who is not an agent: never by more bytes than came. */
  #refuse(message: AgentMessage, { address, port, bytes }: Source, reason: string): void {
    this.refused += 1;
    const datagram = encodeNotice(reason);
    if (datagram.length > bytes && !this.#options.isLocal(address)) return;
    this.#sendTo(datagram, message.id === "log_in" ? message.content.sender_port : port, address, () => {});
  }

  #logIn(message: Extract<AgentMessage, { id: "log_in" }>, source: Source, present: Agent | undefined): void {
    const { sender, content } = message;
    const port = content.sender_port;
    if (present?.isAt(source, port)) {
      this.#heard(present, source);
      present.run(() => this.#acknowledge(present));
      return;
    }
    if (present && !present.user) {
      // One at a time: however many come, one login is under way.
      present.run(() => void this.handle(message, source));
      return;
    }
    if (!present && !this.#hasRoom()) return this.#refuse(message, source, tooMany);
    const { core, doors } = this.#options;
    const admitted = core.limiter.admit(doors?.keyOf(source.address));
    if (!admitted.ok) return this.#refuse(message, source, admitted.fault.message);
    const agent = this.#open(sender, source, port, admitted.value);
    agent.heard(source);
    agent.run(async () => {
      const result = await agent.logIn(sender).catch((error) => unexpected(error, name, this.#options.log));
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
      send: (datagram, done) => this.#sendTo(datagram, port, source.address, done),
      maxDatagramBytes,
      maxQueuedBytes: maxOutboxBytes,
      onError: (error) => log.error(`an agent of ${name}`, error),
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
    const own = agent.user?.name;
    if (own === undefined) return;
    const users = beginningWith(own, this.#options.core.online());
    agent.acknowledge((maxBytes) => encodeUserList("acknowledge_log_in", users, maxBytes));
  }

  #ask(message: AgentMessage, agent: Agent, user: User): Promise<void> | undefined {
    switch (message.id) {
      case "send_message":
        return this.#send(agent, user, message.content.receiver_username, message.content.message_text);
      case "multicast_message":
        return this.#multicast(agent, user, message.content);
      case "broadcast_message":
        return this.#send(agent, user, "*", message.content.message_text);
      case "group_message":
        return this.#send(agent, user, roomOf(message.content.group_name), message.content.message_text);
      case "create_group":
        return this.#createGroup(agent, user, message.content);
      case "get_online_users":
      case "get_user_list":
        agent.say(encodeUserList("online_users", this.#options.core.online(), agent.room));
        return;
      case "log_out":
        this.#agents.delete(user.key);
        agent.leave(encodeLogOut());
        return;
      default:
        // A ping is only heard.
        return;
    }
  }

  /** Sends, and tells the agent who is away, or why not. Does not wait: what is asked next is stored with it. */
  #send(agent: Agent, user: User, to: string | string[], body: string): undefined {
    const answered = agent.pending();
    this.#options.core
      .post(user, { to, body, copy: false })
      .then((result) => {
        if (!result.ok) return agent.say(encodeNotice(refusal(result.fault, to)));
        const away = (result.value.recipients ?? []).filter((one) => one.state === "stored" && isUser(one.to));
        for (const { to: receiver } of away)
          agent.say(
            encodeNotice(`${receiver} is offline. The user will receive the message when the user comes online`),
          );
      })
      .catch((error) => this.#options.log.error(`a message of ${name}`, error))
      .finally(answered);
  }

  #multicast(agent: Agent, user: User, { receiver_usernames, message_text }: Asked<"multicast_message">): undefined {
    const [known, unknown] = partition(receiver_usernames, (receiver) => this.#options.core.user(receiver));
    for (const to of chunks(known, this.#options.core.policy.maxRecipients)) this.#send(agent, user, to, message_text);
    if (unknown.length > 0) agent.say(encodeNotice(`${listed(unknown)}: unknown. The message was not sent there`));
  }

  async #createGroup(agent: Agent, user: User, { group_name, group_members }: Asked<"create_group">): Promise<void> {
    const { core, log } = this.#options;
    const made = await core
      .addMembers(user, roomOf(group_name), group_members)
      .catch((error) => unexpected(error, name, log));
    if (!made.ok) return void agent.say(encodeNotice(made.fault.message));
    const { room, members, unknown } = made.value;
    if (unknown.length > 0) agent.say(encodeNotice(`${listed(unknown)}: unknown, not in the group`));
    const body = `group ${room.slice(1)}: ${listed(members)}`;
    const posts = await Promise.all(
      chunks(members, core.policy.maxRecipients).map((to) => core.post("broker", { to, body, copy: false })),
    );
    const failed = posts.find((posted): posted is Extract<Result<never>, { ok: false }> => !posted.ok);
    if (failed) agent.say(encodeNotice(failed.fault.message));
  }

  /** Agents are not told: the protocol has no word for it. The core ends the sessions. */
  stop(): void {
    this.#stopWatching();
    this.#userSet.stop();
    this.#sweep.stop();
    for (const agent of [...this.#agents.values()]) if (!agent.user) agent.end();
  }
}

/** `first`, then the others of `names`, as far as they are asked for. */
function* beginningWith(first: string, names: readonly string[]): Iterable<string> {
  yield first;
  for (const one of names) if (one !== first) yield one;
}

/** Groups are rooms. */
function roomOf(group: string): string {
  return group.startsWith("#") ? group : `#${group}`;
}

function isUser(address: string): boolean {
  return address !== "*" && !address.startsWith("#");
}

/** In the protocol's words where it has any. */
function refusal({ code, message }: Fault, to: string | string[]): string {
  const toRoom = typeof to === "string" && to.startsWith("#");
  if (toRoom && (code === "unknown_room" || code === "bad_name")) return "no such group";
  if (code === "unknown_user") return `${to} is unknown. The message was not sent`;
  return message;
}

function partition(names: readonly string[], isKnown: (name: string) => unknown): [known: string[], unknown: string[]] {
  const [known, unknown]: [string[], string[]] = [[], []];
  for (const one of new Set(names)) (isKnown(one) ? known : unknown).push(one);
  return [known, unknown];
}

/** Lists of as many as one send takes. */
function chunks(names: readonly string[], maxRecipients: number): string[][] {
  const count = Math.ceil(names.length / maxRecipients);
  return Array.from({ length: count }, (_, i) => names.slice(i * maxRecipients, (i + 1) * maxRecipients));
}

/** Names in a sentence: all, or as many as a datagram has room for beside other things. */
function listed(names: readonly string[]): string {
  let bytes = 0;
  const shown = names.filter((one) => {
    bytes += Buffer.byteLength(one);
    return bytes <= maxListedBytes;
  });
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
