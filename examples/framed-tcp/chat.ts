/**
 * A terminal client for framed-tcp that stays usable while one types: what comes in is printed above the line that is
 * being typed. `npx -c 'node examples/framed-tcp/chat.ts [PORT [HOST]]'`; `/rename NAME`, `/list`, `/msg NAME text`, Ctrl-D to leave.
 */
import { connect } from "node:net";
import { clearScreenDown, createInterface, cursorTo, moveCursor } from "node:readline";

const [port = "5789", host = "127.0.0.1"] = process.argv.slice(2);
const socket = connect(Number(port), host);
const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: "> " });

/** Prints above the line that is being typed, and puts that back with its cursor. */
function print(line: string): void {
  if (!process.stdout.isTTY) return console.log(line);
  moveCursor(process.stdout, 0, -terminal.getCursorPos().rows);
  cursorTo(process.stdout, 0);
  clearScreenDown(process.stdout);
  console.log(line);
  // Otherwise readline would go up by these rows again.
  Object.assign(terminal, { prevRows: 0 }).prompt(true);
}

/** One frame: the length of the payload in 4 bytes, then the payload. */
function send(payload: object): void {
  const bytes = Buffer.from(JSON.stringify(payload));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  socket.write(Buffer.concat([length, bytes]));
}

let received = Buffer.alloc(0);
socket.on("data", (chunk) => {
  received = Buffer.concat([received, chunk]);
  while (received.length >= 4 && received.length >= 4 + received.readUInt32BE()) {
    const end = 4 + received.readUInt32BE();
    const { username, text, room, private: isPrivate } = JSON.parse(received.toString("utf8", 4, end));
    received = received.subarray(end);
    // What others send is not to move the cursor or change colours.
    const shown = String(text).replace(/[^\P{Cc}\n\t]/gu, "?");
    print(`${username}${room ? ` in ${room}` : ""}${isPrivate ? " (to you)" : ""}: ${shown}`);
  }
});

terminal.on("line", (line) => {
  const [, cmd, value = ""] = /^(\/\S+)\s*(.*)$/.exec(line) ?? [];
  if (cmd) send({ type: "command", cmd, value });
  else if (line !== "") send({ type: "chat", username: [socket.localAddress, socket.localPort], text: line });
  terminal.prompt();
});
terminal.on("close", () => socket.end());
socket.on("connect", () => terminal.prompt());
socket.on("error", ({ message }) => print(message));
socket.on("close", () => {
  console.log("\nThe connection is closed.");
  process.exit();
});
