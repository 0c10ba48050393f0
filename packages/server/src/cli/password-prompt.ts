/**
 * Reads a password: from the terminal without showing it, or, where there is none, the first line of standard input.
 * Never from the command line, which every user of the machine may see.
 */
import { wholeInput } from "./input.ts";

type Terminal = NodeJS.ReadStream;

/** Ctrl-C and Ctrl-D, which raw mode hands over as characters. */
const abort = new Set(["\u0003", "\u0004"]);
const erase = new Set(["\u007f", "\b"]);

/** The password, or undefined: given up, not the same twice (`why` says it), or no input. */
export async function readPassword(
  stdin: Terminal,
  prompt: string,
  { twice }: { readonly twice: boolean },
): Promise<{ readonly password: string } | { readonly why: string }> {
  if (!stdin.isTTY) {
    const input = (await wholeInput(stdin))?.toString("utf8") ?? "";
    const [line = ""] = input.split(/\r?\n/, 1);
    return line === "" ? { why: "no password on standard input" } : { password: line };
  }
  const password = await ask(stdin, `${prompt}: `);
  if (password === undefined) return { why: "given up" };
  if (twice && (await ask(stdin, "Once more: ")) !== password) return { why: "these were not the same" };
  return { password };
}

async function ask(terminal: Terminal, prompt: string): Promise<string | undefined> {
  process.stderr.write(prompt);
  const wasRaw = terminal.isRaw;
  terminal.setRawMode(true).setEncoding("utf8").resume();
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  let typed: string[] = [];
  const take = (text: string) => {
    for (const character of text) {
      if (abort.has(character)) return resolve(undefined);
      if (character === "\r" || character === "\n") return resolve(typed.join(""));
      if (erase.has(character)) typed = typed.slice(0, -1);
      else typed.push(character);
    }
  };
  terminal.on("data", take);
  try {
    return await promise;
  } finally {
    terminal.off("data", take).setRawMode(wasRaw).pause();
    process.stderr.write("\n");
  }
}
