/** What one look at inbox/ may cost, so that a flood of files neither blocks the process nor fills its memory. */
export interface ScanLimits {
  /** Folder entries looked at per scan, of any kind. */
  readonly entriesMax: number;
  /** Tasks handed out per scan, and files read per scan. */
  readonly filesMax: number;
  /** Bytes of tasks handed out per scan; one file is always handed out, whatever its size. */
  readonly bytesMax: number;
  /** Broken files told of at once. */
  readonly brokenMax: number;
}

export const SCAN_LIMITS: ScanLimits = {
  entriesMax: 50_000,
  filesMax: 1_000,
  bytesMax: 16 * 1024 * 1024,
  brokenMax: 1_000,
};

/** Bytes of one dropped file. A prompt may have 2^20 UTF-16 units, three bytes each at most; the rest is for front matter. */
export const DROP_BYTES_MAX = 4 * 1024 * 1024;

/** Folders below inbox/ that are looked into: one more than a session key may have parts, so that its files can be told why. */
export const FOLDER_DEPTH_MAX = 5;

/** Milliseconds of work before other work of the process gets a turn. */
export const SLICE_MS = 10;

/** How often inbox/ is looked at when it cannot be watched. */
export const UNWATCHED_RESCAN_MS = 1_000;

/** Bytes of an error file that are read for comparing; ours are far smaller. */
export const ERROR_FILE_BYTES_MAX = 256 * 1024;

/** Different notices remembered, so that each is said once. */
export const NOTICES_MAX = 1_000;

/** Bytes of one file name on every file system of Linux. */
export const NAME_BYTES_MAX = 255;
