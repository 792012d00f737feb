/**
 * One statement of a contract. `run` throws, or rejects, when it does not hold; any test runner can call it.
 */
export interface ContractCase {
  readonly name: string;
  /** Why the statement is none about this subject; `run` then only makes sure of that. */
  readonly notApplicable?: string | undefined;
  run(): void | Promise<void>;
}
