/** Is told of what a search tool found, as it comes. */
export interface MatchListener {
  /** The lines that follow are of this file. The path is relative to where the tool ran; bytes, since a name need not be UTF-8. */
  file(path: Buffer): void;
  /** A line (from 1): what lies in `data` from `start` to before `end`, without line feed. `data` is not the listener's to keep. */
  line(line: number, data: Buffer, start: number, end: number): void;
}

/** Of a line; what comes after is not looked at. */
const LINE_BYTES_READ = 64 * 1024;
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

  /** @param nul the end of the path @param nextNul the first one after it, or the end of `data` */
  const emit = (data: Buffer, start: number, nul: number, nextNul: number, end: number): void => {
    let colon = nul + 1;
    let line = 0;
    for (; colon < end && data[colon] !== COLON; colon += 1) line = line * 10 + (data[colon] ?? 0) - ZERO;
    if (colon >= end) return;
    const text = colon + 1;
    const textEnd = Math.min(end, text + LINE_BYTES_READ);
    if (nextNul < textEnd) return;
    if (path === undefined || path.compare(data, start, nul) !== 0) {
      path = Buffer.from(data.subarray(start, nul));
      listener.file(path);
    }
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
    let nul = indexOrEnd(data, NUL, start);
    for (;;) {
      const end = nul === data.length ? -1 : data.indexOf(LINE_FEED, nul);
      if (end === -1) break;
      const nextNul = indexOrEnd(data, NUL, nul + 1);
      emit(data, start, nul, nextNul, end);
      start = end + 1;
      // Mostly it is the end of the next path: a search less for each line.
      nul = nextNul >= start ? nextNul : indexOrEnd(data, NUL, start);
    }
    rest = Buffer.from(data.subarray(start)); // A copy: the chunk is the stream's.
    if (!isLast && rest.length < HEAD_BYTES_MAX + LINE_BYTES_READ) return;
    const last = rest.indexOf(NUL);
    if (last !== -1) emit(rest, 0, last, indexOrEnd(rest, NUL, last + 1), rest.length);
    isSkipping = true;
    rest = Buffer.alloc(0);
  };

  return {
    push: (chunk) => take(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), false),
    end: () => take(rest, true),
  };
}

function indexOrEnd(data: Buffer, byte: number, from: number): number {
  const index = data.indexOf(byte, from);
  return index === -1 ? data.length : index;
}
