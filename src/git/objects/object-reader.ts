import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import type { GitPlace } from "../process/git-environment.ts";
import { GIT_ANSWER_MS, GIT_OPTIONS, GitError, plumbingEnvironment } from "../process/git-process.ts";
import { noteGit } from "../process/git-under-way.ts";
import type { ObjectType } from "./object-format.ts";

export interface StoredObject {
  readonly id: string;
  readonly type: ObjectType;
  readonly content: Buffer;
}

/**
 * Reads objects through one long-lived `git cat-file --batch`, which is started when first needed and again when it dies. It does
 * not keep our process alive, and ends with it.
 */
export interface ObjectReader {
  /** Returns the object with this id (hexadecimal) or name ("main:tasks.md", without a line break), or `undefined` where there is none. */
  read(name: string): Promise<StoredObject | undefined>;
  close(): void;
}

interface Request {
  readonly resolve: (object: StoredObject | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** How often one read is asked again of a new process before it fails. */
const STARTS_MAX = 3;

export function createObjectReader({ gitDir }: Pick<GitPlace, "gitDir">): ObjectReader {
  let child: ChildProcess | undefined;
  let waiting: Request[] = [];

  function start(): ChildProcess {
    const args = [...GIT_OPTIONS, "cat-file", "--batch"];
    const started: ChildProcess = spawn("git", args, {
      cwd: gitDir,
      env: plumbingEnvironment({ gitDir }),
      stdio: ["pipe", "pipe", "ignore"],
    });
    started.unref();
    if (started.stdin instanceof Socket) started.stdin.unref();
    const mine: Request[] = [];
    waiting = mine;
    const fail = (why: string, cause?: Error): void => {
      if (child === started) child = undefined;
      for (const request of mine.splice(0)) request.reject(new GitError(`git cat-file ${why}`, { cause }));
    };
    started.on("error", (error) => fail(error.message, error));
    started.on("close", (code, signal) => fail(`ended (${signal ?? code})`));
    // Without file descriptors there are no pipes: "error" follows. A pipe that breaks: "close" follows and says it.
    started.stdin?.on("error", () => undefined);
    const answers = createAnswerParser((object) => {
      mine.shift()?.resolve(object);
      if (mine.length === 0) keepAlive(started, false);
    });
    started.stdout?.on("data", answers);
    return started;
  }

  function ask(name: string): Promise<StoredObject | undefined> {
    child ??= start();
    const { stdin } = child;
    keepAlive(child, true);
    const asked = child;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => asked.kill("SIGKILL"), GIT_ANSWER_MS).unref(); // Then its end tells.
      const answered = noteGit(asked.pid, ["cat-file"], gitDir);
      const over =
        <Result>(settle: (result: Result) => void) =>
        (result: Result): void => {
          clearTimeout(late);
          answered();
          settle(result);
        };
      waiting.push({ resolve: over(resolve), reject: over(reject) });
      stdin?.write(`${name}\n`);
    });
  }

  return {
    async read(name) {
      for (let starts = 1; ; starts += 1) {
        try {
          return await ask(name);
        } catch (error) {
          if (starts >= STARTS_MAX) throw error;
        }
      }
    },
    close() {
      child?.stdin?.end();
      child?.kill();
      child = undefined;
    },
  };
}

/** Our process may end while nothing is asked, and not while something is. */
function keepAlive({ stdout }: ChildProcess, isAsked: boolean): void {
  if (!(stdout instanceof Socket)) return;
  if (isAsked) stdout.ref();
  else stdout.unref();
}

/** Cuts the stream of answers, "<id> <type> <size>\n<content>\n" or "<id> missing\n", into objects. */
function createAnswerParser(onAnswer: (object: StoredObject | undefined) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let header: { readonly id: string; readonly type: ObjectType; readonly size: number } | undefined;

  return (chunk) => {
    chunks.push(chunk);
    bytes += chunk.length;
    // While a large object arrives its parts are only collected: joining them each time would be quadratic.
    if (header !== undefined && bytes < header.size + 1) return;
    let rest = Buffer.concat(chunks);
    for (;;) {
      if (header === undefined) {
        const end = rest.indexOf(10);
        if (end === -1) break;
        const [id = "", type, size] = rest.toString("latin1", 0, end).split(" ");
        rest = rest.subarray(end + 1);
        // What is missing is answered with its name, which may have spaces in it.
        if (!/^[0-9a-f]{40,64}$/.test(id) || !isObjectType(type)) onAnswer(undefined);
        else header = { id, type, size: Number(size) };
      } else {
        if (rest.length < header.size + 1) break;
        onAnswer({ id: header.id, type: header.type, content: Buffer.from(rest.subarray(0, header.size)) });
        rest = rest.subarray(header.size + 1);
        header = undefined;
      }
    }
    chunks = [rest];
    bytes = rest.length;
  };
}

function isObjectType(text: string | undefined): text is ObjectType {
  return text === "blob" || text === "tree" || text === "commit" || text === "tag";
}
