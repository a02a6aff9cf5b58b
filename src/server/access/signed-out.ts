import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { ANSWER_HEADERS } from "../refusal.ts";

const STYLE = `:root{color-scheme:light dark;font:15px/1.55 system-ui,sans-serif}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;color:CanvasText}
main{max-width:34rem;padding:2rem;box-sizing:border-box}
h1{font-size:1.15rem;margin:0 0 .5rem}
p{margin:.5rem 0}
code{font:.95em ui-monospace,monospace;padding:.15rem .4rem;border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:4px}`;

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

const SAYS = {
  "signed-out": [
    "This browser is not signed in",
    "The page shows and starts work in your name, so it asks who you are.",
  ],
  used: [
    "This link was used before",
    "It is good for one sign-in. The browser that had it first has been signed out, in case that was not yours.",
  ],
  unknown: [
    "This link is not valid any more",
    "A link is good for one sign-in within ten minutes, and for one start of the coordinator.",
  ],
  elsewhere: [
    "This address was opened from another site",
    "Other sites may not lead here. Copy the address into the address bar, or have it opened for you.",
  ],
} as const;

/** Why a browser is shown this page instead of the one that it asked for. */
export type SignedOutReason = keyof typeof SAYS;

/** Headers of the pages below: nothing is loaded, and no script runs. */
export const SIGNED_OUT_HEADERS = {
  ...ANSWER_HEADERS,
  "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
};

/** Returns the page that says how to sign in. It holds nothing of the request and nothing of the workspace. */
export function signedOutPage(reason: SignedOutReason): string {
  const [title, text] = SAYS[reason];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title} · codex-inbox</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1><p>${text}</p><p>In a terminal, in the folder of the workspace:</p><p><code>codex-inbox open</code></p><p>It opens this page signed in. Where no browser can be started, it prints a link to open.</p></main></body></html>
`;
}

/** Answers with that page. */
export function answerPage(response: ServerResponse, status: number, reason: SignedOutReason): void {
  response
    .writeHead(status, { ...SIGNED_OUT_HEADERS, "Content-Type": "text/html; charset=utf-8" })
    .end(signedOutPage(reason));
}
