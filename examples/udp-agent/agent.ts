/**
 * A terminal agent for the udp-agent gateway, with nothing but a UDP socket:
 *
 *   npx -c 'node examples/udp-agent/agent.ts ana'
 *
 * NAME text             to one user          /users                who is online
 * * text                to everybody else    /group GROUP NAME …   makes a group
 * #GROUP text           to a group           /quit                 leaves
 */
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";

const [name = "guest", host = "127.0.0.1", port = "10000"] = process.argv.slice(2);
const pingMs = 20_000;

const socket = createSocket("udp4");
const lines = createInterface({ input: process.stdin });

function say(id: string, content: object = {}): void {
  const message = { message_id: id, message_content: { sender_username: name, ...content } };
  socket.send(JSON.stringify(message), Number(port), host);
}

/** What others wrote, without what would move the cursor or colour the terminal. */
function show(text: string): void {
  console.log(text.replace(/\p{Cc}/gu, " "));
}

socket.on("message", (bytes) => {
  const { message_id: id, message_content: content } = JSON.parse(bytes.toString());
  const { sender_username: from, message_text: text, group_name: group, user_list: users } = content;
  if (id === "receive_message") show(`${from}: ${text}`);
  // The broker was restarted, or has not heard from us for long.
  if (from === "broker" && text.includes("send log_in first")) logIn();
  if (id === "group_message") show(`#${group} ${from}: ${text}`);
  else if (users) show(`online: ${users.join(", ")}`);
  else if (id === "acknowledge_log_out") process.exit();
});

function command(line: string): void {
  const [word = "", ...rest] = line.trim().split(/\s+/);
  const message_text = rest.join(" ");
  if (word === "/quit") say("log_out");
  else if (word === "/users") say("get_online_users");
  else if (word === "/group") say("create_group", { group_name: rest[0] ?? "", group_members: rest.slice(1) });
  else if (word === "*") say("broadcast_message", { message_text });
  else if (word.startsWith("#")) say("group_message", { group_name: word.slice(1), message_text });
  else if (word !== "") say("send_message", { receiver_username: word, message_text });
}

function logIn(): void {
  say("log_in", { sender_port: socket.address().port });
}

socket.bind(() => {
  console.log("NAME text · * text · #GROUP text · /users · /group GROUP NAME … · /quit");
  logIn();
  setInterval(() => say("ping"), pingMs);
  lines.on("line", command);
  for (const event of ["close", "SIGINT"] as const) lines.on(event, () => say("log_out"));
});
