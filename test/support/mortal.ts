import type { Surroundings } from "../../src/base/surroundings.ts";
import type { Driver } from "../../src/run/driver.ts";

/** The life of one coordinator: how often it has called its ports, and at which call it dies. */
export interface Life {
  calls: number;
  /** The names of its calls, in order. */
  readonly called: string[];
  /** It dies with this call (from 1), before or after its effect. */
  diesAt: { readonly call: number; readonly when: "before" | "after" } | undefined;
  isOver: boolean;
}

/** What a coordinator sees of its own death: nothing it calls answers any more. */
class DeathError extends Error {
  override readonly name: string = "DeathError";
}

export function newLife(diesAt?: Life["diesAt"]): Life {
  return { calls: 0, called: [], diesAt, isOver: false };
}

/** Returns `port` as one coordinator has it: once its life is over, every call throws and has no effect, as after a `kill -9`. */
export function mortal<Port extends object>(name: string, port: Port, life: Life): Port {
  return new Proxy(port, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        if (life.isOver) throw new DeathError(`${name}.${String(key)} after the end`);
        life.calls += 1;
        life.called.push(`${name}.${String(key)}`);
        const dies = life.diesAt?.call === life.calls;
        if (dies && life.diesAt?.when === "before") return die(life);
        const result: unknown = Reflect.apply(member, target, args);
        if (!dies) return result;
        return result instanceof Promise ? result.then(() => die(life)) : die(life);
      };
    },
  });
}

/** Returns `driver` as one coordinator has it, and with it all that it hands out and is handed. */
export function mortalDriver<Request, Outcome>(
  name: string,
  driver: Driver<Request, Outcome>,
  life: Life,
): Driver<Request, Outcome> {
  const own = mortal(name, driver, life);
  return {
    probe: (run) => own.probe(run),
    seal: (run) => own.seal(run),
    adopt: async (lease) => mortal(`${name}.run`, await own.adopt(lease), life),
    async start(request, isWanted) {
      const handle = await own.start(request, () => mortal(name, { isWanted }, life).isWanted());
      return handle === undefined ? undefined : mortal(`${name}.run`, handle, life);
    },
  };
}

/** Returns time and chance as one coordinator has them: once its life is over, it knows no time, and nothing calls it back. */
export function mortalSurroundings(surroundings: Surroundings, life: Life): Surroundings {
  const alive = <Result>(call: () => Result): Result => {
    if (life.isOver) throw new DeathError("the time after the end");
    return call();
  };
  return {
    now: () => alive(surroundings.now),
    monotonicMs: () => alive(surroundings.monotonicMs),
    random: surroundings.random,
    after: (ms, callback) =>
      surroundings.after(ms, () => {
        if (!life.isOver) callback();
      }),
  };
}

function die(life: Life): never {
  life.isOver = true;
  throw new DeathError("killed");
}
