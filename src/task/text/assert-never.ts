/** Does not compile until every case is handled. @throws Error should an unknown one arrive all the same */
export function assertNever(value: never): never {
  throw new Error(`unexpected: ${JSON.stringify(value)}`);
}
