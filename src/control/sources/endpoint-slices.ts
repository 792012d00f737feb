import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import type { SourceNews } from '../../route/pool/source.js';
import type { Upstream } from '../../route/pool/upstream.js';

const text = z.string();

/** What is read of an EndpointSlice (discovery.k8s.io/v1). What is written as null is absent. */
const slice = z.object({
  metadata: z.object({ name: text, resourceVersion: text }),
  addressType: text,
  endpoints: z
    .array(
      z.object({
        addresses: z.array(text),
        conditions: z
          .object({
            ready: z.boolean().nullish(),
            serving: z.boolean().nullish(),
            terminating: z.boolean().nullish(),
          })
          .nullish(),
        targetRef: z.object({ name: text.nullish(), uid: text.nullish() }).nullish(),
      }),
    )
    .nullish(),
  ports: z.array(z.object({ name: text.nullish(), port: z.number().nullish() })).nullish(),
});

export type EndpointSlice = z.infer<typeof slice>;

/** Undefined when it is none. */
export function readSlice(value: unknown): EndpointSlice | undefined {
  return slice.safeParse(value).data;
}

/** Which of what the slices say becomes upstreams, and how. */
export interface SliceChoice {
  readonly service: string;
  readonly namespace: string;
  readonly port: string | number | undefined;
  readonly isHttps: boolean;
  readonly serverName: string | undefined;
  readonly family: '4' | '6' | undefined;
}

interface Instance {
  readonly upstream: Upstream;
  readonly isDown: boolean;
  readonly isIpv4: boolean;
}

/**
 * The union of the slices, an upstream a pod. `slices`: those that changed last come last. A pod that is
 * moved from one slice to another stands in both for a moment, and then the last word counts. With two
 * families of addresses a pod stands in two slices for good.
 */
export function newsOfSlices(slices: Iterable<EndpointSlice>, choice: SliceChoice): SourceNews {
  const { service, namespace, isHttps } = choice;
  const serverName = isHttps ? (choice.serverName ?? `${service}.${namespace}.svc`) : undefined;
  const instances = new Map<string, Instance>();
  let problem: string | undefined;
  let count = 0;
  for (const { addressType, endpoints, ports } of slices) {
    count++;
    const isIpv4 = addressType === 'IPv4';
    if (!isIpv4 && addressType !== 'IPv6') continue;
    if (choice.family !== undefined && isIpv4 !== (choice.family === '4')) continue;
    if ((endpoints ?? []).length === 0) continue;
    const port = portOf(ports ?? [], choice.port);
    if (typeof port === 'string') {
      problem ??= `service ${service} ${port}`;
      continue;
    }
    for (const { addresses, conditions, targetRef } of endpoints ?? []) {
      // The others mean nothing: "consumers should only use the first" (types.go).
      const address = addresses[0];
      if (address === undefined || !(isIpv4 ? isIPv4(address) : isIPv6(address))) continue;
      const host = isIpv4 ? address : `[${address}]`;
      const id = targetRef?.name ?? `${service}[${address}]:${port}`;
      const isTerminating = conditions?.terminating === true;
      // `serving` is `ready` without regard to termination; servers before 1.22 don't say it.
      const isServing = conditions?.serving ?? (isTerminating || conditions?.ready !== false);
      const before = instances.get(id);
      if (before !== undefined && before.isIpv4 && !isIpv4) continue;
      // A successor of the same name (a StatefulSet's) has the name before its predecessor has quite gone.
      const uid = targetRef?.uid ?? undefined;
      const isOther = before !== undefined && before.upstream.incarnation !== uid;
      if (isOther && isTerminating && !before.upstream.draining) continue;
      instances.set(id, {
        upstream: {
          id,
          url: new URL(`${isHttps ? 'https' : 'http'}://${host}:${port}`).origin,
          weight: 1,
          draining: isTerminating,
          ...(serverName !== undefined && { serverName }),
          ...(uid !== undefined && { incarnation: uid }),
        },
        isDown: !isServing,
        isIpv4,
      });
    }
  }
  if (count === 0)
    problem = `there is no EndpointSlice of service ${service} in namespace ${namespace}. Does the service exist?`;
  const all = [...instances.values()];
  return {
    upstreams: all.map(({ upstream }) => upstream),
    down: all.filter(({ isDown }) => isDown).map(({ upstream }) => upstream.id),
    problem,
  };
}

/** The number, or what is wrong. */
function portOf(
  ports: NonNullable<EndpointSlice['ports']>,
  wanted: string | number | undefined,
): number | string {
  const numbered = ports.filter(({ port }) => port !== null && port !== undefined && port > 0);
  const names = numbered.map(({ name, port }) => (name ? `${name} (${port})` : String(port))).join(', ');
  if (wanted === undefined) {
    if (numbered.length === 1) return numbered[0]!.port!;
    return numbered.length === 0
      ? 'has no port. Write port: 8080, or give the service one.'
      : `has ${numbered.length} ports: ${names}. Write which: port: ${numbered[0]!.name || numbered[0]!.port}.`;
  }
  const found = numbered.find(({ name, port }) => (typeof wanted === 'number' ? port : name) === wanted);
  if (found !== undefined) return found.port!;
  // A service without ports has slices without, and the number says it all.
  if (typeof wanted === 'number' && numbered.length === 0) return wanted;
  return `has no port ${wanted}. It has: ${names || 'none'}.`;
}
