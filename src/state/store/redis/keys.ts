/**
 * The keys of one partition. What stands in braces decides the slot of Redis Cluster, so all of them lie in
 * one.
 */
export interface PartitionKeys {
  /** A hash: the partition's numbers. */
  readonly header: string;
  /** A stream: the newest notes. */
  readonly log: string;
  /** A hash: a record. */
  record(key: string): string;
  /** A sorted set: an index. */
  index(index: string): string;
  /** A text that lives for seconds: what came of a change. */
  mark(id: string): string;
}

export function partitionKeys(prefix: string, partition: number): PartitionKeys {
  const start = `{${prefix}:${partition}}:`;
  return {
    header: `${start}#`,
    log: `${start}#log`,
    record: (key) => `${start}r:${key}`,
    index: (index) => `${start}i:${index}`,
    mark: (id) => `${start}m:${id}`,
  };
}
