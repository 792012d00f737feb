import { systemClock } from '../base/clock.js';
import { StickyError } from '../base/errors.js';
import { systemRandom } from '../base/random.js';
import { standardKinds, type Kinds } from '../route/kinds.js';
import type { Upstream } from '../route/pool/upstream.js';
import type { Config, PoolConfig } from './config/config.js';
import { sourceKind } from './sources/registry.js';

/** A configuration with all the upstreams that are known without asking anybody. */
export interface OfflineConfig {
  /** Its pools list what their sources say, as far as that is known. */
  readonly config: Config;
  /** What is not known, a sentence each. */
  readonly unknown: readonly string[];
  /** What is wrong with files that sources would read. */
  readonly broken: readonly StickyError[];
}

/** For `validate`, `explain` and `export`, which start nothing: reads files, asks nobody. */
export function offlineConfig(config: Config, kinds: Kinds = standardKinds): OfflineConfig {
  const unknown: string[] = [];
  const broken: StickyError[] = [];
  const pools = config.pools.map((pool): PoolConfig => {
    const upstreams: Upstream[] = [...pool.upstreams];
    for (const { name, options, folder } of pool.sources) {
      const kind = sourceKind(kinds, name);
      const source = `pool ${pool.name}: source ${name} ${kind.subject(options)}`;
      if (kind.offline === undefined) {
        unknown.push(`${source} is asked while the gateway runs, so its upstreams are not known here`);
        continue;
      }
      try {
        const found = kind.offline(options, { clock: systemClock, random: systemRandom, folder });
        upstreams.push(
          ...found
            .filter(({ id, url }) => !upstreams.some((other) => other.id === id || other.url === url))
            .sort((a, b) => (a.id < b.id ? -1 : 1)),
        );
      } catch (error) {
        if (!(error instanceof StickyError)) throw error;
        broken.push(error);
        unknown.push(`${source} can't be used now, so its upstreams are not known here`);
      }
    }
    return { ...pool, upstreams };
  });
  return { config: { ...config, pools }, unknown, broken };
}

/** Throws for a pool that nothing is known of, where that leaves nothing to work with. */
export function checkKnown({ config }: OfflineConfig): void {
  const empty = config.pools.find(({ upstreams }) => upstreams.length === 0);
  if (empty === undefined) return;
  throw new StickyError(
    'STICKY_CONFIG_INVALID',
    `Pool ${empty.name} lists no upstream, and its sources are asked only while the gateway runs. Write upstreams beside sources, for what can't ask them.`,
  );
}
