import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Env, Hono } from "hono";

/** Beside this file, and beside the bundle. */
const FOLDER = join(import.meta.dirname, "page");

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** A file of the page, or of one of its folders. */
const FILE_NAME = /^(?:[a-z]+\/)?[\w-]+\.(\w+)$/;

/** Libraries that the page loads: in the bundle they lie beside it, in a checkout where npm has put them. */
const LIBRARIES: Readonly<Record<string, string>> = {
  "marked.js": "marked/lib/marked.esm.js",
  "purify.js": "dompurify/dist/purify.es.mjs",
};
const PACKAGES = join(import.meta.dirname, "../../node_modules");

/** Nothing comes from elsewhere, nothing stands in the page itself, and no text becomes markup but by the one sanitiser. */
const POLICY = [
  "default-src 'none'",
  ...["script-src", "style-src", "img-src", "connect-src"].map((name) => `${name} 'self'`),
  ...["base-uri", "form-action", "frame-ancestors"].map((name) => `${name} 'none'`),
  "require-trusted-types-for 'script'",
  "trusted-types dompurify",
].join("; ");

const HEADERS = {
  "Content-Security-Policy": POLICY,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cache-Control": "no-cache", // It is asked each time whether it has changed.
};

/** Adds the page, `GET /`, and its files. They are the same for everybody; all that they show they ask for. */
export function servePage<E extends Env>(app: Hono<E>): void {
  const answer = async (name: string, known: string | undefined): Promise<Response | undefined> => {
    const type = TYPES[FILE_NAME.exec(name)?.[1] ?? ""];
    const path = type === undefined ? undefined : pathOf(name);
    if (type === undefined || path === undefined) return undefined;
    const content = await readFile(path);
    const etag = `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
    const headers = { ...HEADERS, ETag: etag };
    if (known === etag) return new Response(null, { status: 304, headers });
    return new Response(content, { headers: { ...headers, "Content-Type": type } });
  };
  app.get(
    "/",
    async (context) => (await answer("index.html", context.req.header("if-none-match"))) ?? context.notFound(),
  );
  app.get("/page/:name{.+}", async (context) => {
    const { name } = context.req.param();
    return (await answer(name, context.req.header("if-none-match"))) ?? context.notFound();
  });
}

function pathOf(name: string): string | undefined {
  const path = join(FOLDER, name);
  if (existsSync(path)) return path;
  const library = Object.hasOwn(LIBRARIES, name) ? LIBRARIES[name] : undefined;
  return library === undefined ? undefined : join(PACKAGES, library);
}
