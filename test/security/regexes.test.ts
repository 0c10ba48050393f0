/**
 * No regular expression of what runs backtracks by more than its input's length (checklist, point 14): every literal, every
 * `new RegExp` and every `pattern` of a schema in the packages is given to recheck, which finds attacks or proves that there
 * are none.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";

const root = join(import.meta.dirname, "../..");
/** Where an expression begins that is no division: behind an operator, a bracket, a comma or a word that takes a value. */
const literal = /(?<=[=(,:?!&|>[{;]\s*|return |^\s*)\/(?![*/])((?:[^\\/\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([a-z]*)/gm;
const timeoutMs = 10_000;

interface Found {
  readonly file: string;
  readonly source: string;
  readonly flags: string;
}

/** Comments have slashes too. */
function withoutComments(text: string): string {
  return text.replace(/^\s*(?:\/\*\*?|\*\/|\*|\/\/).*$/gm, "");
}

function expressionsIn(file: string): Found[] {
  const text = withoutComments(readFileSync(join(root, file), "utf8"));
  const found: Found[] = [];
  for (const [, source = "", flags = ""] of text.matchAll(literal)) {
    // What cannot be compiled was no expression.
    if (URL.canParse(source) || !compiles(source, flags)) continue;
    found.push({ file, source, flags });
  }
  for (const [, source = ""] of text.matchAll(/pattern: "((?:[^"\\]|\\.)+)"/g))
    found.push({ file, source: JSON.parse(`"${source}"`) as string, flags: "u" });
  return found;
}

function compiles(source: string, flags: string): boolean {
  try {
    return new RegExp(source, flags) instanceof RegExp;
  } catch {
    return false;
  }
}

/** Sets of sets (flag v) are beyond recheck; what matches one character has nothing to go back over. */
function repeats(source: string): boolean {
  return /[*+?{|]/.test(source.replace(/\\[pPu]\{\w+\}/g, "x"));
}

const files = globSync("packages/*/src/**/*.ts", { cwd: root }).filter((file) => !file.endsWith(".test.ts"));

describe("the regular expressions of the packages", () => {
  let check: typeof import("recheck").checkSync;
  before(async () => {
    // In this process: its other ways are a program for each system, or Java.
    process.env.RECHECK_BACKEND = "pure";
    ({ checkSync: check } = await import("recheck"));
  });

  it("are found, and recheck finds an attack where there is one", () => {
    const all = files.flatMap(expressionsIn);
    assert.ok(all.length > 40, `only ${all.length} were found`);
    for (const source of ["^(a+)+$", "a*a*b", "^(\\w|\\d)+$"])
      assert.equal(check(source, "", { timeout: timeoutMs }).status, "vulnerable", source);
  });

  for (const file of files) {
    const found = expressionsIn(file);
    if (found.length === 0) continue;
    it(`${file}: ${found.length} of them`, { timeout: 120_000 }, () => {
      for (const { source, flags } of found) {
        if (flags.includes("v") && !repeats(source)) continue;
        const { status, ...more } = check(source, flags, { timeout: timeoutMs });
        assert.equal(status, "safe", `/${source}/${flags}: ${JSON.stringify(more).slice(0, 500)}`);
      }
    });
  }

  it("are all written down: none is made of what a peer says", () => {
    const made = files.flatMap((file) => {
      const text = withoutComments(readFileSync(join(root, file), "utf8"));
      return [...text.matchAll(/new RegExp\((.*)\)/g)].map(([, argument]) => `${file}: ${argument}`);
    });
    assert.deepEqual(made, []);
  });
});
