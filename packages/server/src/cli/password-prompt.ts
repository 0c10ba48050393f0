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
  const [password, again] = (await ask(stdin, twice ? [`${prompt}: `, "Once more: "] : [`${prompt}: `])) ?? [];
  if (password === undefined) return { why: "given up" };
  return twice && again !== password ? { why: "these were not the same" } : { password };
}

/** What is typed after each prompt. Nothing is shown from before the first prompt on, however early it is typed. */
async function ask(terminal: Terminal, prompts: readonly string[]): Promise<string[] | undefined> {
  const wasRaw = terminal.isRaw;
  const { promise, resolve } = Promise.withResolvers<string[] | undefined>();
  const answers: string[] = [];
  let typed: string[] = [];
  const take = (text: string) => {
    for (const character of text) {
      if (abort.has(character)) return resolve(undefined);
      if (erase.has(character)) typed = typed.slice(0, -1);
      else if (character !== "\r" && character !== "\n") typed.push(character);
      else {
        if (answers.push(typed.join("")) === prompts.length) return resolve(answers);
        typed = [];
        process.stderr.write(`\n${prompts[answers.length]}`);
      }
    }
  };
  terminal.setRawMode(true).setEncoding("utf8").on("data", take).resume();
  process.stderr.write(prompts[0] ?? "");
  try {
    return await promise;
  } finally {
    terminal.off("data", take).setRawMode(wasRaw).pause();
    process.stderr.write("\n");
  }
}
