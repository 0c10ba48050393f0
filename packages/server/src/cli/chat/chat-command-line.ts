/** The commands inside a chat: what a line that begins with a slash means, and the text of `/help`. */
import { parseAddress, parseRoom } from "@parley/protocol";

export type ChatCommand =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "to"; readonly to: string }
  | { readonly type: "join"; readonly room: string }
  | { readonly type: "leave"; readonly room: string | undefined }
  | { readonly type: "who"; readonly room: string | undefined }
  | { readonly type: "history"; readonly count: number }
  | { readonly type: "rooms" | "help" | "quit" }
  /** Not a command, or not one that can be carried out; `why` says what to type instead. */
  | { readonly type: "mistake"; readonly why: string };

type Parser = (argument: string) => ChatCommand;

const defaultHistory = 20;
const maxHistory = 500;

const commands: Readonly<Record<string, Parser>> = {
  to: (argument) => {
    const address = parseAddress(argument);
    if (argument === "") return mistake("/to NAME, /to #room or /to *");
    return address.ok ? { type: "to", to: address.value.name } : mistake(address.fault.message);
  },
  join: (argument) => withRoom(argument, (room) => ({ type: "join", room })),
  leave: (argument) =>
    argument === "" ? { type: "leave", room: undefined } : withRoom(argument, (room) => ({ type: "leave", room })),
  who: (argument) =>
    argument === "" ? { type: "who", room: undefined } : withRoom(argument, (room) => ({ type: "who", room })),
  history: (argument) => {
    const count = argument === "" ? defaultHistory : Number(argument);
    const isCount = Number.isInteger(count) && count >= 1 && count <= maxHistory;
    return isCount ? { type: "history", count } : mistake(`/history takes a number from 1 to ${maxHistory}`);
  },
  rooms: () => ({ type: "rooms" }),
  help: () => ({ type: "help" }),
  quit: () => ({ type: "quit" }),
};

export const chatHelp = `/to NAME        talk to a user, a #room or * (everybody)
/join #room     become a member of a room and talk there
/leave [#room]  stop being a member
/who [#room]    who there is, and who is online
/rooms          which rooms there are
/history [n]    the last n messages of this conversation (20)
/help           this
/quit           leave; so do Ctrl-C, and Ctrl-D on an empty line
//text          a message that begins with a slash
Beside your messages: · on its way, ✓ stored by the server, ✓✓ arrived at a device of the recipient (rooms and * do
not tell), ✗ refused. While offline you can go on writing: what you write is sent when the server is back.`;

/** Understands a line as entered. */
export function parseChatLine(line: string): ChatCommand {
  if (!line.startsWith("/")) return { type: "text", text: line };
  if (line.startsWith("//")) return { type: "text", text: line.slice(1) };
  const [, word = "", argument = ""] = /^\/(\S*)\s*(.*)$/s.exec(line) ?? [];
  const parser = Object.hasOwn(commands, word) ? commands[word] : undefined;
  return parser ? parser(argument.trim()) : mistake(`/${word} is not a command: /help lists them`);
}

function withRoom(argument: string, make: (room: string) => ChatCommand): ChatCommand {
  const room = parseRoom(argument.startsWith("#") ? argument : `#${argument}`);
  return room.ok ? make(room.value.name) : mistake(room.fault.message);
}

function mistake(why: string): ChatCommand {
  return { type: "mistake", why };
}
