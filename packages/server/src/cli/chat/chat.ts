/**
 * `parley chat`: connects, shows what was said before, and hands over to the conversation until the person leaves. Uses
 * the terminal where there is one, plain lines otherwise.
 */
import type { Client, ParleyError } from "@parley/client";
import { complain, complainAbout } from "../complaint.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { createLineWriter } from "../line-writer.ts";
import type { Login } from "../login.ts";
import { joinRoom, tellProblem, workOnLines } from "./chat-actions.ts";
import { type ChatConnection, connectChat } from "./chat-client.ts";
import type { ChatView } from "./chat-view.ts";
import { Conversation } from "./conversation.ts";
import { earlierMessages } from "./earlier-messages.ts";
import { PlainView } from "./plain-view.ts";
import { TerminalView } from "./terminal-view.ts";

export interface ChatFlags extends Login {
  readonly to?: string;
  /** Earlier messages to show on entry. */
  readonly history?: number;
}

const defaultHistory = 20;
/** How long what was entered last may take to be stored, when the person leaves. */
const leaveTimeoutMs = 5_000;

/** Talks until the person leaves. Resolves with the exit code. */
export async function chat(flags: ChatFlags): Promise<ExitCode> {
  try {
    return await converse(await connectChat(flags), flags);
  } catch (error) {
    return await complainAbout(error, flags.url);
  }
}

async function converse({ client, welcome, unremembered }: ChatConnection, flags: ChatFlags): Promise<ExitCode> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY && process.env.TERM !== "dumb";
  const view: ChatView = isTerminal
    ? new TerminalView(process.stdin, process.stdout, welcome.user)
    : new PlainView(process.stdin, createLineWriter(process.stdout), welcome.user);
  const conversation = new Conversation(client, view, welcome.user);
  const ended = endOf(client, view);
  try {
    if (unremembered !== undefined)
      view.notice(`another device than last time, and forgotten at the end: ${unremembered}`);
    if (isTerminal) view.notice("/help lists the commands, Ctrl-D leaves");
    await enter(conversation, flags, isTerminal ? defaultHistory : 0);
    await workOnLines(conversation);
    await client.close({ timeoutMs: leaveTimeoutMs });
  } finally {
    conversation.end();
    view.close();
    await client.close({ timeoutMs: 0 });
  }
  const fault = ended();
  if (fault) return complainAbout(fault, flags.url);
  const { refused, unsent } = conversation;
  if (unsent > 0) complain(unsentText(unsent, unremembered === undefined));
  // Who sits at the terminal has seen what was refused, and has gone on.
  return unsent > 0 || (refused > 0 && !isTerminal) ? exitCodes.failed : exitCodes.ok;
}

/** Shows what was said before, then lets everything new in. */
async function enter(conversation: Conversation, flags: ChatFlags, defaultCount: number): Promise<void> {
  const { client, user } = conversation;
  const { to, history: count = defaultCount } = flags;
  const positions = client.positions;
  try {
    if (to?.startsWith("#")) await conversation.whileOnline(joinRoom(conversation, to));
    else if (to !== undefined) conversation.talkTo(to);
    const earlier = earlierMessages(client, { self: user, recipient: to, count }, positions);
    const messages = await conversation.whileOnline(earlier);
    if (messages.length > 0) await conversation.recall(messages);
  } catch (error) {
    tellProblem(conversation, error);
  }
  conversation.begin();
}

function unsentText(count: number, isRemembered: boolean): string {
  const messages = count === 1 ? "1 message was" : `${count} messages were`;
  return `${messages} not answered by the server${isRemembered ? "; the next chat sends what is missing" : ""}`;
}

/** Ends the input when the connection ends for good or a signal asks for it; then tells the fault, if there was one. */
function endOf(client: Client, view: ChatView): () => ParleyError | undefined {
  let fault: ParleyError | undefined;
  client.on("state", (change) => {
    if (change.state !== "closed") return;
    fault = change.error;
    view.close();
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => view.close());
  return () => fault;
}
