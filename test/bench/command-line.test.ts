/** `npm run bench` as a process: what it takes, its exit codes, what it leaves behind, and what it does not. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const script = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const small = ["--scenarios", "direct-50x8", "--protocols", "native-tcp,peer-json", "--quick", "--rounds", "1"];

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function bench(args: readonly string[], temporary?: string): Promise<Said> {
  const env = { ...process.env, ...(temporary === undefined ? {} : { TMPDIR: temporary }) };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...args], { env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

describe("the command line of the benchmark", { concurrency: true }, () => {
  it("--help tells of every option and ends with 0", async () => {
    const { code, stdout } = await bench(["--help"]);
    assert.equal(code, 0);
    for (const option of ["scenarios", "rounds", "seconds", "protocols", "peers", "compare", "quick", "out"])
      assert.ok(stdout.includes(`--${option} `), option);
  });

  const wrong: readonly (readonly [string[], RegExp])[] = [
    [["--nonsense"], /Unknown option '--nonsense'/],
    [["direct"], /Unexpected argument 'direct'/],
    [["--scenarios", "direct,nonsense"], /there is no scenario "nonsense"/],
    [["--protocols", "smtp"], /there is no protocol "smtp"/],
    [["--rounds", "0"], /--rounds takes a whole number from 1 to 1000, not "0"/],
    [["--seconds", ""], /--seconds takes a number from 0.1 to 3600, not ""/],
    [["--compare", "no-such-revision"], /there is no revision "no-such-revision"/],
    [["--compare", "HEAD", "--peers"], /--peers and --compare are two questions/],
  ];
  for (const [args, why] of wrong)
    it(`${args.join(" ")}: ends with 2 and says why`, async () => {
      const { code, stdout, stderr } = await bench(args);
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(stderr, why);
    });
});

describe("a run of the benchmark", { concurrency: true }, () => {
  it("a run prints tables without colours, writes all figures and a chart, and removes its stores", async (context) => {
    const out = temporaryDirectory(context);
    const { code, stdout, stderr } = await bench([...small, "--seconds", "0.3", "--out", out], out);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" }, stdout);
    assert.match(stdout, /^About \d+ s: direct-50x8 \d+ s$/m);
    assert.match(stdout, /^ {2}native-tcp +[\d.]+ k/m);
    assert.match(stdout, /^ {2}peer-json +[\d.]+ k/m);
    assert.ok(!stdout.includes("\x1b"));
    const [json = "", chart = ""] = readdirSync(out).sort();
    assert.equal(readdirSync(out).length, 2);
    assert.match(readFileSync(join(out, chart), "utf8"), /^<svg .*<\/svg>\n$/s);
    const { scenarios } = JSON.parse(readFileSync(join(out, json), "utf8"));
    const [{ name, participants }] = scenarios;
    assert.equal(name, "direct-50x8");
    assert.deepEqual(
      participants.map((one: { name: string; rounds: { perSecond: number }[] }) => [one.name, one.rounds.length]),
      [
        ["native-tcp", 1],
        ["peer-json", 1],
      ],
    );
    for (const { rounds } of participants) for (const { perSecond } of rounds) assert.ok(perSecond > 0);
  });

  it("--compare HEAD measures both, prints ratios, and removes the checkout", async (context) => {
    const temporary = temporaryDirectory(context);
    const args = [
      "--compare",
      "HEAD",
      "--scenarios",
      "direct-50x8",
      "--protocols",
      "native-tcp",
      "--quick",
      "--rounds",
      "1",
    ];
    const { code, stdout, stderr } = await bench(
      [...args, "--seconds", "0.3", "--out", join(temporary, "out")],
      temporary,
    );
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" }, stdout);
    assert.match(stdout, /^ {2}native-tcp @HEAD +/m);
    assert.match(stdout, /^ {2}native-tcp @now +/m);
    assert.match(stdout, /^ {2}native-tcp +messages\/s +[\d.]+ \([\d.]+–[\d.]+\) {2}too few rounds$/m);
    assert.deepEqual(readdirSync(temporary), ["out"]);
    const worktrees = await new Promise<string>((resolve, reject) =>
      execFile("git", ["-C", root, "worktree", "list"], (error, text) => (error ? reject(error) : resolve(text))),
    );
    assert.ok(!worktrees.includes(temporary), worktrees);
  });

  it("a signal ends the server and the generator, removes the store, and gives 130", async (context) => {
    const temporary = temporaryDirectory(context);
    const child = spawn(process.execPath, [script, ...small, "--seconds", "60", "--out", join(temporary, "out")], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: "ignore",
    });
    context.after(() => child.kill("SIGKILL"));
    const ended = once(child, "exit");
    const children = () => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
    // A server and a generator.
    while (children().length < 2) await delay(20);
    const pids = children().map(Number);
    child.kill("SIGINT");
    assert.deepEqual(await ended, [130, null]);
    for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
    assert.deepEqual(readdirSync(temporary), []);
  });
});
