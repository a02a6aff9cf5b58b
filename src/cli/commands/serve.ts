import { resolve } from "node:path";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, textFlag, wholeNumber } from "../command.ts";

export function createServeCommand(deps: CliDeps): Command {
  return {
    name: "serve",
    summary: "Take tasks from inbox/, run them, and commit what comes of them",
    usage:
      "[--until-idle] [--take-over] [--port <n>|off] [--socket] [--max-workers <n>] [--codex <path>] [<other options>]",
    help: [
      "--port <n>         port of the HTTP interface on 127.0.0.1 (default 8787; 0 picks a free one; off: none)",
      "--socket           serve it on a Unix socket too: socket/http in the coordinator's folder (server.json names it)",
      "--socket-path <path>  the same, elsewhere: in a folder that is yours alone (mode 700)",
      "--max-workers <n>  runs side by side (default 2)",
      "--max-open-tasks <n>  tasks that may be accepted and not yet finished (default 10000)",
      "--settle-ms <n>    how long a file must rest before it is taken (default 2000)",
      "--until-idle       process what is there, then exit: 0 all succeeded, 1 a task or a file did not, 75 only held tasks are left",
      "--take-over        also run queued tasks that another clone has accepted (it must not be running them)",
      "--codex <path>     the codex executable (default: CODEX_INBOX_CODEX, then PATH, then the package's own)",
      "--codex-config <key=value>  passed to codex as -c; may be given several times",
      "--oss              run codex with its local open-source provider",
      "Ctrl-C lets running tasks finish; a second one stops them and queues them again. SIGTERM leaves them running for the next start.",
    ],
    options: {
      port: { type: "string" },
      socket: { type: "boolean" },
      "socket-path": { type: "string" },
      "max-workers": { type: "string" },
      "max-open-tasks": { type: "string" },
      "settle-ms": { type: "string" },
      "until-idle": { type: "boolean" },
      "take-over": { type: "boolean" },
      codex: { type: "string" },
      "codex-config": { type: "string", multiple: true },
      oss: { type: "boolean" },
    },
    words: { min: 0, max: 0 },
    async run(input) {
      const codexConfig: unknown = input.flags["codex-config"];
      const hasPort = input.flags.port !== "off";
      const socketPath = textFlag(input, "socket-path");
      return deps.app.serve({
        hasPort,
        socket: socketPath === undefined ? input.flags.socket === true : resolve(socketPath),
        config: {
          port: hasPort ? wholeNumber(input, "port") : undefined,
          maxWorkers: wholeNumber(input, "max-workers"),
          maxOpenTasks: wholeNumber(input, "max-open-tasks"),
          settleMs: wholeNumber(input, "settle-ms"),
        },
        untilIdle: input.flags["until-idle"] === true,
        takeOver: input.flags["take-over"] === true,
        codexPath: textFlag(input, "codex"),
        codexConfig: Array.isArray(codexConfig) ? codexConfig.map(String) : [],
        oss: input.flags.oss === true,
      });
    },
  };
}
