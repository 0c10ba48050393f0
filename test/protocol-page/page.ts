/**
 * Reads PROTOCOL.md into the parts that can be compared with the code: field tables by section, the table of types,
 * the error table, examples and worked sessions. It knows the page's layout (heading levels, table headers, fenced
 * blocks) and nothing of the protocol; `comparison.ts` judges what it finds.
 */

/** One row of a `| field | type | required | meaning |` table. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly required: string;
  readonly meaning: string;
}

/** One `###` section: a message, or a type that is an object. */
export interface Section {
  readonly name: string;
  readonly fields: Field[];
  /** Texts of the ```json blocks. */
  readonly examples: string[];
  /** The line "Reply: `op`… Errors: `code`, …"; empty if there is none. */
  reply: string;
}

/** One row of the error table, each cell as it stands, code spans taken off where the whole cell is one. */
export type ErrorRow = readonly [
  code: string,
  meaning: string,
  http: string,
  close: string,
  closes: string,
  retry: string,
];

export interface Page {
  readonly types: { readonly name: string; readonly notation: string }[];
  readonly objects: Section[];
  readonly client: Section[];
  readonly server: Section[];
  readonly errors: ErrorRow[];
  /** Lines of the ```session blocks. */
  readonly sessions: string[];
  /** Texts of the ```hex blocks. */
  readonly hex: string[];
  /** All lines that are not part of the error table. */
  readonly prose: string;
}

const chapters = { Types: "objects", "Client → server": "client", "Server → client": "server" } as const;

/** Parses the page's text. Tolerant: what it does not recognise is left out, and missed by the comparison. */
export function parsePage(text: string): Page {
  const page = {
    types: [] as Page["types"],
    objects: [] as Section[],
    client: [] as Section[],
    server: [] as Section[],
    errors: [] as ErrorRow[],
    sessions: [] as string[],
    hex: [] as string[],
  };
  const prose: string[] = [];
  let chapter = "";
  let section: Section | undefined;
  let header = "";
  for (const block of blocks(text)) {
    if (block.language === "json") section?.examples.push(block.text);
    else if (block.language === "session") page.sessions.push(...block.text.split("\n"));
    else if (block.language === "hex") page.hex.push(block.text);
    if (block.language !== undefined) continue;
    const line = block.text;
    const heading = /^(##|###) (.+)$/.exec(line);
    if (heading) {
      if (heading[1] === "##") chapter = heading[2] as string;
      section = undefined;
      if (heading[1] === "###" && chapter in chapters) {
        section = { name: heading[2] as string, fields: [], examples: [], reply: "" };
        page[chapters[chapter as keyof typeof chapters]].push(section);
      }
    }
    if (line.startsWith("Reply: ") && section) section.reply = line;
    if (!line.startsWith("|")) header = "";
    else if (header === "") header = line;
    else if (!line.startsWith("|---")) {
      const cells = cellsOf(line);
      if (header.startsWith("| field ") && section) section.fields.push(fieldOf(cells));
      if (header.startsWith("| type ")) page.types.push({ name: cells[0] ?? "", notation: cells[1] ?? "" });
      if (header.startsWith("| code ")) page.errors.push(cells as unknown as ErrorRow);
    }
    if (!header.startsWith("| code ")) prose.push(line);
  }
  return { ...page, prose: prose.join("\n") };
}

/** Splits the text into single lines and whole fenced blocks, the latter with their language. */
function* blocks(text: string): Generator<{ language?: string; text: string }> {
  let language: string | undefined;
  let fenced: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) {
      if (language !== undefined) yield { language, text: fenced.join("\n") };
      language = language === undefined ? line.slice(3) : undefined;
      fenced = [];
    } else if (language !== undefined) fenced.push(line);
    else yield { text: line };
  }
}

function fieldOf([name = "", type = "", required = "", meaning = ""]: readonly string[]): Field {
  return { name, type, required, meaning };
}

function cellsOf(row: string): string[] {
  return row
    .slice(1, row.lastIndexOf("|"))
    .split("|")
    .map((cell) => cell.trim().replace(/^`([^`]*)`$/, "$1"));
}

/** What stands in `code spans` in the text. */
export function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);
}
