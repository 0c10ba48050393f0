/**
 * Serves the pages of the examples: `node examples/serve.js`, then http://localhost:8000. Pages that are opened as files
 * have no origin that Parley could know; those from this machine's loopback may connect.
 */
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const port = Number(process.argv[2] ?? 8000);
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

/** The examples that are pages, as links. */
async function listExamples() {
  const pages = await readdir(root, { recursive: true });
  const links = pages
    .filter((page) => page.endsWith("index.html"))
    .map((page) => page.slice(0, -"index.html".length))
    .sort()
    .map((page) => `<li><a href="/${page}">${page}</a></li>`);
  return `<!doctype html><meta charset="utf-8"><title>Parley examples</title><ul>${links.join("")}</ul>`;
}

/** The bytes and type of what a path names. Rejects where there is none. Paths come resolved: no `..` is left in them. */
async function find(path) {
  if (path === "/") return { type: "text/html", body: await listExamples() };
  const file = path.endsWith("/") ? `${path}index.html` : path;
  const type = types[extname(file)];
  if (!type) throw new Error("not a page");
  return { type, body: await readFile(join(root, file)) };
}

createServer((request, response) => {
  find(new URL(request.url ?? "/", "http://localhost").pathname).then(
    ({ type, body }) => response.writeHead(200, { "Content-Type": `${type}; charset=utf-8` }).end(body),
    () => response.writeHead(404).end("Not found\n"),
  );
}).listen(port, "127.0.0.1", () => console.log(`http://localhost:${port}`));
