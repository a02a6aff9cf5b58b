/** Is told of what a search tool found, as it comes. */
export interface MatchListener {
  /** The lines that follow are of this file. The path is relative to where the tool ran; bytes, since a name need not be UTF-8. */
  file(path: Buffer): void;
  /** A line (from 1): what lies in `data` from `start` to before `end`, without line feed. `data` is not the listener's to keep. */
  line(line: number, data: Buffer, start: number, end: number): void;
}

/** Of a line; what comes after is not looked at. */
export const LINE_BYTES_READ = 64 * 1024;
/** Of a path with a line number: no system has longer ones. */
const HEAD_BYTES_MAX = 8 * 1024;
const NUL = 0;
const COLON = 0x3a;
const LINE_FEED = 0x0a;
const ZERO = 0x30;

/** Takes the output of a search tool apart as it comes, in pieces of any size; keeps no more than one line of it. */
export interface MatchReader {
  push(chunk: Buffer): void;
  /** The output is complete. */
  end(): void;
}

/** Reads `<path> NUL <line number>:<line> LF`, over and over. A line with a NUL in it is no text and is passed over. */
export function createMatchReader(listener: MatchListener): MatchReader {
  let rest: Buffer = Buffer.alloc(0);
  /** Within a line that was too long: it has been handed out, and goes on until the next line feed. */
  let isSkipping = false;
  let path: Buffer | undefined;

  const emit = (data: Buffer, start: number, nul: number, end: number): void => {
    const colon = data.indexOf(COLON, nul);
    if (colon === -1 || colon >= end) return;
    const text = colon + 1;
    const textEnd = Math.min(end, text + LINE_BYTES_READ);
    const nextNul = data.indexOf(NUL, text);
    if (nextNul !== -1 && nextNul < textEnd) return;
    if (path === undefined || path.compare(data, start, nul) !== 0) {
      path = Buffer.from(data.subarray(start, nul));
      listener.file(path);
    }
    let line = 0;
    for (let index = nul + 1; index < colon; index += 1) line = line * 10 + (data[index] ?? 0) - ZERO;
    listener.line(line, data, text, textEnd);
  };

  const take = (data: Buffer, isLast: boolean): void => {
    let start = 0;
    if (isSkipping) {
      const end = data.indexOf(LINE_FEED);
      if (end === -1) return;
      isSkipping = false;
      start = end + 1;
    }
    for (;;) {
      const nul = data.indexOf(NUL, start);
      const end = nul === -1 ? -1 : data.indexOf(LINE_FEED, nul);
      if (end === -1) break;
      emit(data, start, nul, end);
      start = end + 1;
    }
    rest = Buffer.from(data.subarray(start)); // A copy: the chunk is the stream's.
    if (!isLast && rest.length < HEAD_BYTES_MAX + LINE_BYTES_READ) return;
    const nul = rest.indexOf(NUL);
    if (nul !== -1) emit(rest, 0, nul, rest.length);
    isSkipping = true;
    rest = Buffer.alloc(0);
  };

  return {
    push: (chunk) => take(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), false),
    end: () => take(rest, true),
  };
}
