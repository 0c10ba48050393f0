/** What every command has in common: help, exit codes, complaints, and that it starts quickly. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { exitCodes } from "../../packages/server/src/cli/exit-codes.ts";
import { freePorts } from "../support/free-ports.ts";
import { parley, testServer } from "./parley-process.ts";

const commands = ["serve", "chat", "send", "listen", "history", "users", "rooms", "user", "token"] as const;
const checkout = fileURLToPath(new URL("../..", import.meta.url));

test("npx parley --help lists the commands and the exit codes", async () => {
  const { stdout } = await promisify(execFile)("npx", ["--no-install", "parley", "--help"], { cwd: checkout });
  for (const command of commands) assert.match(stdout, new RegExp(`^  ${command} `, "m"));
  for (const code of Object.values(exitCodes)) assert.match(stdout, new RegExp(`^  ${code}  \\w`, "m"));
});

test("parley --version says that of the package", async (context) => {
  const manifest = new URL("../../packages/server/package.json", import.meta.url);
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
  const { code, stdout, stderr } = await parley(context, ["--version"]);
  assert.deepEqual([code, stdout, stderr], [0, `${version}\n`, ""]);
});

for (const command of commands)
  test(`parley ${command} --help has examples`, async (context) => {
    const { code, stdout, stderr } = await parley(context, [command, "--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`^Usage: parley ${command} `));
    assert.match(stdout, new RegExp(`^Examples:\\n  \\$ .*parley ${command}`, "m"));
  });

test("help that nobody reads to its end is no fault", async () => {
  const command = `set -o pipefail; ${process.execPath} packages/server/bin/parley.js serve --help | true`;
  const { stderr } = await promisify(execFile)("bash", ["-c", command], { cwd: checkout });
  assert.equal(stderr, "");
});

const badLines: readonly (readonly string[])[] = [
  [],
  ["sned"],
  ["--loud"],
  ["send", "bob", "hi"],
  ["send", "--user", "alice"],
  ["send", "--user", "al ice", "bob", "hi"],
  ["send", "--user", "alice", "b,,b", "hi"],
  ["send", "--user", "alice", "bob", "hi", "--ttl", "30"],
  ["send", "--user", "alice", "bob", "hi", "--lines"],
  ["send", "--user", "alice", "bob", "--durability", "maybe"],
  ["send", "--user", "alice", "bob", "--lines", "--client-id", "x"],
  ["chat"],
  ["chat", "#room"],
  ["chat", "alice", "--history", "-1"],
  ["listen", "--user", "bob", "--room", "general"],
  ["listen", "--user", "bob", "--count", "0"],
  ["history", "--user", "bob", "--before", "1", "--after", "2"],
  ["users", "--user", "bob", "--url", "localhost:8080"],
  ["rooms", "--user", "bob", "extra"],
  ["serve", "--engine", "paper"],
  ["user", "add"],
  ["user", "add", "two words"],
  ["token", "issue", "bob", "--expires", "soon"],
  ["token", "issue", "bob", "--send", "a,,b"],
  ["token", "revoke"],
  ["token", "revoke", "x", "--user", "bob"],
  ["send", "--user", "alice", "--password", "bob", "hi"],
];

for (const line of badLines)
  test(`exit code 2: parley ${line.join(" ")}`, async (context) => {
    const { code, stdout, stderr } = await parley(context, line);
    assert.deepEqual([code, stdout], [exitCodes.usage, ""]);
    assert.match(stderr, line.length === 0 ? /^Usage: / : /^parley: /);
  });

test("an argument with control characters is named without them", async (context) => {
  const { stderr } = await parley(context, ["send", "--user", "alice", "b\u001b[31mob", "hi"]);
  assert.match(stderr, /u\{1b\}/);
  assert.ok(!stderr.includes("\u001b"));
});

for (const scheme of ["ws", "tcp"])
  test(`exit code 3 where no server is (${scheme}), with what to do`, async (context) => {
    const [port] = await freePorts(1);
    const url = `${scheme}://127.0.0.1:${port}`;
    const errands = [
      ["send", "--user", "alice", "bob", "hi"],
      ["listen", "--user", "alice"],
      ["chat", "alice"],
      ["rooms", "--user", "alice"],
    ];
    for (const errand of errands) {
      const { code, stdout, stderr } = await parley(context, [...errand, "--url", url]);
      assert.deepEqual([code, stdout], [exitCodes.unreachable, ""]);
      assert.equal(stderr, `parley: cannot reach ${url}: connection refused. Is \`parley serve\` running?\n`);
    }
  });

test("exit code 3 where something else answers", async (context) => {
  const other = createServer((socket) => {
    // The client hangs up as soon as it sees that this is not a Parley server.
    socket.on("error", () => {});
    socket.end("220 mail.example.org\r\n");
  });
  context.after(() => other.close());
  await once(other.listen(0, "127.0.0.1"), "listening");
  const { port } = other.address() as { port: number };
  const { code, stderr } = await parley(context, ["users", "--user", "alice", "--url", `tcp://127.0.0.1:${port}`]);
  assert.equal(code, exitCodes.unreachable);
  assert.match(stderr, /not as a Parley server/);
});

test("options come from the environment, and the command line wins", async (context) => {
  const server = await testServer(context);
  const env = { PARLEY_URL: server.wsUrl, PARLEY_USER: "alice" };
  assert.match((await parley(context, ["users"], { env })).stdout, /^alice +online\n$/);
  const other = await parley(context, ["users", "--user", "bob", "--json", "--url", server.tcpUrl], { env });
  assert.match(other.stdout, /"user":"bob","online":true/);
});

test("a command loads no more than it needs", async (context) => {
  const server = await testServer(context);
  const lines = [["--help"], ["send", "--user", "alice", "alice", "hi", "--url", server.wsUrl]];
  for (const line of lines) {
    const { code, stderr } = await parley(context, line, { env: { NODE_OPTIONS: `--import ${loadTracer}` } });
    assert.equal(code, 0);
    const loaded = stderr.split("\n").filter((each) => each.startsWith("loaded "));
    assert.ok(loaded.some((each) => each.endsWith("/cli/program.ts")));
    const heavy = loaded.filter((each) =>
      /classic-level|typebox|\/ws\/|yaml|server\/src\/(core|engine|gateway|http)\//.test(each),
    );
    assert.deepEqual(heavy, []);
  }
});

/** Says on standard error which files are loaded. */
const loadTracer = `data:text/javascript,${encodeURIComponent(
  'import { registerHooks } from "node:module";' +
    'registerHooks({ load(url, context, next) { process.stderr.write("loaded " + url + "\\n"); return next(url, context); } });',
)}`;
