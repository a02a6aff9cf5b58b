/** A wait that can be cut short. */
export interface Pause {
  /** Resolves after `ms`, or as soon as `wake` is called; at once if it was called since the last wait. */
  wait(ms: number): Promise<void>;
  wake(): void;
}

export function createPause(): Pause {
  let isWoken = false;
  let wakeUp: (() => void) | undefined;
  return {
    async wait(ms) {
      if (!isWoken) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wakeUp = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      isWoken = false;
      wakeUp = undefined;
    },
    wake() {
      isWoken = true;
      wakeUp?.();
    },
  };
}
