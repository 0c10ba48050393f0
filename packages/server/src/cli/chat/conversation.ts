/**
 * A conversation: what arrives is shown, what is entered is sent or carried out. Holds whom the person talks to and the
 * own messages without a last word; knows neither terminal nor sockets.
 */
import { randomUUID } from "node:crypto";
import {
  type Client,
  type Message,
  ParleyError,
  type Problem,
  type Receipt,
  type SendResult,
  type StateChange,
  type StoredMessage,
} from "@parley/client";
import { explain, lossReason } from "../complaint.ts";
import { isSameUser } from "../message-head.ts";
import type { ChatView } from "./chat-view.ts";
import { PresenceNotes } from "./presence-notes.ts";

/** Own messages on their way to the server; more wait in the input (a person never types so many). */
const maxUnanswered = 256;
/** Own messages that may wait for a receipt. */
const maxTracked = 10_000;
/** Message ids that are known to have been shown: one message may come in several logs. */
const maxShown = 10_000;

interface OwnMessage {
  readonly to: string;
  isStored: boolean;
  isDelivered: boolean;
}

export class Conversation {
  readonly client: Client;
  readonly view: ChatView;
  readonly #presence: PresenceNotes;
  readonly #watched = new Set<string>();
  /** Own messages by client id that wait for their last word. */
  readonly #own = new Map<string, OwnMessage>();
  readonly #shown = new Set<string>();
  #user: string;
  #recipient: string | undefined;
  #isOffline = false;
  #refused = 0;
  #unsent = 0;

  constructor(client: Client, view: ChatView, user: string) {
    this.client = client;
    this.view = view;
    this.#user = user;
    this.#presence = new PresenceNotes((text) => view.notice(text));
    client.on("state", (change) => this.#stateChanged(change));
    client.on("receipt", (receipt) => this.#received(receipt));
    client.on("sent", (result) => this.#sent(result));
    client.on("rejected", ({ clientId, error }) => this.#rejected(clientId, error));
    client.on("presence", ({ users }) => {
      for (const presence of users) this.#presence.heard(presence, this.#recipient);
    });
    client.on("error", (problem) => this.#went(problem));
    client.on("gap", ({ log, from, to, reason }) =>
      view.problem(`${to - from + 1} messages of ${log} are not there any more (${reason})`),
    );
    client.on("reset", ({ log, previous }) => {
      if (previous) view.problem(`${log} was replaced on the server: messages may be missing`);
    });
  }

  get user(): string {
    return this.#user;
  }

  get recipient(): string | undefined {
    return this.#recipient;
  }

  get isOffline(): boolean {
    return this.#isOffline;
  }

  /** How many entered messages the server refused. */
  get refused(): number {
    return this.#refused;
  }

  /** How many entered messages had no answer when the connection was closed. */
  get unsent(): number {
    return this.#unsent;
  }

  /** Shows messages of the past. */
  async recall(messages: readonly StoredMessage[]): Promise<void> {
    this.view.divider(this.#recipient === undefined ? "earlier" : `earlier, with ${this.#recipient}`);
    for (const message of messages) {
      await this.view.message(message, true);
      this.#remember(message);
    }
    this.view.divider("now");
  }

  /** Shows what has waited and what comes from now on. */
  begin(): void {
    this.client.on("message", (message) => this.#arrived(message));
  }

  /** Plain text goes to `recipient` from now on. */
  talkTo(recipient: string | undefined): void {
    this.#recipient = recipient;
    this.#showPrompt();
    if (recipient === undefined || !isUser(recipient)) return;
    if (this.#watched.has(recipient)) this.#presence.recall(recipient);
    else this.meet(recipient);
  }

  /** Their coming and going is told from now on. */
  meet(user: string): void {
    if (this.#watched.has(user) || isSameUser(user, this.#user)) return;
    this.#watched.add(user);
    this.client.watch([user]).catch(() => this.#watched.delete(user));
  }

  /** Sends text to whom the person talks to. Resolves when there is room for more, not when it is stored. */
  async say(text: string): Promise<void> {
    if (text.trim() === "") return;
    const to = this.#recipient;
    if (to === undefined) {
      this.view.problem("nobody to talk to yet: /to NAME or /join #room");
      return;
    }
    const clientId = randomUUID();
    this.#own.set(clientId, { to, isStored: false, isDelivered: false });
    if (this.#own.size > maxTracked) this.#own.delete(this.#own.keys().next().value ?? clientId);
    const message = {
      from: this.#user,
      to,
      body: text,
      encoding: undefined,
      contentType: "text/plain",
      type: undefined,
    };
    this.view.own(clientId, { ...message, ts: Date.now() });
    // Its fate comes as an event, for a message of an earlier chat as well.
    const answer = this.client.send(to, text, { clientId, receipt: isUser(to) }).catch(() => {});
    if (this.client.pendingSends >= maxUnanswered) await answer;
  }

  /** The answer to a question, or `disconnected` once the connection is lost: nobody waits for what may take hours. */
  async whileOnline<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const lost = Promise.withResolvers<never>();
    const forget = this.client.on("state", (change) => {
      if (change.state === "offline") lost.reject(new ParleyError("disconnected", "offline: ask again later"));
    });
    return Promise.race([answer, lost.promise]).finally(forget);
  }

  /** Ends the notes that would still come. */
  end(): void {
    this.#presence.close();
  }

  async #arrived(message: Message): Promise<void> {
    if (this.#shown.has(message.id)) return;
    await this.view.message(message);
    this.#remember(message);
    if (isSameUser(message.from, this.#user)) return;
    this.meet(message.from);
    if (this.#recipient === undefined && message.to !== "*" && !Array.isArray(message.to)) this.#answer(message);
  }

  /** The first who writes is whom one answers, until the person says otherwise. */
  #answer({ from, to }: Message): void {
    const recipient = typeof to === "string" && to.startsWith("#") ? to : from;
    this.view.notice(`what you write now goes to ${recipient} (/to changes that)`);
    this.talkTo(recipient);
  }

  #remember({ id }: StoredMessage): void {
    this.#shown.add(id);
    if (this.#shown.size > maxShown) this.#shown.delete(this.#shown.values().next().value ?? id);
  }

  #sent({ clientId, recipients }: SendResult): void {
    const own = this.#own.get(clientId);
    if (!own) {
      this.view.notice(`✓ stored now: an earlier message to ${recipients.map(({ to }) => to).join(", ")}`);
      return;
    }
    own.isStored = true;
    if (!own.isDelivered) this.view.settle(clientId, "stored");
    if (own.isDelivered || !isUser(own.to)) this.#own.delete(clientId);
  }

  #received({ clientId }: Receipt): void {
    const own = clientId === undefined ? undefined : this.#own.get(clientId);
    if (!own || clientId === undefined) return;
    own.isDelivered = true;
    this.view.settle(clientId, "delivered");
    if (own.isStored) this.#own.delete(clientId);
  }

  #rejected(clientId: string, error: ParleyError): void {
    if (error.code === "closed") {
      this.#unsent += 1;
      return;
    }
    this.#refused += 1;
    const to = this.#own.get(clientId)?.to;
    this.#own.delete(clientId);
    this.view.settle(clientId, "refused");
    this.view.problem(`${to === undefined ? "an earlier message" : `to ${to}`}: ${explain(error)}${remedy(error, to)}`);
  }

  #stateChanged(change: StateChange): void {
    if (change.state === "offline" && !this.#isOffline) {
      this.#isOffline = true;
      this.view.problem(`offline (${lossReason(change.error)}), trying again … What you write waits.`);
    } else if (change.state === "online") {
      this.#user = change.welcome.user;
      if (this.#isOffline) this.view.notice("online again");
      this.#isOffline = false;
    } else return;
    this.#showPrompt();
  }

  #went(problem: Problem): void {
    if (problem.type === "send") this.view.problem("the server cannot store messages at the moment, trying again …");
    else if (problem.type === "server") this.view.problem(explain(problem.error));
    else if (problem.type === "persistence") this.view.problem(`cannot remember where you are: ${problem.error}`);
    else if (problem.type === "listener") throw problem.error;
  }

  #showPrompt(): void {
    this.view.prompt({ user: this.#user, recipient: this.#recipient, isOffline: this.#isOffline });
  }
}

/** Only users send receipts. */
function isUser(address: string): boolean {
  return !/^[#*]/.test(address);
}

function remedy({ code }: ParleyError, to: string | undefined): string {
  return code === "not_member" || code === "unknown_room" ? ` (/join ${to})` : "";
}
