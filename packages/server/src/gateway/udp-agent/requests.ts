/**
 * What agents that are logged in ask, and what becomes of it: the mapping of `udp-agent` to the core, in the protocol's
 * words. Called by the broker, one request of an agent after the other.
 */
import type { Fault, Result } from "@parley/protocol";
import type { Actor } from "../../core/authorisation.ts";
import type { Core } from "../../core/core.ts";
import type { GatewayLog } from "../gateway.ts";
import { unexpected } from "../unexpected.ts";
import type { Agent } from "./agent.ts";
import { type AgentMessage, encodeNotice, encodeUserList } from "./codec.ts";

type Asked<Id extends AgentMessage["id"]> = Extract<AgentMessage, { id: Id }>["content"];

/** Bytes of names in a notice about several users. */
const maxListedBytes = 2000;
const name = "udp-agent";

export class Requests {
  readonly #core: Core;
  readonly #log: GatewayLog;

  constructor(core: Core, log: GatewayLog) {
    this.#core = core;
    this.#log = log;
  }

  /** Carries out what the agent asks as `actor`; what there is to say of it, it is told. */
  carryOut(message: AgentMessage, agent: Agent, actor: Actor): Promise<void> | undefined {
    switch (message.id) {
      case "send_message":
        return this.#send(agent, actor, message.content.receiver_username, message.content.message_text);
      case "multicast_message":
        return this.#multicast(agent, actor, message.content);
      case "broadcast_message":
        return this.#send(agent, actor, "*", message.content.message_text);
      case "group_message":
        return this.#send(agent, actor, roomOf(message.content.group_name), message.content.message_text);
      case "create_group":
        return this.#createGroup(agent, actor, message.content);
      case "get_online_users":
      case "get_user_list":
        agent.say(encodeUserList("online_users", this.#core.online(undefined, actor), agent.room));
        return;
      default:
        // A ping is only heard; logging in and out is the broker's.
        return;
    }
  }

  /** Sends, and tells the agent who is away, or why not. Does not wait: what is asked next is stored with it. */
  #send(agent: Agent, actor: Actor, to: string | string[], body: string): undefined {
    const answered = agent.pending();
    this.#core
      .post(actor, { to, body, copy: false, durability: this.#core.durability })
      .then((result) => {
        if (!result.ok) return agent.say(encodeNotice(refusal(result.fault, to)));
        const away = (result.value.recipients ?? []).filter((one) => one.state === "stored" && isUser(one.to));
        for (const { to: receiver } of away)
          agent.say(
            encodeNotice(`${receiver} is offline. The user will receive the message when the user comes online`),
          );
      })
      .catch((error) => this.#log.error(`a message of ${name}`, error))
      .finally(answered);
  }

  #multicast(agent: Agent, actor: Actor, { receiver_usernames, message_text }: Asked<"multicast_message">): undefined {
    const [known, unknown] = partition(receiver_usernames, (receiver) => this.#core.user(receiver));
    for (const to of chunks(known, this.#core.policy.maxRecipients)) this.#send(agent, actor, to, message_text);
    if (unknown.length > 0) agent.say(encodeNotice(`${listed(unknown)}: unknown. The message was not sent there`));
  }

  async #createGroup(agent: Agent, actor: Actor, { group_name, group_members }: Asked<"create_group">): Promise<void> {
    const made = await this.#core
      .addMembers(actor, roomOf(group_name), group_members)
      .catch((error) => unexpected(error, name, this.#log));
    if (!made.ok) return void agent.say(encodeNotice(made.fault.message));
    const { room, members, unknown } = made.value;
    if (unknown.length > 0) agent.say(encodeNotice(`${listed(unknown)}: unknown, not in the group`));
    const body = `group ${room.slice(1)}: ${listed(members)}`;
    const posts = await Promise.all(
      chunks(members, this.#core.policy.maxRecipients).map((to) =>
        this.#core.post("broker", { to, body, copy: false, durability: this.#core.durability }),
      ),
    );
    const failed = posts.find((posted): posted is Extract<Result<never>, { ok: false }> => !posted.ok);
    if (failed) agent.say(encodeNotice(failed.fault.message));
  }
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
