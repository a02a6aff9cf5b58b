/**
 * Adds to package-lock.json what `npm install` leaves out when the registry it asks does not carry the binaries of other
 * platforms: `npm ci` (11.19) then refuses the lock file ("Missing: … from lock file"). Such an entry has a version and a
 * platform and no checksum; it is never installed here. Run by `npm run lock`, after a change of dependencies.
 */
import { readFileSync, writeFileSync } from "node:fs";

const LOCK = new URL("../package-lock.json", import.meta.url);
const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

const lock = JSON.parse(readFileSync(LOCK, "utf8"));
for (const [path, node] of Object.entries(lock.packages)) {
  for (const [name, spec] of Object.entries(node.optionalDependencies ?? {})) {
    if (!isThere(path, name)) lock.packages[`node_modules/${name}`] = entryOf(name, spec, node.dev === true);
  }
}
const [own, ...rest] = Object.entries(lock.packages);
lock.packages = Object.fromEntries([own, ...rest.sort(([a], [b]) => (a < b ? -1 : 1))]);
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);

/** Looks upwards from a package, as Node does. */
function isThere(from, name) {
  for (let path = from; ; path = path.slice(0, Math.max(0, path.lastIndexOf("node_modules/"))).replace(/\/$/, "")) {
    if (lock.packages[`${path === "" ? "" : `${path}/`}node_modules/${name}`]?.version !== undefined) return true;
    if (path === "") return false;
  }
}

function entryOf(name, spec, dev) {
  const [, alias, aliased] = /^npm:(.+)@([^@]+)$/.exec(spec) ?? [];
  const version = (aliased ?? spec).replace(/^[~^]/, "");
  const words = `${name}-${version}`.split(/[-_/@.]/);
  const os = name === "fsevents" ? ["darwin"] : SYSTEMS.filter((word) => words.includes(word));
  const isArm = words.some((word) => ["eabi", "gnueabihf", "musleabihf"].includes(word));
  const cpu = isArm ? ["arm"] : PROCESSORS.filter((word) => words.includes(word));
  const libc = words.some((word) => word.startsWith("musl"))
    ? ["musl"]
    : words.some((word) => word.startsWith("gnu"))
      ? ["glibc"]
      : [];
  return {
    ...(alias === undefined ? {} : { name: alias }),
    version,
    ...(dev ? { dev } : {}),
    optional: true,
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(os.length > 0 ? { os } : {}),
    ...(libc.length > 0 ? { libc } : {}),
  };
}
