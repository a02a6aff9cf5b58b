/** What can keep a queued task waiting for others: its dependencies, and the tasks before it in its session. */
export interface WaitingTask {
  readonly id: string;
  readonly sessionKey: string;
  readonly order: number;
  readonly dependsOn: readonly string[];
}

/**
 * Returns the tasks that wait for themselves, each with the ids of its circle in order of acceptance. A task waits for its
 * dependencies and for the task before it in its session, so a task that depends on one behind it in its own session waits
 * for itself, too. Only tasks with a dependency inside their circle are returned: with these gone, no circle is left.
 *
 * Time: O(n log n) in the number of tasks and dependencies.
 */
export function deadlockedTasks(queued: Iterable<WaitingTask>): ReadonlyMap<string, readonly string[]> {
  const tasks = Array.from(queued).sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
  const indexes = new Map(tasks.map((task, index) => [task.id, index]));
  const dependencies = tasks.map((task) => task.dependsOn.flatMap((id) => indexes.get(id) ?? []));
  const circles = circlesOf(edgesOf(tasks, dependencies));
  const members = Map.groupBy(tasks.keys(), (index) => circles[index]);
  const named = new Map<number, readonly string[]>();
  const deadlocked = new Map<string, readonly string[]>();
  for (const [index, task] of tasks.entries()) {
    const circle = circles[index];
    if (circle === undefined || !dependencies[index]?.some((to) => circles[to] === circle)) continue;
    // One list for all of a circle: of thousands, a list for each would be millions.
    const ids = named.get(circle) ?? (members.get(circle) ?? []).flatMap((member) => tasks[member]?.id ?? []);
    named.set(circle, ids);
    deadlocked.set(task.id, ids);
  }
  return deadlocked;
}

/** Adds to each task's dependencies the task before it in its session. */
function edgesOf(tasks: readonly WaitingTask[], dependencies: readonly (readonly number[])[]): readonly number[][] {
  const lastOfSession = new Map<string, number>();
  return tasks.map((task, index) => {
    const before = lastOfSession.get(task.sessionKey);
    lastOfSession.set(task.sessionKey, index);
    const edges = [...(dependencies[index] ?? [])];
    if (before !== undefined) edges.push(before);
    return edges;
  });
}

/**
 * Returns for each node the number of its strongly connected component. A node is in a circle with another (or itself, by an
 * edge to itself) exactly if both are in one component. Tarjan's algorithm, without recursion: a chain may be thousands long.
 */
function circlesOf(edges: readonly (readonly number[])[]): readonly number[] {
  const circles = edges.map(() => -1);
  const lowest = edges.map(() => -1);
  const numbers = edges.map(() => -1);
  const open: number[] = [];
  let counter = 0;
  for (const [root] of edges.entries()) {
    if (numbers[root] !== -1) continue;
    const path: { readonly node: number; next: number }[] = [];
    const enter = (node: number): void => {
      numbers[node] = counter;
      lowest[node] = counter;
      counter += 1;
      open.push(node);
      path.push({ node, next: 0 });
    };
    const lower = (node: number, value: number | undefined): void => {
      lowest[node] = Math.min(lowest[node] ?? 0, value ?? 0);
    };
    enter(root);
    for (let place = path.at(-1); place !== undefined; place = path.at(-1)) {
      const { node } = place;
      const to = edges[node]?.[place.next];
      place.next += 1;
      if (to !== undefined) {
        if (numbers[to] === -1) enter(to);
        else if (circles[to] === -1) lower(node, numbers[to]);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) lower(parent.node, lowest[node]);
      if (lowest[node] !== numbers[node]) continue;
      let member: number | undefined;
      do {
        member = open.pop();
        if (member !== undefined) circles[member] = node;
      } while (member !== undefined && member !== node);
    }
  }
  return circles;
}
