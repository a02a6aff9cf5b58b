/**
 * Features that start programs of the owner's, or hand their accounts to the model. A list of names of codex's own (0.169.0): one that
 * a version does not know is no error.
 */
const FEATURES = [
  ...["apps", "plugins", "remote_plugin", "hooks", "tool_suggest", "skill_mcp_dependency_install"],
  ...["browser_use", "browser_use_external", "computer_use", "in_app_browser"],
] as const;

/**
 * Returns the settings that switch off, for one run, what the owner has in their own configuration of codex: MCP servers, apps,
 * plugins, hooks, and the program that is told of the end of a turn. All of these run outside of the sandbox.
 *
 * @param servers names of all MCP servers that codex has configured: an empty table takes none away, so each is switched off (0.169.0)
 */
export function withoutOwnerPrograms(servers: readonly string[]): readonly string[] {
  const off = servers.map((name) => `${JSON.stringify(name)}={enabled=false}`).join(",");
  return [
    ...FEATURES.map((feature) => `features.${feature}=false`),
    "notify=[]",
    ...(servers.length === 0 ? [] : [`mcp_servers={${off}}`]),
  ];
}
