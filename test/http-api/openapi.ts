/** What a generic client makes of the OpenAPI document: its operations, and a strict reading of the documented answers. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { ApiServer } from "./api-server.ts";

interface Media {
  readonly schema?: object;
}

export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly required?: boolean;
  readonly schema: { readonly type?: string };
}

export interface Operation extends Described {
  readonly path: string;
  readonly method: string;
  readonly parameters: readonly Parameter[];
}

interface Described {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly security?: readonly object[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}

export interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** Asks the server for its document. */
export async function readDocument(server: ApiServer): Promise<Document> {
  return (await server.ask("/openapi.json")).json as Document;
}

export function operationsOf({ paths }: Document): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      ...described,
      path,
      method,
      parameters: described.parameters ?? [],
    })),
  );
}

export class DocumentedAnswers {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });

  constructor(document: Document) {
    this.#ajv.addSchema(closed({ components: document.components }) as object, "document");
  }

  /** What of an answer is not as documented; empty: nothing. A field that is not documented is. */
  faultsOf(operation: Operation, status: number, contentType: string | null, body: unknown): string[] {
    const response = operation.responses[status];
    if (!response) return [`status ${status} is not documented`];
    const type = (contentType ?? "").split(";", 1)[0] ?? "";
    if (!response.content) return type === "" ? [] : [`${status} has no content, but ${type} came`];
    const media = response.content[type];
    if (!media) return [`${status} is not documented to be ${type || "empty"}`];
    if (!media.schema) return [`${status} ${type} has no schema`];
    const check: ValidateFunction = this.#ajv.compile(closed(media.schema) as object);
    return check(body)
      ? []
      : (check.errors ?? []).map(
          ({ instancePath, message, params }) => `${status}: ${instancePath} ${message} ${JSON.stringify(params)}`,
        );
  }
}

/** The schema with objects that have no other fields than those documented, and pointers into `document`. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) =>
    key === "$ref" ? [key, `document${value}`] : [key, closed(value)],
  );
  const copy = Object.fromEntries(entries);
  return "properties" in copy && !("additionalProperties" in copy) ? { ...copy, additionalProperties: false } : copy;
}
