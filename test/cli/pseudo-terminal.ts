/**
 * `parley chat` in a real pseudo terminal: `script` (util-linux, part of every Debian) makes one, the terminal of
 * `cli/testing/terminal.ts` shows what a person would see. Where `script` is not there the test fails and says so.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { Terminal } from "../../packages/server/src/cli/testing/terminal.ts";
import { binary, type Context, testEnvironment } from "./parley-process.ts";
import { WatchedOutput } from "./watched-output.ts";

const columns = 70;
const rows = 20;
const endTimeoutMs = 15_000;

export interface ChatTerminalOptions {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class ChatTerminal {
  readonly terminal = new Terminal(columns, rows);
  readonly #exit: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #output: WatchedOutput;
  #fault: unknown;

  constructor(context: Context, { args, env = {} }: ChatTerminalOptions) {
    const words = [process.execPath, binary, "chat", ...args].map(shellWord).join(" ");
    const command = `stty rows ${rows} cols ${columns}; exec ${words}`;
    const child = spawn("script", ["-q", "-e", "-f", "-c", command, "/dev/null"], {
      env: testEnvironment(context, env),
    });
    this.#child = child;
    this.#exit = new Promise((resolve, reject) => {
      child.once("error", (error) =>
        reject(
          new Error("this test needs a pseudo terminal from `script` (Debian: bsdutils, util-linux)", { cause: error }),
        ),
      );
      child.once("close", (code, signal) => resolve(code ?? signal ?? 0));
    });
    // Who waits for something else learns of it there.
    this.#exit.catch((error: unknown) => {
      this.#fault = error;
    });
    this.#output = new WatchedOutput(child.stdout, (text) => this.#show(text));
    context.after(() => child.kill("SIGKILL"));
  }

  /** Everything the chat wrote, sequences and all. */
  get written(): string {
    return this.#output.text;
  }

  /** The exit code of the chat. Rejects when it does not end in time. */
  async ended(): Promise<number | NodeJS.Signals> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("the chat did not end")), endTimeoutMs);
    return Promise.race([this.#exit, late.promise]).finally(() => clearTimeout(timer));
  }

  /** Sends keys as a terminal does. */
  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Resolves when the screen is as wanted. */
  until(condition: (terminal: Terminal) => boolean, what: string): Promise<void> {
    const show = () => `the screen:\n${this.terminal.screen.join("\n")}`;
    const look = () => {
      if (this.#fault !== undefined) throw this.#fault;
      return condition(this.terminal);
    };
    return Promise.race([
      this.#output.until(look, what, show),
      this.#exit.then((code) => {
        if (!look()) throw new Error(`the chat ended (${code}) before: ${what}\n${show()}`);
      }),
    ]);
  }

  /** Resolves when some row on the screen is like `pattern`. */
  untilRow(pattern: RegExp): Promise<void> {
    return this.until(({ screen }) => screen.some((row) => pattern.test(row)), String(pattern));
  }

  #show(text: string): void {
    try {
      this.terminal.write(text);
    } catch (error) {
      this.#fault ??= error;
    }
  }
}

function shellWord(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
