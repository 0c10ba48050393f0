/** Carries out what is entered in a chat, one line after the other. The texts that answer commands are made here. */
import { ParleyError } from "@parley/client";
import { parseRoom } from "@parley/protocol";
import { shortTime } from "../clock-text.ts";
import { explain } from "../complaint.ts";
import { presenceText } from "../presence-text.ts";
import { type ChatCommand, chatHelp, parseChatLine } from "./chat-command-line.ts";
import type { Conversation } from "./conversation.ts";
import { earlierMessages } from "./earlier-messages.ts";

/** Users or rooms that one answer names. */
const maxNamed = 100;

/** Works on the entered lines until they end or one says `/quit`. */
export async function workOnLines(conversation: Conversation): Promise<void> {
  for await (const line of conversation.view.lines) {
    const command = parseChatLine(line);
    if (command.type === "quit") return;
    try {
      await carryOut(conversation, command);
    } catch (error) {
      tellProblem(conversation, error);
    }
  }
}

/** Shows why something could not be done. Bugs are thrown on; `closed` is what the end looks like. */
export function tellProblem({ view }: Conversation, error: unknown): void {
  if (!(error instanceof ParleyError)) throw error;
  if (error.code !== "closed") view.problem(error.code === "disconnected" ? error.message : explain(error));
}

async function carryOut(conversation: Conversation, command: ChatCommand): Promise<void> {
  const { view } = conversation;
  switch (command.type) {
    case "text":
      return conversation.say(command.text);
    case "to":
      return conversation.talkTo(command.to);
    case "help":
      return view.notice(chatHelp);
    case "mistake":
      return view.problem(command.why);
    default:
      if (conversation.isOffline) view.problem("offline: only messages can be written now, they are sent later");
      else await conversation.whileOnline(askServer(conversation, command));
  }
}

async function askServer(conversation: Conversation, command: ChatCommand): Promise<void> {
  switch (command.type) {
    case "join":
      return joinRoom(conversation, command.room);
    case "leave":
      return leaveRoom(conversation, command.room ?? conversation.recipient);
    case "who":
      return tellWho(conversation, command.room);
    case "rooms":
      return tellRooms(conversation);
    case "history":
      return showHistory(conversation, command.count);
  }
}

/** Makes the user a member and talks to the room. */
export async function joinRoom(conversation: Conversation, room: string): Promise<void> {
  await conversation.client.join(room);
  conversation.view.notice(`you are in ${room}; what you write goes there`);
  conversation.talkTo(room);
}

async function leaveRoom(conversation: Conversation, room: string | undefined): Promise<void> {
  const { client, view, recipient } = conversation;
  if (room === undefined || !room.startsWith("#")) return view.problem("/leave #room");
  await client.leave(room);
  view.notice(`you are no longer in ${room}`);
  if (recipient !== undefined && keyOf(recipient) === keyOf(room)) conversation.talkTo(undefined);
}

async function tellWho({ client, view }: Conversation, room: string | undefined): Promise<void> {
  const { users, next } = await client.users({ limit: maxNamed, ...(room === undefined ? {} : { room }) });
  const online = users.filter((each) => each.online).map(({ user }) => user);
  const away = users
    .filter((each) => !each.online)
    .map((each) => `${each.user} (${presenceText(each, (ms) => shortTime(ms))})`);
  const lines = [`${room === undefined ? "" : `${room}, `}online: ${online.join(", ") || "nobody"}`];
  if (away.length > 0) lines.push(`away: ${away.join(", ")}`);
  if (next !== undefined) lines.push("… and more: `parley users` lists all");
  view.notice(lines.join("\n"));
}

async function tellRooms({ client, view }: Conversation): Promise<void> {
  const { rooms, next } = await client.rooms({ limit: maxNamed });
  const names = rooms.map(
    ({ room, members, joined }) =>
      `${room} (${members} ${members === 1 ? "member" : "members"}${joined ? ", you too" : ""})`,
  );
  const more = next === undefined ? "" : "\n… and more: `parley rooms` lists all";
  view.notice(`${names.length === 0 ? "no rooms yet: /join #room makes one" : names.join(", ")}${more}`);
}

async function showHistory(conversation: Conversation, count: number): Promise<void> {
  const { client, user, recipient } = conversation;
  await conversation.recall(await earlierMessages(client, { self: user, recipient, count }));
}

function keyOf(room: string): string {
  const parsed = parseRoom(room);
  return parsed.ok ? parsed.value.key : room;
}
