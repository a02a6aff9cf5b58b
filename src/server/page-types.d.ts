/** What the modules of the page know by name, for their type check alone: what the coordinator answers, and the libraries served beside them. */

type TaskView = import("../app/views/task-view.ts").TaskView;
type TaskDetails = import("../app/views/task-view.ts").TaskDetails;
type SessionView = import("../app/views/session-list.ts").SessionView;
type StatusView = import("../app/queries/queries.ts").StatusView;
type TaskDiff = import("../app/views/diff-view.ts").TaskDiff;
type ReleasedView = import("../app/actions/sessions/attach-session.ts").ReleasedView;
type LandingView = import("../app/views/landing-view.ts").LandingView;
type LogView = import("../app/views/log-view.ts").LogView;
type LogEntry = import("../app/views/log-view.ts").LogEntry;
type LiveEvent = import("../task/events/live-event.ts").LiveEvent;

/** A page of the list of tasks. */
interface TaskPage {
  readonly tasks: readonly TaskView[];
  readonly nextCursor: string | null;
}

/** What is answered at a path, where the page looks at it. */
type Answer<Path extends string> = Path extends "/status"
  ? StatusView
  : Path extends "/sessions"
    ? readonly SessionView[]
    : Path extends `/sessions/${string}/land`
      ? LandingView
      : Path extends `/sessions/${string}/release`
        ? ReleasedView
        : Path extends `/sessions/${string}`
          ? SessionView
          : Path extends `/tasks/${string}/log${string}`
            ? LogView
            : Path extends `/tasks/${string}/diff`
              ? TaskDiff
              : Path extends `/tasks/${string}`
                ? TaskDetails
                : Path extends "/tasks"
                  ? TaskView
                  : Path extends `/tasks?${string}`
                    ? TaskPage
                    : unknown;

declare module "*/marked.js" {
  export { Marked } from "marked";
}

declare module "*/purify.js" {
  export { default } from "dompurify";
}
