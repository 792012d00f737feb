/**
 * One statement of a contract. `run` throws, or rejects, when it does not hold; any test runner can call it.
 */
export interface ContractCase {
  readonly name: string;
  run(): void | Promise<void>;
}
