import { family } from './family.js';
import type { ProcessFacts } from './measures.js';
import type { MetricsSnapshot } from './snapshot.js';

function ofProcesses(number: (facts: ProcessFacts) => number | undefined) {
  return ({ processes }: MetricsSnapshot) =>
    processes.flatMap((facts) => {
      const value = number(facts);
      return value === undefined ? [] : [[value, facts.name] as const];
    });
}

/** Of the gateway as a whole, and of its processes. */
export const gatewayFamilies = [
  family('gauge', 'stickyroute_ready', 'Whether /ready answers 200: 1, or 0', [], ({ isReady }) => [
    [isReady ? 1 : 0],
  ]),
  family(
    'counter',
    'stickyroute_reloads_total',
    'Reloads of the configuration, by whether it could be used',
    ['result'],
    ({ reloads }) => [
      [reloads.succeeded, 'succeeded'],
      [reloads.failed, 'failed'],
    ],
  ),
  family(
    'gauge',
    'stickyroute_config_last_reload_successful',
    'Whether the last reload could be used: 1, or 0',
    [],
    ({ reloads }) => [[reloads.hasLastSucceeded ? 1 : 0]],
  ),
  family(
    'gauge',
    'stickyroute_config_loaded_timestamp_seconds',
    'When the configuration in use was taken',
    [],
    ({ reloads }) => [[reloads.configuredAtMs / 1000]],
  ),
  family(
    'gauge',
    'stickyroute_config_info',
    'Always 1; the hash tells one configuration from another, and gateways with the same one have the same hash',
    ['hash'],
    ({ reloads }) => [[1, reloads.configHash]],
  ),
  family(
    'gauge',
    'stickyroute_certificate_not_after_timestamp_seconds',
    'When a certificate ends: the first of those in its file',
    ['certificate'],
    ({ certificates }) => certificates.map(({ name, notAfterMs }) => [notAfterMs / 1000, name] as const),
  ),
  family(
    'histogram',
    'stickyroute_event_loop_delay_seconds',
    'How late the timers of a process are: for so long it did something else',
    ['process'],
    ({ processes }) => processes.map(({ name, eventLoopDelay }) => [eventLoopDelay, name] as const),
  ),
  family(
    'gauge',
    'stickyroute_heap_used_bytes',
    'Memory that objects take in a process',
    ['process'],
    ofProcesses(({ heapBytes }) => heapBytes),
  ),
  family(
    'counter',
    'process_cpu_seconds_total',
    'User and system time that a process has used',
    ['process'],
    ofProcesses(({ cpuSeconds }) => cpuSeconds),
  ),
  family(
    'gauge',
    'process_resident_memory_bytes',
    'Memory of a process that is in RAM',
    ['process'],
    ofProcesses(({ residentBytes }) => residentBytes),
  ),
  family(
    'gauge',
    'process_open_fds',
    'Files and sockets that a process has open',
    ['process'],
    ofProcesses(({ openFiles }) => openFiles),
  ),
  family(
    'gauge',
    'process_max_fds',
    'Files and sockets that a process may have open',
    ['process'],
    ofProcesses(({ openFilesMax: most }) => most),
  ),
  family(
    'gauge',
    'process_start_time_seconds',
    'When a process started',
    ['process'],
    ofProcesses(({ startedAtMs }) => startedAtMs / 1000),
  ),
  family(
    'gauge',
    'stickyroute_build_info',
    'Always 1; the version of stickyroute and of Node',
    ['version', 'node'],
    ({ version }) => [[1, version, process.versions.node]],
  ),
];
