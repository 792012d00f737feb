import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseConfig } from '../../src/control/config/load.js';
import { configWarnings } from '../../src/control/warnings.js';
import { filesUnder, readText } from '../house/sources.js';

/** Just what is looked at; what is missing fails the test. */
interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Record<string, string> };
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly [key: string]: any;
}

const FOLDER = 'examples/kubernetes';
const files = filesUnder(FOLDER, /\.yaml$/);
const kustomization = parse(readText(`${FOLDER}/kustomization.yaml`)) as { resources: string[] };
const resources = files
  .filter((file) => !file.endsWith('kustomization.yaml'))
  .flatMap((file) =>
    parseAllDocuments(readText(file)).map((document) => {
      expect(document.errors, file).toEqual([]);
      return document.toJS() as Resource;
    }),
  );
const one = (kind: string, name = 'stickyroute'): Resource => {
  const found = resources.filter((each) => each.kind === kind && each.metadata.name === name);
  expect(found, `${kind} ${name}`).toHaveLength(1);
  return found[0]!;
};
const pod = one('Deployment')['spec'].template;
const [container] = pod.spec.containers;
const text = one('ConfigMap')['data']['stickyroute.yaml'] as string;
const config = parseConfig(text, {
  source: 'stickyroute.yaml',
  folder: '/etc/stickyroute',
  env: { STICKYROUTE_KEY: 'k'.repeat(44) },
});
const portOf = (name: string): number =>
  container.ports.find((port: { name: string }) => port.name === name).containerPort as number;

describe('examples/kubernetes', () => {
  it('is all in the kustomization', () => {
    expect(kustomization.resources.map((name) => `${FOLDER}/${name}`).sort()).toEqual(
      files.filter((file) => !file.endsWith('kustomization.yaml')).sort(),
    );
  });

  it('has a good configuration, of which nothing is to be warned', () => {
    expect(configWarnings(config)).toEqual([]);
  });

  it('opens the ports that the configuration opens, and probes what the gateway answers', () => {
    expect(portOf('http')).toBe(config.listen.port);
    expect(portOf('monitor')).toBe(config.monitor!.listen.port);
    for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe'])
      expect(container[name].httpGet.port).toBe('monitor');
    expect(container.livenessProbe.httpGet.path).toBe('/live');
    expect(container.startupProbe.httpGet.path).toBe('/live');
    expect(container.readinessProbe.httpGet.path).toBe('/ready');
    expect(pod.metadata.annotations['prometheus.io/port']).toBe(String(portOf('monitor')));
    const ports = one('Service')['spec'].ports as { targetPort: string }[];
    expect(ports.map(({ targetPort }) => targetPort)).toEqual(['http']);
  });

  it('mounts the configuration where it is read, and follows it', () => {
    const file = container.args[container.args.indexOf('-c') + 1] as string;
    const mount = container.volumeMounts[0];
    expect(file).toBe(`${mount.mountPath}/stickyroute.yaml`);
    expect(mount.subPath, 'A file alone is never changed.').toBeUndefined();
    expect(pod.spec.volumes).toEqual([{ name: mount.name, configMap: { name: 'stickyroute' } }]);
    expect(container.args).toContain('--watch');
    const written = [...text.matchAll(/\$\{(\w+)\}/g)].map((match) => match[1]);
    expect(container.env.map(({ name }: { name: string }) => name)).toEqual(written);
  });

  it('gives the time that an end takes', () => {
    const endMs = config.shutdownDelayMs + config.shutdownGraceMs;
    expect(pod.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(endMs);
    // Not ready, and out of every list, before the port closes.
    const { periodSeconds, failureThreshold } = container.readinessProbe;
    expect(config.shutdownDelayMs).toBeGreaterThan(periodSeconds * failureThreshold * 1000);
    const app = one('Deployment', 'app')['spec'].template.spec;
    expect(app.terminationGracePeriodSeconds).toBeGreaterThan(
      app.containers[0].lifecycle.preStop.sleep.seconds as number,
    );
  });

  it('may list and watch endpoint slices, and nothing else', () => {
    expect(one('Role')['rules']).toEqual([
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ]);
    const { roleRef, subjects } = one('RoleBinding');
    expect(roleRef).toMatchObject({ kind: 'Role', name: one('Role').metadata.name });
    expect(subjects).toEqual([{ kind: 'ServiceAccount', name: pod.spec.serviceAccountName }]);
    one('ServiceAccount', pod.spec.serviceAccountName as string);
    expect(resources.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
  });

  it('selects the pods that it makes', () => {
    for (const name of ['stickyroute', 'app']) {
      const { spec } = one('Deployment', name);
      const { labels } = spec.template.metadata;
      expect(spec.selector.matchLabels).toEqual(labels);
      expect(one('Service', name)['spec'].selector).toEqual(labels);
    }
    expect(one('PodDisruptionBudget')['spec'].selector.matchLabels).toEqual(pod.metadata.labels);
    expect(pod.spec.topologySpreadConstraints[0].labelSelector.matchLabels).toEqual(pod.metadata.labels);
  });

  it('follows the service of the app, by a port that it has', () => {
    const [source] = config.pools[0]!.sources;
    const { service, port } = source!.options as { service: string; port: string };
    const { spec } = one('Service', service);
    const found = spec.ports.find((each: { name: string }) => each.name === port);
    const app = one('Deployment', 'app')['spec'].template.spec.containers[0];
    expect(app.ports.map(({ name }: { name: string }) => name)).toContain(found.targetPort);
    expect(app.readinessProbe.httpGet.port).toBe(found.targetPort);
  });

  it('runs as nobody, and can change nothing', () => {
    expect(pod.spec.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.image).toBe(
      `stickyroute:${(JSON.parse(readText('package.json')) as { version: string }).version}`,
    );
  });
});
