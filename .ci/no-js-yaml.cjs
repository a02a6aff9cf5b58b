/** Stands in for js-yaml in the bundle: gray-matter binds these two when it is loaded, and calls neither (docs/decisions/0002). */
exports.safeLoad = exports.safeDump = () => {
  throw new Error("js-yaml is not part of codex-inbox");
};
