/** The example of a gateway of one's own, run as a reader would run it: a process, and lines over bare sockets. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { RawSession } from "../../support/raw-session.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const example = (file: string) => fileURLToPath(new URL(`../../../examples/line-gateway/${file}`, import.meta.url));

async function serve(t: TestContext) {
  const env = {
    ...process.env,
    LINE_PORT: "0",
    PARLEY_DATA_DIR: temporaryDirectory(t),
    PARLEY_HTTP_PORT: "0",
    PARLEY_NATIVE_TCP_PORT: "0",
  };
  const child = spawn(process.execPath, [example("serve.ts")], { env, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const ports: number[] = [];
  for await (const printed of createInterface({ input: child.stdout })) {
    if (printed === "ready") break;
    ports.push(Number(new URL(printed.split(" ")[0] ?? "").port));
  }
  const [native = 0, line = 0] = ports;
  const stop = async () => {
    child.kill("SIGTERM");
    return (await once(child, "exit"))[0] as number;
  };
  return { native, line, stop };
}

class LinePeer {
  readonly socket: Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port, noDelay: true });
    this.socket.on("error", () => {});
    this.#lines = createInterface({ input: this.socket })[Symbol.asyncIterator]();
  }

  static async named(port: number, name: string): Promise<LinePeer> {
    const peer = new LinePeer(port);
    await peer.expect("server: who are you?");
    peer.socket.write(`${name}\n`);
    await peer.expect(`server: you are ${name}; say something, or @NAME something`);
    return peer;
  }

  async expect(...lines: readonly string[]): Promise<void> {
    for (const line of lines) assert.equal((await this.#lines.next()).value, line);
  }

  async ended(): Promise<void> {
    assert.equal((await this.#lines.next()).done, true);
  }
}

describe("the line gateway", { timeout: 20_000 }, () => {
  it("has at most a hundred lines", () => {
    assert.ok(readFileSync(example("line-gateway.ts"), "utf8").split("\n").length <= 101);
  });

  it("lets people talk, in the room and alone, with each other and with everybody else", async (t) => {
    const server = await serve(t);
    const [ann, bob] = [await LinePeer.named(server.line, "ann"), await LinePeer.named(server.line, "Bob")];
    const native = await RawSession.login(server.native, "nadia");
    native.send({ op: "join", room: "#lobby" });
    await native.next("ok");
    ann.socket.write("hello\r\n@bob psst\n@nobody x\n");
    await bob.expect("ann: hello", "ann to Bob: psst");
    await ann.expect("server: no user nobody has ever connected");
    assert.equal((await native.next("message")).body, "hello");
    native.send({ op: "send", to: "#lobby", body: "two\nlines\u001b[31m" });
    for (const peer of [ann, bob]) await peer.expect("nadia: two\\nlines\\x1b[31m");
    bob.socket.end();
    await bob.ended();
    ann.socket.write("while away\n");
    await native.next("message");
    const back = await LinePeer.named(server.line, "Bob");
    await back.expect("ann: while away");
    assert.equal(await server.stop(), 0);
    await ann.expect("server: the server is going down");
  });

  it("takes lines in whatever pieces, and goes on behind one that it cannot read", async (t) => {
    const server = await serve(t);
    const [ann, bob] = [await LinePeer.named(server.line, "ann"), await LinePeer.named(server.line, "bob")];
    for (const byte of Buffer.from("é 漢\nsecond\n")) {
      ann.socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    ann.socket.write(Buffer.from([0xff, 0x0a, 0x6f, 0x6b, 0x0a]));
    await bob.expect("ann: é 漢", "ann: second", "ann: ok");
    await ann.expect("server: this line is not UTF-8");
    const longest = "x".repeat(4096);
    ann.socket.write(`${longest}\nlast\n${longest}x`);
    await bob.expect(`ann: ${longest}`, "ann: last");
    await ann.expect("server: a line is at most 4096 bytes");
    await ann.ended();
  });

  it("carries out a burst from the first moment on, and refuses names that are none", async (t) => {
    const server = await serve(t);
    const bob = await LinePeer.named(server.line, "bob");
    const ann = new LinePeer(server.line);
    ann.socket.write("two words\nann\nhello\n");
    await bob.expect("ann: hello");
    await ann.expect(
      "server: who are you?",
      'server: a user name has only letters, digits, ".", "_" and "-" (got "two words")',
    );
  });
});
