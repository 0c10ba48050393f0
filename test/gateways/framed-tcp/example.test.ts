/** The terminal client of examples/framed-tcp, with its input and output as pipes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ChatPeer, chat, command, said, system } from "./chat-peer.ts";
import { startChatServer } from "./chat-server.ts";

const client = fileURLToPath(new URL("../../../examples/framed-tcp/chat.ts", import.meta.url));

describe("the terminal client", () => {
  it("says what is typed, prints what comes in, and leaves at the end of its input", { timeout: 10_000 }, async (t) => {
    const { port } = await startChatServer(t);
    const bob = await ChatPeer.named(port, "bob");
    const child = spawn(process.execPath, [client, String(port)], { stdio: ["pipe", "pipe", "inherit"] });
    t.after(() => child.kill("SIGKILL"));
    const printed = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stdin.write("/rename ann\nhello\n/msg bob psst\n");
    await bob.expect(system("guest-2 is now ann"), said("ann", "hello"), said("ann", "psst", { private: true }));
    bob.send(chat("hi\u001b[31m"), command("/msg", "ann psst"));
    const lines: string[] = [];
    while (!lines.at(-1)?.includes("psst")) lines.push(String((await printed.next()).value).replaceAll("> ", ""));
    assert.deepEqual(lines, ["server: you are now ann", "bob: hi?[31m", "bob (to you): psst"]);
    child.stdin.end("bye\n");
    await bob.expect(said("ann", "bye"));
  });
});
