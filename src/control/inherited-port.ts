/** A socket that listens already when the process starts. It takes the place of `listen`. */
export interface InheritedPort {
  readonly descriptor: number;
  /** The process that had it before serves on until this one does. Its other ports are in use until then. */
  readonly isSuccession: boolean;
}
