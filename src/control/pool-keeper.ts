import type { PoolOptions } from '../route/pool/pool.js';
import type { PoolView } from '../route/pool/pool-view.js';
import type { Assembly } from './assembly.js';
import type { CertificateTexts } from './certificate-texts.js';

/** Makes the pools of a gateway, and sees to it that they know how their upstreams are. */
export interface PoolKeeper {
  create(name: string, options: PoolOptions): PoolView;
  /** The assembly is in use: from now on its pools are kept up to date, and no others. */
  follow(assembly: Assembly, certificates: CertificateTexts): void;
  stop(): void;
}
