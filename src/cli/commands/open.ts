import type { CliDeps } from "../cli-deps.ts";
import type { Command } from "../command.ts";

export function createOpenCommand(deps: CliDeps): Command {
  return {
    name: "open",
    summary: "Open the page of the coordinator at work in a browser, signed in",
    usage: "[--print]",
    help: [
      "--print  print the link, and start no browser",
      "The link is good for one sign-in within ten minutes. Where no browser can be started, it is printed.",
    ],
    options: { print: { type: "boolean" } },
    words: { min: 0, max: 0 },
    async run(input) {
      const isPrinted = input.flags.print === true;
      const { link, isOpened } = await deps.app.openPage(!isPrinted);
      if (isOpened) deps.print("The page is opened in your browser.");
      else if (isPrinted) deps.print(link);
      else {
        deps.warn("No browser was started; within ten minutes, this link signs one in:");
        deps.print(link);
      }
      return 0;
    },
  };
}
