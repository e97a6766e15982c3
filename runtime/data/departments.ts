/** Finds the canonical name of a department, whatever it is called: "Sports", "sport", "Boy's"; null for no department. */
export function departmentNames(departments: ReadonlyMap<string, readonly string[]>): (name: string) => string | null {
  const canonical = new Map<string, string>();
  for (const [department, aliases] of departments) {
    for (const name of [department, ...aliases]) canonical.set(name.toLowerCase(), department);
  }
  return (name) => canonical.get(name.toLowerCase()) ?? null;
}
