import { isDeepStrictEqual } from 'node:util';
import type { CertificateTexts } from './certificate-texts.js';
import type { Config, Listen } from './config/config.js';

/** A setting that a reload can't change: the sockets are open and the processes are there. */
export interface FixedSetting {
  readonly setting: 'listen' | 'tls' | 'workers' | 'monitor';
  /** As it runs. */
  readonly now: string;
  /** As the configuration has it; it takes effect at the next start. */
  readonly wanted: string;
}

interface Wanted {
  readonly config: Config;
  readonly certificates: CertificateTexts;
}

/**
 * What can run of the wanted configuration: with the listener and the workers that are there. And the
 * settings that wait for the next start because of that.
 */
export function withFixed(
  running: Wanted,
  wanted: Wanted,
): Wanted & { readonly needsRestart: readonly FixedSetting[] } {
  const { listen, tls, workers, monitor } = running.config;
  const needsRestart: FixedSetting[] = [];
  const { config } = wanted;
  if (!isDeepStrictEqual(listen, config.listen))
    needsRestart.push({ setting: 'listen', now: listenText(listen), wanted: listenText(config.listen) });
  const isSameScheme = (tls === undefined) === (config.tls === undefined);
  if (!isSameScheme) needsRestart.push({ setting: 'tls', now: schemeOf(tls), wanted: schemeOf(config.tls) });
  if (workers !== config.workers)
    needsRestart.push({ setting: 'workers', now: String(workers), wanted: String(config.workers) });
  if (!isDeepStrictEqual(monitor, config.monitor))
    needsRestart.push({
      setting: 'monitor',
      now: monitorText(monitor),
      wanted: monitorText(config.monitor),
    });
  return {
    config: { ...config, listen, workers, monitor, tls: isSameScheme ? config.tls : tls },
    certificates: {
      ...wanted.certificates,
      listener: isSameScheme ? wanted.certificates.listener : running.certificates.listener,
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

function schemeOf(tls: unknown): string {
  return tls === undefined ? 'http' : 'https';
}
