import type { ErrorPlace } from "../base/errors.ts";

/** Why a request gets no answer from the coordinator, as its client is told. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What a person sees in a browser, instead of the JSON of an error. */
  readonly html?: string;
}

/** What a browser that got hold of an answer may do with it: nothing. A page of our own says otherwise for itself. */
export const ANSWER_HEADERS = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-store",
};

/** The JSON of an error. */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    /** Each problem of a task, where the message holds several. */
    readonly places?: readonly ErrorPlace[];
  };
}

/** Returns the JSON of an error. */
export function errorBody(code: string, message: string, places?: readonly ErrorPlace[]): ErrorBody {
  return { error: { code, message, ...(places !== undefined && { places }) } };
}

/** Returns what stands in the answer to a refused request, and its type. */
export function refusalBody({ code, message, html }: Refusal): { readonly type: string; readonly text: string } {
  if (html !== undefined) return { type: "text/html; charset=utf-8", text: html };
  return { type: "application/json", text: JSON.stringify(errorBody(code, message)) };
}
