/** Serves the page of this example at http://localhost:4000, an origin that Parley allows by default. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const page = readFileSync(new URL("page.html", import.meta.url));

createServer((_, response) => response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(page)).listen(
  4000,
  "127.0.0.1",
  () => console.log("http://localhost:4000"),
);
