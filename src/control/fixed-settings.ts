import { isDeepStrictEqual } from 'node:util';
import type { AdminConfig, Config, Listen } from './config/config.js';

/** A setting that a reload can't change: the sockets are open and the processes are there. */
export interface FixedSetting {
  readonly setting:
    | 'listen'
    | 'proxyProtocol'
    | 'tls'
    | 'tls.clientCert'
    | 'http2'
    | 'workers'
    | 'monitor'
    | 'admin.listen'
    | 'stateFile';
  /** As it runs. */
  readonly now: string;
  /** As the configuration has it; it takes effect at the next start. */
  readonly wanted: string;
}

/**
 * What can run of the wanted configuration: with the listener and the workers that are there. And the
 * settings that wait for the next start because of that.
 */
export function withFixed(
  running: Config,
  wanted: Config,
): { readonly config: Config; readonly needsRestart: readonly FixedSetting[] } {
  const { listen, tls, http2, workers, monitor } = running;
  const needsRestart: FixedSetting[] = [];
  if (!isDeepStrictEqual(listen, wanted.listen))
    needsRestart.push({ setting: 'listen', now: listenText(listen), wanted: listenText(wanted.listen) });
  if (running.proxyProtocol !== wanted.proxyProtocol)
    needsRestart.push({
      setting: 'proxyProtocol',
      now: String(running.proxyProtocol),
      wanted: String(wanted.proxyProtocol),
    });
  const isSameScheme = (tls === undefined) === (wanted.tls === undefined);
  if (!isSameScheme) needsRestart.push({ setting: 'tls', now: schemeOf(tls), wanted: schemeOf(wanted.tls) });
  const isSameAsking = askingText(tls) === askingText(wanted.tls);
  if (isSameScheme && !isSameAsking)
    needsRestart.push({ setting: 'tls.clientCert', now: askingText(tls), wanted: askingText(wanted.tls) });
  if (http2 !== wanted.http2)
    needsRestart.push({ setting: 'http2', now: String(http2), wanted: String(wanted.http2) });
  if (workers !== wanted.workers)
    needsRestart.push({ setting: 'workers', now: String(workers), wanted: String(wanted.workers) });
  if (!isDeepStrictEqual(monitor, wanted.monitor))
    needsRestart.push({
      setting: 'monitor',
      now: monitorText(monitor),
      wanted: monitorText(wanted.monitor),
    });
  const { admin, stateFile } = running;
  if (!isDeepStrictEqual(admin?.listen, wanted.admin?.listen))
    needsRestart.push({
      setting: 'admin.listen',
      now: adminText(admin),
      wanted: adminText(wanted.admin),
    });
  if (stateFile !== wanted.stateFile)
    needsRestart.push({ setting: 'stateFile', now: stateFile ?? 'off', wanted: wanted.stateFile ?? 'off' });
  return {
    config: {
      ...wanted,
      listen,
      http2,
      proxyProtocol: running.proxyProtocol,
      workers,
      monitor,
      tls: isSameScheme && isSameAsking ? wanted.tls : tls,
      // Who may ask, and for what, changes at once, but not under a socket that it was not meant for.
      admin: isDeepStrictEqual(admin?.listen, wanted.admin?.listen) ? wanted.admin : admin,
      stateFile,
    },
    needsRestart,
  };
}

/** For people: `listen is 9090 now …`. */
export function fixedText({ setting, now, wanted }: FixedSetting): string {
  return `${setting} stays ${now}; ${wanted} takes effect at the next start`;
}

function listenText({ host, port }: Listen): string {
  if (host === undefined) return String(port);
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function monitorText(monitor: Config['monitor']): string {
  return monitor === undefined ? 'off' : listenText(monitor.listen);
}

function adminText(admin: AdminConfig | undefined): string {
  if (admin === undefined) return 'off';
  return admin.listen.kind === 'unix' ? `unix:${admin.listen.path}` : listenText(admin.listen);
}

/** The server's own question, which is asked before any certificate is chosen. */
function askingText(tls: Config['tls']): string {
  if (tls?.clientCa === undefined) return 'none';
  return tls.isClientCertRequired ? 'required' : 'asked';
}

function schemeOf(tls: unknown): string {
  return tls === undefined ? 'http' : 'https';
}
